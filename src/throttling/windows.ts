import { LRUCache } from 'lru-cache'
import { atMost } from '../engine/memory.ts'
import type { Instant } from '../gateway/names.ts'

/** A number of requests within a time window. */
export interface Limit {
  readonly points: number
  readonly seconds: number
}

/** A limit was exceeded. `retryAfter` in seconds. */
export class TooManyRequests extends Error {
  readonly retryAfter: number

  constructor(retryAfter: number) {
    super('too many requests')
    this.name = 'TooManyRequests'
    this.retryAfter = retryAfter
  }
}

/**
 * Counters kept of one kind; the least recently used are dropped. An attacker with more IPv6 networks than that does not
 * need more requests from each.
 */
const mostCounted = 20_000

interface Window {
  readonly ends: Instant
  used: number
}

/** Both throw `TooManyRequests`. */
export interface Windows {
  /** Counts one more. */
  count(whose: string): void
  /** Throws if all points are used, and counts nothing. */
  insist(whose: string): void
}

/** Counts requests in this process. A window starts with its first request. */
export function createWindows({ points, seconds }: Limit, now: () => Instant): Windows {
  const windows = new LRUCache<string, Window>(atMost(mostCounted))

  function present(whose: string): Window | undefined {
    const window = windows.get(whose)
    return window === undefined || window.ends <= now() ? undefined : window
  }

  const refuse = ({ ends }: Window): never => {
    throw new TooManyRequests(Math.ceil((ends - now()) / 1000))
  }

  return {
    count(whose) {
      let window = present(whose)
      if (window === undefined) {
        window = { ends: now() + seconds * 1000, used: 0 }
        windows.set(whose, window)
      }
      window.used += 1
      if (window.used > points) refuse(window)
    },
    insist(whose) {
      const window = present(whose)
      if (window !== undefined && window.used >= points) refuse(window)
    },
  }
}
