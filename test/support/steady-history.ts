import type { Change, History, Moment } from '../../src/gateway/history.ts'
import type { Revision } from '../../src/gateway/names.ts'

/** The history of a store that never goes back, for what is tested without a store. */
export const steadyHistory: Pick<History, 'momentOf' | 'revisionOf' | 'heard'> = {
  momentOf: revision => ({ store: 'a-store', number: revision, token: tokenOf(revision) }),
  revisionOf: ({ number }) => number as Revision,
  heard: ({ number }) => number as Revision,
}

/** What is announced with a change there. */
export function announced({ revision }: Change): [moment: Moment, before: string] {
  return [{ store: 'a-store', number: revision, token: tokenOf(revision) }, tokenOf(revision - 1)]
}

function tokenOf(number: number): string {
  return `token-${number}`
}
