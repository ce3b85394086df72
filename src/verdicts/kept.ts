import type { Attempt } from '../gateway/attempt.ts'
import { lateSeconds } from '../gateway/forgotten.ts'
import type { Instant } from '../gateway/names.ts'
import type { Finding, KnownVerdict } from '../gateway/decision.ts'

/** All that a cache needs of an attempt: whose, and which password. */
export type Named = Pick<Attempt, 'slot' | 'formerSlot' | 'proof'>

/** A verdict with the end of its life, the same in every place where it is kept. */
export interface Kept {
  readonly verdict: KnownVerdict
  readonly until: Instant
}

export interface Lifetimes {
  /** Seconds for which a right password is known. */
  readonly matchTtlSeconds: number
  /** Seconds for which anything else is known. */
  readonly otherTtlSeconds: number
}

/** Right passwords are kept apart from all else, so that guesses cannot push them out. */
export type Pool = 'good' | 'other'

export function poolOf({ found }: Pick<Finding, 'found'>): Pool {
  return found === 'match' ? 'good' : 'other'
}

/** Seconds for which it is known that a slot was revoked: longer than any verdict lives, or any writer is late. */
export function revokedSeconds({ matchTtlSeconds, otherTtlSeconds }: Lifetimes): number {
  return Math.max(lateSeconds, matchTtlSeconds, otherTtlSeconds)
}
