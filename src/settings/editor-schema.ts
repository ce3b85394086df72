import { jsonSchema, type JsonSchema } from './shape.ts'

/** The JSON Schema for editors: what the gateway's settings file may hold. */
export function editorSchema(): string {
  return editorSchemaOf('Settings of Altgate', jsonSchema)
}

/** The same for any settings file of ours; references included. */
export function editorSchemaOf(title: string, written: JsonSchema): string {
  const { $schema, ...rest } = { $schema: 'https://json-schema.org/draft/2020-12/schema', ...written }
  const root = { $schema, title, ...withReferences(rest), $defs: { reference } }
  return `${JSON.stringify(root, null, 2)}\n`
}

const reference = {
  description: 'Where the value is: an environment variable, or a file relative to this one.',
  oneOf: ['env', 'file'].map(key => ({
    type: 'object',
    properties: { [key]: { type: 'string' } },
    required: [key],
    additionalProperties: false,
  })),
}

/** Every single value may be a reference instead. */
function withReferences(part: JsonSchema): object {
  const { description, default: preset, oneOf, followed: _, ...rest } = part
  const about = { ...(description && { description }), ...(preset !== undefined && { default: preset }) }
  if (oneOf !== undefined) return { ...about, oneOf: oneOf.map(withReferences) }
  if (part.items !== undefined) return { ...about, ...rest, items: withReferences(part.items) }
  if (typeof part.additionalProperties === 'object')
    return { ...about, ...rest, additionalProperties: withReferences(part.additionalProperties) }
  if (part.properties === undefined) return { ...about, anyOf: [rest, { $ref: '#/$defs/reference' }] }
  const members = Object.entries(part.properties).map(([key, member]) => [key, withReferences(member)])
  return { ...about, ...rest, properties: Object.fromEntries(members) }
}
