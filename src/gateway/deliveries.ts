import type { Change } from './history.ts'

/** What gets every change: the audit log, and the webhook. */
export type DeliveredTo = 'audit' | 'webhook'

/** A place in the change log: the number of a change, and its token. */
export interface Place {
  readonly number: number
  readonly token: string
}

/** A change as the log has it. */
export interface LoggedChange extends Omit<Change, 'revision'>, Place {}

/** What is left to deliver. */
export interface Undelivered {
  /** Everything up to here has been delivered. */
  readonly upTo: Place
  /** The gateway that delivered last. */
  readonly by: string | undefined
  /** Whether the change at `upTo` is still the one that was delivered: if not, the store has gone back. */
  readonly isSound: boolean
  /** The last change of the store. */
  readonly newest: Place
  /** The oldest changes after `upTo`; numbers are missing where changes are no longer kept. */
  readonly changes: readonly LoggedChange[]
  /** Whether there are more. */
  readonly areMore: boolean
}

/** How far the changes of the store have been delivered: kept in the store, so that it outlives every process. */
export interface Deliveries {
  /** Throws `Outage`. */
  undelivered(to: DeliveredTo): Promise<Undelivered>
  /** Records a delivery; false if another gateway has recorded one since `from` was read. Throws `Outage`. */
  moved(to: DeliveredTo, from: Place, upTo: Place, by: string): Promise<boolean>
  /** Where to go on if the store has gone back and the place is lost: before the oldest change that is kept. Throws `Outage`. */
  beginning(): Promise<Place>
}

/** Something that receives changes tells them apart by it: a store that has gone back gives a number to another change. */
export function idOf({ number, token }: Place): string {
  return token === '' ? String(number) : `${number}-${token.slice(0, 8)}`
}

/** What is delivered: a change, or that changes are missing. */
export type Delivered =
  | { readonly kind: 'change'; readonly change: LoggedChange }
  /** Changes `first` to `last` were removed from the log before they were delivered. */
  | { readonly kind: 'gap'; readonly because: 'not-kept'; readonly first: number; readonly last: number }
  /**
   * The store lost changes after `newest`, in a failover or because it was restored: up to `last` they had been delivered
   * or seen, and other changes get their numbers.
   */
  | {
      readonly kind: 'gap'
      readonly because: 'store-went-back'
      readonly newest: number
      readonly last: number
    }
