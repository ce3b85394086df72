import type { Change, Moment } from '../gateway/history.ts'
import type { AccountName, Revision, Scope, Slot, Username } from '../gateway/names.ts'

/** What a change invalidates, if it was read as of an earlier revision. */
export interface Stale {
  readonly revision: Revision
  readonly account?: AccountName | undefined
  /** Further ones. */
  readonly accounts?: readonly AccountName[] | undefined
  readonly slots: readonly Slot[]
  /** How far it reaches beyond that; left out: no further. */
  readonly reach?: Reach | undefined
}

/** `all`: everything that was read before is void. Both: the keys may be others. */
export type Reach = 'all' | 'keys'

/** Drops what is stale from all caches of this process, synchronously. Must not throw. */
export type Forget = (stale: Stale) => void

/** Names the slot of a credential: `AttemptKeys.slot`. */
export type SlotOf = (scope: Scope, username: Username) => Slot

export function staleBy(change: Change, slotOf: SlotOf): Stale {
  const { revision, account, accounts, scope, usernames } = change
  const slots = scope === undefined ? [] : usernames.map(username => slotOf(scope, username))
  const reach = reachOf(change)
  return { revision, account, ...(accounts && { accounts }), slots, ...(reach && { reach }) }
}

export function reachOf({ action }: Pick<Change, 'action'>): Reach | undefined {
  if (action === 'keys-changed') return 'keys'
  return action === 'store-restored' || action === 'keys-retired' ? 'all' : undefined
}

/** What is stale, as sent between processes, with an id. User names are not sent. */
export interface Announcement extends Omit<Stale, 'revision'> {
  readonly id: string
  readonly moment: Moment
  /** The token of the change before. */
  readonly before: string
}

/** `undefined` if it cannot be read: from another version of Altgate, or from another program. */
export function readAnnouncement(text: string): Announcement | undefined {
  const { id, moment, before, account, accounts, slots, reach } = readObject(text)
  if (typeof id !== 'string' || typeof before !== 'string' || !isMoment(moment)) return undefined
  if (account !== undefined && typeof account !== 'string') return undefined
  if (accounts !== undefined && !isTexts(accounts)) return undefined
  if (!isTexts(slots)) return undefined
  if (reach !== undefined && reach !== 'all' && reach !== 'keys') return undefined
  // The publisher has validated the names, which are only compared here.
  return {
    id,
    moment,
    before,
    account: account as AccountName | undefined,
    ...(accounts && { accounts: accounts as AccountName[] }),
    slots: slots as Slot[],
    ...(reach && { reach }),
  }
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every(each => typeof each === 'string')
}

function isMoment(value: unknown): value is Moment {
  const { store, number, token }: Partial<Record<keyof Moment, unknown>> = Object(value)
  return typeof store === 'string' && typeof number === 'number' && typeof token === 'string'
}

function readObject(text: string): Partial<Record<keyof Announcement, unknown>> {
  try {
    return Object(JSON.parse(text))
  } catch {
    return {}
  }
}
