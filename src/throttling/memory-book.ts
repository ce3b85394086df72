import { LRUCache } from 'lru-cache'
import { atMost } from '../gateway/at-most.ts'
import type { Instant } from '../gateway/names.ts'
import type { Book } from './book.ts'
import { familiarSeconds } from './book.ts'
import { weigh, type Counter, type Digest } from './rules.ts'

/**
 * Counters that are kept. Those used longest ago make room, so somebody with many addresses could push out others; the
 * limit for everywhere is reached first.
 */
const mostCounters = 20_000
const mostFamiliar = 100_000

/** The book of one process. */
export function createMemoryBook({ now }: { readonly now: () => Instant }): Book {
  const counters = new LRUCache<string, Map<Digest, Instant>>(atMost(mostCounters))
  const familiar = new LRUCache<string, Instant>(atMost(mostFamiliar))

  /** Less what is older than the window. The oldest is first. */
  function notedIn({ name, windowSeconds }: Counter): Map<Digest, Instant> {
    const noted = counters.get(name) ?? new Map<Digest, Instant>()
    for (const [digest, at] of noted) {
      if (at > now() - windowSeconds * 1000) break
      noted.delete(digest)
    }
    return noted
  }

  return {
    enter(guess) {
      const { digest, own, strange } = guess
      const isFamiliar = (familiar.get(guess.familiar) ?? 0) > now()
      const fresh: (readonly [string, Map<Digest, Instant>])[] = []
      for (const counter of isFamiliar ? [own] : strange) {
        const noted = notedIn(counter)
        const weighed = weigh(counter, noted, digest, now())
        if (typeof weighed === 'object') return weighed
        if (weighed === 'has room') fresh.push([counter.name, noted])
      }
      for (const [name, noted] of fresh) counters.set(name, noted.set(digest, now()))
      return fresh.map(([name]) => name)
    },
    strike(names, digest) {
      for (const name of names) counters.get(name)?.delete(digest)
    },
    befriend(mark) {
      familiar.set(mark, now() + familiarSeconds * 1000)
    },
  }
}
