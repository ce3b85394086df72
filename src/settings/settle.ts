import type { z } from 'zod'
import type { Complaint } from './complaint.ts'
import type { Tree } from './document.ts'
import { complaintsOf } from './judge.ts'
import { resolveReferences, type Surroundings } from './references.ts'
import type { Shape } from './shape.ts'

export interface Measure<T> {
  readonly schema: z.ZodType<T>
  readonly shape: Shape
  readonly surroundings: Surroundings
  /** Settings that came from the environment, and the variable. */
  readonly variables: ReadonlyMap<string, string>
  /** What was found wrong before. */
  readonly complaints: readonly Complaint[]
}

/** The settings that a tree makes, its references followed; or everything that is wrong with it. */
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

/** A reference that leads nowhere leaves its setting empty: that must not be complained about a second time. */
function firstOfEachPath(complaints: readonly Complaint[]): readonly Complaint[] {
  const paths = new Set<string>()
  return complaints.filter(({ path }) => !paths.has(path) && paths.add(path))
}
