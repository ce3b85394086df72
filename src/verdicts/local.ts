import { LRUCache } from 'lru-cache'
import { atMost } from '../engine/memory.ts'
import { createForgotten } from '../gateway/forgotten.ts'
import type { Instant, Proof, Revision, Slot } from '../gateway/names.ts'
import type { KnownVerdict } from '../gateway/decision.ts'
import { poolOf, revokedSeconds, type Kept, type Lifetimes, type Named } from './kept.ts'
import { createPackedMatches } from '../engine/packed-verdicts.ts'

/** The verdicts in this process's memory (L1). */
export interface LocalVerdicts {
  recall(attempt: Named): KnownVerdict | undefined
  /** What was kept and until when; `undefined`: rejected, because the slot has changed since the verdict was found. */
  remember(attempt: Named, verdict: KnownVerdict): Kept | undefined
  /**
   * Adopts another process's verdict until its expiry, but for no longer than a local one; false: rejected, as above, or
   * expired.
   */
  adopt(attempt: Named, kept: Kept): boolean
  /** Discards verdicts about these slots from before the revision, including those that arrive later. */
  forget(slots: readonly Slot[], revision: Revision): void
  /** The same for every slot. */
  forgetAll(revision: Revision): void
}

export interface LocalOptions extends Lifetimes {
  readonly goodEntries: number
  readonly otherEntries: number
  readonly now: () => Instant
}

/** A verdict with its expiry. */
type Entry = KnownVerdict & { readonly until: Instant }

/** Revoked slots that are tracked individually. */
const mostForgotten = 100_000

export function createLocalVerdicts(options: LocalOptions): LocalVerdicts {
  const { matchTtlSeconds, otherTtlSeconds, now } = options
  const good = createPackedMatches(options.goodEntries)
  const other = new LRUCache<Proof, Entry>(atMost(options.otherEntries))
  const forgotten = createForgotten<Slot>({ most: mostForgotten, keepSeconds: revokedSeconds(options), now })

  /** A verdict of an account that has moved depends on both scopes, but Redis revokes only by the first: this check is last. */
  function isStale(attempt: Named, asOf: Revision): boolean {
    if (!forgotten.coversAny(asOf)) return false // saves computing the slots
    const { slot, formerSlot } = attempt
    if (forgotten.covers(slot, asOf)) return true
    return formerSlot !== undefined && forgotten.covers(formerSlot, asOf)
  }

  /** Milliseconds. */
  function lifeOf(verdict: KnownVerdict): number {
    return (poolOf(verdict) === 'good' ? matchTtlSeconds : otherTtlSeconds) * 1000
  }

  function recall(attempt: Named): KnownVerdict | undefined {
    const known = good.get(attempt.proof) ?? other.get(attempt.proof)
    if (known === undefined || known.until <= now()) return undefined
    return isStale(attempt, known.asOf) ? undefined : known
  }

  function adopt(attempt: Named, kept: Kept): boolean {
    const { proof } = attempt
    const { verdict } = kept
    // The clock of another machine may be wrong by any amount.
    const until = Math.min(kept.until, now() + lifeOf(verdict))
    if (until <= now() || isStale(attempt, verdict.asOf)) return false
    // A password has one verdict, the latest.
    if (verdict.found === 'match') {
      other.delete(proof)
      good.set(proof, { ...verdict, until })
    } else {
      good.delete(proof)
      other.set(proof, { ...verdict, via: 'l1', until })
    }
    return true
  }

  return {
    recall,
    adopt,
    remember(attempt, verdict) {
      const kept = { verdict, until: now() + lifeOf(verdict) }
      return adopt(attempt, kept) ? kept : undefined
    },
    forget(slots, revision) {
      for (const slot of slots) forgotten.add(slot, revision)
    },
    forgetAll(revision) {
      forgotten.addAll(revision)
    },
  }
}
