import { LRUCache } from 'lru-cache'
import { atMost } from '../engine/memory.ts'
import type { Instant } from '../gateway/names.ts'
import type { Throttling } from '../gateway/throttle.ts'
import { type Counter, type Digest, type Familiar, type Guess, weigh } from './rules.ts'

/**
 * Counters that are kept. Those used longest ago make room, so somebody with many addresses could push out others; the
 * limit for everywhere is reached first.
 */
const mostCounters = 20_000
const mostFamiliar = 100_000

/** The book of one process. */
export function createMemoryBook({ now }: { readonly now: () => Instant }): Book {
  const counters = new LRUCache<string, Map<Digest, Instant>>(atMost(mostCounters))
  const familiar = new LRUCache<string, { readonly digest: Digest; readonly until: Instant }>(
    atMost(mostFamiliar),
  )

  /** Less what is older than the window. The oldest is first. */
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
    enter({ familiar: mark, own, reserve, strange }) {
      const right = familiar.get(mark.name)
      if (right === undefined || right.until <= now()) return note(strange)
      const entered = note([own])
      if (!('by' in entered)) return entered
      return !('by' in note([reserve])) && right.digest === mark.digest ? [] : entered
    },
    strike(struck) {
      for (const { name, digest } of struck) counters.get(name)?.delete(digest)
    },
    markFamiliar({ name, digest }) {
      familiar.set(name, { digest, until: now() + familiarSeconds * 1000 })
    },
  }
}

/** Where guesses are noted. */
export interface Book {
  /**
   * Notes a guess in every counter that is to have it, or, if one of them has no room, in none. Where the address is
   * familiar that is `own`, and beyond it the password that was right there is let through while `reserve` has room.
   */
  enter(guess: Guess): Entered
  /** Takes a guess out of these counters. */
  strike(counters: readonly Counter[]): void
  /** From now on, for some days, guesses with this mark are no stranger's. */
  markFamiliar(familiar: Familiar): void
}

/** The counters in which the guess was not before. */
export type Entered = readonly Counter[] | Throttling

/**
 * Seconds for which an address is familiar after a password was right: a holiday away it is strange again, and gets in
 * unless somebody guesses at that very time.
 */
export const familiarSeconds = 7 * 86_400
