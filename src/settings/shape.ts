import { z } from 'zod'
import { schema } from './schema.ts'

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
export const shape = shapeOf(schema)

/** The shape of a schema, as a file is written: settings with defaults may be left out, and a secret is still text. */
export function shapeOf(written: z.core.$ZodType): Shape {
  const { def, secret, followed } = behind(written)
  if (followed) return { kind: 'value', verbatim: true, secret, followed }
  if (def.type === 'array') return { kind: 'list', item: shapeOf(def.element) }
  if (def.type === 'record') return { kind: 'group', members: new Map(), others: shapeOf(def.valueType) }
  const choices = def.type === 'union' ? def.options.map(option => behind(option).def) : [def]
  const groups = choices.filter(choice => choice.type === 'object')
  if (groups.length > 0) {
    const members = groups.flatMap(({ shape }) => Object.entries(shape))
    return { kind: 'group', members: new Map(members.map(([key, member]) => [key, shapeOf(member)])) }
  }
  return { kind: 'value', verbatim: choices.every(isText), secret, followed }
}

/** The type below defaults, options and transforms, and what the descriptions on the way say about its value. */
function behind(schema: z.core.$ZodType) {
  let inner = schema as z.core.$ZodTypes // the union of all types there are
  let [secret, followed] = [false, false]
  for (;;) {
    const said = z.globalRegistry.get(inner)
    secret ||= said?.['writeOnly'] === true
    followed ||= said?.['followed'] === true
    const { def } = inner._zod
    if (def.type === 'pipe') inner = def.in as z.core.$ZodTypes
    else if ('innerType' in def) inner = def.innerType as z.core.$ZodTypes
    else return { def, secret, followed }
  }
}

/** Whether every value of this type is text. */
function isText(def: z.core.$ZodTypes['_zod']['def']): boolean {
  if (def.type === 'literal') return def.values.every(value => typeof value === 'string')
  if (def.type === 'enum') return Object.values(def.entries).every(value => typeof value === 'string')
  return def.type === 'string'
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
