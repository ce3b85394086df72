import { LRUCache } from 'lru-cache'
import { atMost } from '../engine/memory.ts'
import { createPackedMarks } from '../engine/packed-marks.ts'
import type { Instant } from '../gateway/names.ts'
import type { Throttling } from '../gateway/throttle.ts'
import { type Counter, type Digest, type Familiar, type Guess, weigh } from './rules.ts'

/**
 * Counters kept; the least recently used are dropped. An attacker with many addresses could displace others, but reaches
 * the limit for all addresses together first.
 */
const mostCounters = 20_000

/** The guesses noted by one process. */
export function createMemoryCounters({ now }: { readonly now: () => Instant }): Counters {
  const counters = new LRUCache<string, Map<Digest, Instant>>(atMost(mostCounters))
  const familiar = createPackedMarks()

  /** The guesses within the window, oldest first. */
  function notedIn({ name, windowSeconds }: Counter): Map<Digest, Instant> {
    const noted = counters.get(name) ?? new Map<Digest, Instant>()
    for (const [digest, at] of noted) {
      if (at > now() - windowSeconds * 1000) break
      noted.delete(digest)
    }
    return noted
  }

  function note(all: readonly Counter[]): Entered {
    const fresh: (readonly [Counter, Map<Digest, Instant>])[] = []
    for (const counter of all) {
      const noted = notedIn(counter)
      const weighed = weigh(counter, noted, now())
      if (typeof weighed === 'object') return weighed
      if (weighed === 'has room') fresh.push([counter, noted])
    }
    for (const [{ name, digest }, noted] of fresh) counters.set(name, noted.set(digest, now()))
    return fresh.map(([counter]) => counter)
  }

  return {
    enter({ familiar: mark, own, reserve, unfamiliar }) {
      const right = familiar.get(mark.name)
      if (right === undefined || right.until <= now()) return note(unfamiliar)
      const entered = note([own])
      if (!('by' in entered)) return entered
      return !('by' in note([reserve])) && right.digest === mark.digest ? [] : entered
    },
    remove(removed) {
      for (const { name, digest } of removed) counters.get(name)?.delete(digest)
    },
    markFamiliar({ name, digest }) {
      familiar.set(name, { digest, until: now() + familiarSeconds * 1000 })
    },
  }
}

/** Records guesses. */
export interface Counters {
  /**
   * Records a guess in all of its counters, or in none if one of them is full. For a familiar address that is `own`;
   * when it is full, the password that was right there is still admitted while `reserve` has room.
   */
  enter(guess: Guess): Entered
  /** Removes a guess from these counters. */
  remove(counters: readonly Counter[]): void
  /** For the next days, guesses with this mark come from a familiar address. */
  markFamiliar(familiar: Familiar): void
}

/** The counters that did not contain the guess before. */
export type Entered = readonly Counter[] | Throttling

/**
 * Seconds for which an address is familiar after a right password. After a holiday it is unknown again, and is still
 * admitted unless the credential is under attack at that time.
 */
export const familiarSeconds = 7 * 86_400
