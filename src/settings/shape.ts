import { z } from 'zod'
import { schema } from './schema.ts'

/** A part of the JSON Schema that zod makes of our schema: of its words only those that our settings need. */
export interface JsonSchema {
  readonly type?: string
  readonly description?: string
  readonly default?: unknown
  readonly writeOnly?: boolean
  /** Our own keyword: its file is read again when it changes. */
  readonly followed?: boolean
  /** Our own keyword: the manual does not list its members, which stand elsewhere. */
  readonly listedElsewhere?: boolean
  readonly const?: string
  readonly enum?: readonly string[]
  readonly minimum?: number
  readonly maximum?: number
  readonly pattern?: string
  readonly properties?: Readonly<Record<string, JsonSchema>>
  readonly required?: readonly string[]
  /** Of a group whose members have names chosen in the file: the schema of each. */
  readonly additionalProperties?: boolean | JsonSchema
  readonly items?: JsonSchema
  readonly anyOf?: readonly JsonSchema[]
  readonly oneOf?: readonly JsonSchema[]
}

/** What the gateway's settings file may contain. */
export const jsonSchema = jsonSchemaOf(schema)

/** What a settings file may contain: settings with defaults may be left out, and a secret is still text. */
export function jsonSchemaOf(written: z.ZodType): JsonSchema {
  // zod's own type of JSON Schema allows every keyword of every draft; the interface above names those in the output.
  return z.toJSONSchema(written, { io: 'input', override: asOneValue }) as JsonSchema
}

/** In a settings file, a secret that is followed is a value like any other. */
function asOneValue({ jsonSchema: part }: { readonly jsonSchema: z.core.JSONSchema.BaseSchema }): void {
  if (part['followed'] !== true) return
  delete part.anyOf
  part.type = 'string'
}

/** The structure of settings. A choice between groups is one group with the members of all. */
export type Shape =
  /** `others`: the shape of members with any other name. */
  | { readonly kind: 'group'; readonly members: ReadonlyMap<string, Shape>; readonly others?: Shape }
  | { readonly kind: 'list'; readonly item: Shape }
  /** `verbatim`: only text is allowed, so environment variables are not read as YAML. */
  | {
      readonly kind: 'value'
      readonly verbatim: boolean
      readonly secret: boolean
      /** A reference to a file stays one, so that the file can be read again. */
      readonly followed: boolean
    }

/** The shape of all the gateway's settings. */
export const shape = shapeOf(jsonSchema)

/** The shape of a JSON Schema. */
export function shapeOf(part: JsonSchema): Shape {
  const choices = part.anyOf ?? part.oneOf ?? [part]
  if (part.items !== undefined) return { kind: 'list', item: shapeOf(part.items) }
  if (choices.some(choice => choice.properties !== undefined)) {
    const members = choices.flatMap(choice => Object.entries(choice.properties ?? {}))
    return { kind: 'group', members: new Map(members.map(([key, member]) => [key, shapeOf(member)])) }
  }
  if (typeof part.additionalProperties === 'object')
    return { kind: 'group', members: new Map(), others: shapeOf(part.additionalProperties) }
  return {
    kind: 'value',
    verbatim: choices.every(choice => choice.type === 'string'),
    secret: part.writeOnly === true,
    followed: part.followed === true,
  }
}

/** The shape at a path, if it exists. */
export function shapeAt(path: readonly PropertyKey[], from: Shape): Shape | undefined {
  const [key, ...rest] = path
  if (key === undefined) return from
  if (from.kind === 'list') return shapeAt(rest, from.item)
  const member = from.kind === 'group' ? memberOf(from, String(key)) : undefined
  return member && shapeAt(rest, member)
}

/** What stands in a group under this name, if anything can. */
export function memberOf(group: Shape & { readonly kind: 'group' }, key: string): Shape | undefined {
  return group.members.get(key) ?? group.others
}
