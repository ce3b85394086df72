import { resolve } from 'node:path'
import { bareText, headerSafe, headerSafeDemand, readBareText } from '../common/given-text.ts'
import { type Complaint, spell, type Tree, unreadable } from './document.ts'
import { isGroup, readValue } from './overrides.ts'
import { memberOf, type Shape } from './shape.ts'

/** What references are resolved against. `folder`: the directory that `{ file: PATH }` is relative to. */
export interface Surroundings {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly folder: string
}

/** The tree with every `{ env: NAME }` and `{ file: PATH }` replaced by its value. */
export interface Resolved {
  readonly tree: Tree
  /** Settings that came from references: their values must not be shown. */
  readonly hidden: ReadonlySet<string>
  readonly complaints: readonly Complaint[]
}

/**
 * Resolves references, but only where a single value is allowed: `log: { file: ... }` looks like one and is a group.
 */
export function resolveReferences(tree: Tree, shape: Shape, surroundings: Surroundings): Resolved {
  const hidden = new Set<string>()
  const complaints: Complaint[] = []

  function walk(value: Tree, place: Shape | undefined, path: readonly PropertyKey[]): Tree {
    if (place?.kind === 'group' && value === null) return {} // `demo:` with nothing below it is an empty group
    if (place?.kind === 'group' && isGroup(value)) {
      const members = Object.entries(value)
      return Object.fromEntries(
        members.map(([key, member]) => [key, walk(member, memberOf(place, key), [...path, key])]),
      )
    }
    if (place?.kind === 'list' && Array.isArray(value)) {
      return value.map((item, index) => walk(item, place.item, [...path, index]))
    }
    const found = place?.kind === 'value' ? follow(value, surroundings) : undefined
    if (place === undefined || found === undefined) return value
    if ('message' in found) complaints.push({ path: spell(path), message: found.message })
    else hidden.add(spell(path))
    if ('message' in found) return undefined
    if (place.kind === 'value' && place.followed && found.file !== undefined) {
      // It is read again when it is used. Refused only then, it would fail requests.
      if (!headerSafe.test(found.text))
        complaints.push({ path: spell(path), message: `the content of the file ${headerSafeDemand}` })
      return { file: found.file }
    }
    return readValue(found.text, place)
  }

  return { tree: walk(tree, shape, []), hidden, complaints }
}

/** The value of a reference; `file` is its absolute path, if it is one. */
interface Found {
  readonly text: string
  readonly file?: string
}

/** `undefined`: not a reference. */
function follow(
  value: Tree,
  { env, folder }: Surroundings,
): Found | { readonly message: string } | undefined {
  if (!isGroup(value) || Object.keys(value).length !== 1) return undefined
  if (typeof value['env'] === 'string') {
    const text = env[value['env']]
    return text === undefined
      ? { message: `the environment variable ${value['env']} is not set` }
      : { text: bareText(text) }
  }
  if (typeof value['file'] !== 'string') return undefined
  try {
    const file = resolve(folder, value['file'])
    const text = readBareText(file)
    return typeof text === 'string' ? { text, file } : { message: `the file ${value['file']} ${text.flaw}` }
  } catch (error) {
    return { message: `the file ${value['file']} ${unreadable(error)}` }
  }
}
