import { isDeepStrictEqual } from 'node:util'
import { stringify } from 'yaml'
import type { JsonSchema } from './shape.ts'

/** Names the environment variable that overrides a setting. */
type VariableOf = (path: readonly string[]) => string

/** A manual's sections in Markdown, one for each setting at the top. `variableOf`: if the environment counts. */
export function sectionsOf(schema: JsonSchema, variableOf?: VariableOf): readonly string[] {
  return Object.entries(schema.properties ?? {}).map(([key, part]) => section(key, part, variableOf))
}

function section(key: string, part: JsonSchema, variableOf?: VariableOf): string {
  const members = membersOf(part).flatMap(member => entries([key], member, variableOf))
  const alone = { key, part, required: false }
  const about = members.length === 0 ? entries([], alone, variableOf) : [part.description ?? '']
  return [`## ${key}`, ...about, ...members].join('\n\n')
}

/** One setting, or a group inside a group: its members stand below it with their whole path. */
function entries(
  above: readonly string[],
  { key, part, required }: Member,
  variableOf?: VariableOf,
): readonly string[] {
  const path = [...above, key]
  const members = membersOf(part)
  const facts = [
    members.length === 0 ? kindOf(key, part) : 'group',
    part.default === undefined ? (required ? 'required' : 'optional') : `default ${presetOf(part.default)}`,
    ...(members.length === 0 && variableOf ? [`\`${variableOf(path)}\``] : []),
  ]
  const line = `**\`${path.join('.')}\`**: ${facts.join(' · ')}<br>\n${part.description ?? ''}`
  return [line, ...members.flatMap(member => entries(path, member, variableOf))]
}

interface Member {
  readonly key: string
  readonly part: JsonSchema
  /** Its group cannot do without it. */
  readonly required: boolean
}

/** The members of a group, none for a single value. Of a choice between groups: each once, as a choice itself. */
function membersOf(part: JsonSchema): readonly Member[] {
  const choices = part.oneOf ?? [part]
  if (typeof part.additionalProperties === 'object')
    return [{ key: '<id>', part: part.additionalProperties, required: false }]
  const keys = new Set(choices.flatMap(choice => Object.keys(choice.properties ?? {})))
  return [...keys].map(key => {
    const parts = choices.flatMap(choice => choice.properties?.[key] ?? [])
    const description = parts.find(each => each.description)?.description ?? ''
    const [only = {}] = parts
    return {
      key,
      part: parts.every(each => isDeepStrictEqual(each, only)) ? only : { description, anyOf: parts },
      required: choices.some(choice => choice.required?.includes(key) === true),
    }
  })
}

/** A default as it would stand in the file. */
function presetOf(preset: unknown): string {
  const text = stringify(preset, { collectionStyle: 'flow', flowCollectionPadding: true }).trim()
  return `\`${text}\``
}

/** What can stand there, with its unit, which is the last part of its name. */
function kindOf(key: string, part: JsonSchema): string {
  if (part.items !== undefined)
    return `list of ${kindOf(key, part.items).replace(/^whole number/, 'whole numbers')}`
  if (part.enum !== undefined) return part.enum.map(word => `\`${word}\``).join(' or ')
  if (part.anyOf !== undefined) return part.anyOf.map(choice => kindOf(key, choice)).join(' or ')
  if (part.const !== undefined) return `\`${part.const}\``
  if (part.type === 'integer') return `whole number${unitOf(key)} from ${part.minimum} to ${part.maximum}`
  if (part.type === 'number') return `number from ${part.minimum} to ${part.maximum}`
  return part.writeOnly === true ? 'text, secret' : 'text'
}

const units = [
  [/Seconds$/, ' of seconds'],
  [/Minutes$/, ' of minutes'],
  [/Ms$/, ' of milliseconds'],
  [/KiB$/, ' of KiB'],
] as const

function unitOf(key: string): string {
  return units.find(([suffix]) => suffix.test(key))?.[1] ?? ''
}
