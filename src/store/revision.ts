import type { History, Moment } from '../gateway/history.ts'
import type { Revision } from '../gateway/names.ts'
import { Outage } from '../gateway/outage.ts'

/** The columns of the revision's row that stand in every row of a read. */
export const momentColumns = ['newest', 'revision.token as newest_token', 'store'] as const

/** When a statement saw the store. */
export interface Seen {
  readonly newest: number
  readonly newest_token: string
  readonly store: string
}

/** The revision that a statement saw: it stands in every row, and there is always one row. Throws `Outage`. */
export function newestIn(rows: readonly Seen[], history: Pick<History, 'saw'>): Revision {
  return history.saw(momentIn(rows))
}

/** Throws `Outage`. */
export function momentIn([first]: readonly Seen[]): Moment {
  if (first === undefined) throw new Outage('store', new Error('the store has lost its revision row'))
  return { store: first.store, number: first.newest, token: first.newest_token }
}
