import { LRUCache } from 'lru-cache'
import { atMost } from '../engine/memory.ts'
import { createForgotten } from '../gateway/forgotten.ts'
import type { Instant, Proof, Revision, Slot } from '../gateway/names.ts'
import type { KnownVerdict } from '../gateway/decision.ts'
import { poolOf, revokedSeconds, type Kept, type Lifetimes, type Named } from './kept.ts'
import { createPackedMatches } from '../engine/packed-verdicts.ts'

/** The verdicts that this process knows (L1). Everything here is a look-up in memory. */
export interface LocalVerdicts {
  recall(attempt: Named): KnownVerdict | undefined
  /** What was kept and until when; `undefined`: refused, the slot has changed since the verdict was found. */
  remember(attempt: Named, verdict: KnownVerdict): Kept | undefined
  /**
   * Takes over what another process found until the end of its life, but for no longer than what is found here; false:
   * refused, as above, or too late.
   */
  adopt(attempt: Named, kept: Kept): boolean
  /** Nothing about these slots that was found as of an earlier revision is believed, now or later. */
  forget(slots: readonly Slot[], revision: Revision): void
  /** The same for every slot. */
  forgetAll(revision: Revision): void
}

export interface LocalOptions extends Lifetimes {
  readonly goodEntries: number
  readonly otherEntries: number
  readonly now: () => Instant
}

/** A verdict with the end of its life. */
type Entry = KnownVerdict & { readonly until: Instant }

/** How many revoked slots are told apart. */
const mostForgotten = 100_000

export function createLocalVerdicts(options: LocalOptions): LocalVerdicts {
  const { matchTtlSeconds, otherTtlSeconds, now } = options
  const good = createPackedMatches(options.goodEntries)
  const other = new LRUCache<Proof, Entry>(atMost(options.otherEntries))
  const forgotten = createForgotten<Slot>({ most: mostForgotten, keepSeconds: revokedSeconds(options), now })

  /** A verdict of an account that has moved depends on both scopes. Redis drops by the first alone: we are asked last. */
  function isStale(attempt: Named, asOf: Revision): boolean {
    if (!forgotten.coversAny(asOf)) return false // and nobody has to name the slots
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
    // One password has one verdict, the last one.
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
