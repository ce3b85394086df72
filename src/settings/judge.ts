import type { z } from 'zod'
import { type Complaint, nearest, spell, type Tree } from './document.ts'
import { isGroup } from './overrides.ts'
import { resolveReferences, type Surroundings } from './references.ts'
import { type Shape, shapeAt } from './shape.ts'

interface Measure<T> {
  readonly schema: z.ZodType<T>
  readonly shape: Shape
  readonly surroundings: Surroundings
  /** Settings that came from the environment, and the variable. */
  readonly variables: ReadonlyMap<string, string>
  /** Complaints from earlier steps. */
  readonly complaints: readonly Complaint[]
}

/** The settings of a tree, with its references resolved; or everything that is wrong with it. */
export function settle<T>(
  tree: Tree,
  { schema, shape, surroundings, variables, complaints }: Measure<T>,
): { readonly settings: T } | { readonly complaints: readonly Complaint[] } {
  const resolved = resolveReferences(tree, shape, surroundings)
  const judged = schema.safeParse(resolved.tree)
  const wrong = judged.success
    ? []
    : complaintsOf(judged.error, resolved.tree, { shape, hidden: resolved.hidden, variables })
  const all = firstOfEachPath([...complaints, ...resolved.complaints, ...wrong])
  return judged.success && all.length === 0 ? { settings: judged.data } : { complaints: all }
}

/** A broken reference leaves its setting empty, which must not be reported a second time. */
function firstOfEachPath(complaints: readonly Complaint[]): readonly Complaint[] {
  const paths = new Set<string>()
  return complaints.filter(({ path }) => !paths.has(path) && paths.add(path))
}

/** What complaints need to know about a value. */
interface Origins {
  /** The structure of these settings. */
  readonly shape: Shape
  /** Settings whose values must not be printed. */
  readonly hidden: ReadonlySet<string>
  /** Settings that came from the environment, and the variable. */
  readonly variables: ReadonlyMap<string, string>
}

/** The complaints about what the schema found wrong in a tree. */
function complaintsOf(error: z.ZodError, tree: Tree, origins: Origins): readonly Complaint[] {
  return error.issues.flatMap(issue => {
    if (issue.code === 'unrecognized_keys')
      return issue.keys.map(key => unknownKey(issue.path, key, origins.shape))
    const path = spell(issue.path)
    const variable = origins.variables.get(path)
    const from = variable === undefined ? '' : ` (from ${variable})`
    const value = valueAt(tree, issue.path)
    const secret = origins.hidden.has(path) || isSecret(issue.path, value, origins.shape)
    return [{ path: path || 'settings', message: sentence(issue, value, secret) + from }]
  })
}

function sentence(issue: z.core.$ZodIssue, value: unknown, secret: boolean): string {
  const wantsGroup =
    issue.code === 'invalid_type' && (issue.expected === 'object' || issue.expected === 'record')
  const demand = wantsGroup ? 'must be a group of settings' : issue.message
  if (value === undefined) return `is missing: it ${demand}`
  // About a whole group with valid members, or about the name of a group.
  const isRule = (issue.code === 'custom' && isGroup(value)) || issue.code === 'invalid_key'
  return secret || isRule ? demand : `${demand}, but is ${shown(value, wantsGroup)}`
}

/** A value in a complaint. Addresses, and text in the place of a group, may contain a password and are never shown. */
function shown(value: unknown, wantsGroup: boolean): string {
  if (value === null) return 'empty'
  if (Array.isArray(value)) return 'a list'
  if (typeof value === 'object') return 'a group'
  if (wantsGroup) return `a ${typeof value === 'string' ? 'text' : typeof value}`
  if (typeof value === 'string' && /:\/\/.*@/.test(value)) return 'an address with a user'
  if (typeof value === 'string' && keyLike.test(value)) return `a text of ${value.length} characters`
  return cut(JSON.stringify(value))
}

/** What may be a key in the wrong place: 32 bytes or more as base64 or in hexadecimal. */
const keyLike = /^[\w+/-]{43,}={0,2}$/

function unknownKey(path: readonly PropertyKey[], key: string, shape: Shape): Complaint {
  const group = shapeAt(path, shape)
  const members = group?.kind === 'group' ? [...group.members.keys()] : []
  const message = members.includes(key)
    ? 'cannot be combined with the settings beside it'
    : `unknown setting${hint(nearest(key, members), members)}`
  return { path: spell([...path, cut(key)]), message }
}

function cut(text: string): string {
  return text.length > 60 ? `${text.slice(0, 60)}…` : text
}

function hint(meant: string | undefined, members: readonly string[]): string {
  return meant === undefined ? `; known settings: ${members.join(', ')}` : `; did you mean "${meant}"?`
}

/** Also what stands in the place of a list of keys: it may be the key itself. */
function isSecret(path: readonly PropertyKey[], value: unknown, shape: Shape): boolean {
  const place = shapeAt(path, shape)
  if (place?.kind === 'list') return typeof value !== 'object' && holdsSecrets(place)
  return place?.kind === 'value' && place.secret
}

function holdsSecrets(place: Shape): boolean {
  if (place.kind === 'value') return place.secret
  return place.kind === 'list' ? holdsSecrets(place.item) : [...place.members.values()].some(holdsSecrets)
}

function valueAt(tree: Tree, path: readonly PropertyKey[]): unknown {
  let value = tree
  for (const key of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined
    // Checked above to be an object with that key.
    value = (value as Record<PropertyKey, unknown>)[key]
  }
  return value
}
