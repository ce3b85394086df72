import { parse } from 'yaml'
import { type Complaint, nearest, spell, type Tree } from './document.ts'
import type { Shape } from './shape.ts'

/** A setting that the environment overrides. */
export interface Override {
  readonly path: readonly string[]
  readonly value: unknown
  readonly variable: string
}

const prefix = 'ALTGATE__'

/** The variable that overrides a setting: `ALTGATE__LISTEN__PORT`. */
export function variableOf(path: readonly string[]): string {
  return prefix + path.join('__').toUpperCase()
}

/** The settings that the environment overrides. Variables that name no setting are complaints, like unknown keys. */
export function readOverrides(
  env: Readonly<Record<string, string | undefined>>,
  shape: Shape,
): { readonly overrides: readonly Override[]; readonly complaints: readonly Complaint[] } {
  const overrides: Override[] = []
  const complaints: Complaint[] = []
  const names = Object.keys(env).filter(name => name.startsWith(prefix))
  // Groups before their members, so that ALTGATE__DEMO={} does not undo ALTGATE__DEMO__UPSTREAMPORT.
  for (const variable of names.sort()) {
    const found = settingNamed(variable, shape)
    const earlier = overrides.find(({ path }) => 'path' in found && spell(path) === spell(found.path))
    if ('message' in found) complaints.push({ path: variable, message: found.message })
    else if (earlier)
      complaints.push({ path: variable, message: `is the same setting as ${earlier.variable}` })
    else overrides.push({ path: found.path, value: readValue(env[variable] ?? '', found.shape), variable })
  }
  return { overrides, complaints }
}

/** Keys are matched in any letter case: environment variables are usually in upper case. */
function settingNamed(
  variable: string,
  shape: Shape,
): { readonly path: readonly string[]; readonly shape: Shape } | { readonly message: string } {
  const path: string[] = []
  let place = shape
  for (const part of variable.slice(prefix.length).split('__')) {
    const members: ReadonlyMap<string, Shape> = place.kind === 'group' ? place.members : new Map()
    const others = place.kind === 'group' ? place.others : undefined
    const known = [...members.keys()].find(each => each.toLowerCase() === part.toLowerCase())
    const key = known ?? (others && part.toLowerCase())
    const next = key === undefined ? undefined : (members.get(key) ?? others)
    if (key === undefined || next === undefined) {
      const meant = nearest(part, [...members.keys()])
      const hint = meant === undefined ? '' : `; did you mean ${variableOf([...path, meant])}?`
      return { message: `unknown setting${hint}` }
    }
    path.push(key)
    place = next
  }
  return { path, shape: place }
}

/** Plain text where only text is allowed, a comma-separated list where a list is, else as YAML. */
export function readValue(text: string, shape: Shape): unknown {
  if (shape.kind === 'value' && shape.verbatim) return text
  if (shape.kind === 'list' && !text.trimStart().startsWith('[')) {
    const items = text.split(',').map(item => item.trim())
    return items.filter(item => item !== '').map(item => readValue(item, shape.item))
  }
  try {
    return parse(text)
  } catch {
    return text // The schema says what it must be instead.
  }
}

/** The tree with one setting replaced. A value in the place of a group stays, and the schema reports it. */
export function override(tree: Tree, path: readonly string[], value: unknown): Tree {
  const [key, ...rest] = path
  if (key === undefined) return value
  if (tree === null || tree === undefined) return { [key]: override(undefined, rest, value) }
  if (!isGroup(tree)) return tree
  return { ...tree, [key]: override(tree[key], rest, value) }
}

/** An object that is not a list: how YAML represents a group. */
export function isGroup(tree: Tree): tree is Readonly<Record<string, unknown>> {
  return typeof tree === 'object' && tree !== null && !Array.isArray(tree)
}
