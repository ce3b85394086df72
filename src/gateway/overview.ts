import type { Connection } from './account.ts'
import type { AccountName, Instant } from './names.ts'

/** What a gateway says of itself, for operators who look at another one, or at none. */
export interface Presence {
  /** Of this run of its primary process. */
  readonly id: string
  readonly host: string
  readonly version: string
  readonly startedAt: Instant
  /** The fingerprint of its settings. */
  readonly settings: string
  readonly ready: boolean
  readonly workers: { readonly listening: number; readonly of: number }
  /** Decisions a second over the last minute. */
  readonly decisionsPerSecond: number
}

/** The same, and how many milliseconds ago it was said. */
export interface SeenGateway extends Presence {
  readonly seenMsAgo: number
}

/** An account that has signed in with something else since. */
export interface Move {
  readonly account: AccountName
  readonly at: Instant
  readonly actor: string
  readonly to: Connection
  /** It undid the move before it. */
  readonly undo: boolean
}

/** Milliseconds between two announcements of a gateway. */
export const announcedEveryMs = 10_000

/** Milliseconds after which a gateway that says nothing is called silent. */
export const silentAfterMs = 3 * announcedEveryMs

/** The store as operators see it at a glance. All methods throw `Outage`. */
export interface Overview {
  /** Says that this gateway runs. It replaces those that have fallen silent on its host: it was started again. */
  announce(gateway: Presence): Promise<void>
  leave(id: string): Promise<void>
  /** The gateways of the last day, except those that have left; by host. */
  gateways(): Promise<readonly SeenGateway[]>
  /** The newest moves of accounts, newest first. */
  lastMoves(most: number): Promise<readonly Move[]>
}
