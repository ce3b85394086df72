import type { Revision } from '../gateway/names.ts'

/** The revision that a statement saw: it stands in every row, and there is always one row. */
export function newestIn(rows: readonly { readonly newest: Revision }[]): Revision {
  const [first] = rows
  if (first === undefined) throw new Error('the store has lost its revision row')
  return first.newest
}
