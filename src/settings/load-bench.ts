import { dirname, resolve } from 'node:path'
import { benchSchema, type BenchSettings } from './bench.ts'
import type { Complaint } from './complaint.ts'
import { readDocument, type Tree } from './document.ts'
import { isGroup } from './overrides.ts'
import { settle } from './settle.ts'
import { jsonSchemaOf, shapeOf } from './shape.ts'

export interface BenchSource {
  readonly file: string
  readonly env: Readonly<Record<string, string | undefined>>
  /** Where the file's path starts. */
  readonly cwd: string
  /** The name of the target; without it the only one. */
  readonly target: string | undefined
}

/** `names`: the targets there are, because none was chosen or there is none of that name. */
export type LoadedBench =
  | { readonly settings: BenchSettings }
  | { readonly complaints: readonly Complaint[] }
  | { readonly names: readonly string[] }

/** What people may write in the settings of a load test. */
export const benchJsonSchema = jsonSchemaOf(benchSchema)

/** Reads the settings of a load test. Never throws for what people wrote. */
export function loadBenchSettings({ file, env, cwd, target }: BenchSource): LoadedBench {
  const path = resolve(cwd, file)
  const read = readDocument(path, file)
  if ('complaints' in read) return read

  const names = targetNames(read.tree)
  const chosen = target ?? (names.length === 1 ? names[0] : undefined)
  if (names.length > 0 && (chosen === undefined || !names.includes(chosen))) return { names }
  return settle(withOneTarget(read.tree, chosen), {
    schema: benchSchema,
    shape: shapeOf(benchJsonSchema),
    surroundings: { env, folder: dirname(path) },
    variables: new Map(),
    complaints: [],
  })
}

function targetNames(tree: Tree): readonly string[] {
  return isGroup(tree) && isGroup(tree['targets']) ? Object.keys(tree['targets']) : []
}

/** Whoever tests one deployment needs the secrets of that one only. */
function withOneTarget(tree: Tree, name: string | undefined): Tree {
  if (name === undefined || !isGroup(tree) || !isGroup(tree['targets'])) return tree ?? {}
  return { ...tree, targets: { [name]: tree['targets'][name] } }
}
