import { LRUCache } from 'lru-cache'
import { atMost } from '../engine/memory.ts'
import type { Instant } from '../gateway/names.ts'

/** So many within so many seconds. */
export interface Limit {
  readonly points: number
  readonly seconds: number
}

/** What is counted. All of them in this process: a machine with several workers lets that many times as much through. */
export interface Limits {
  /** Requests of one address. */
  readonly requests: Limit
  /** Sign-ins begun by one address: each asks a provider. */
  readonly signIns: Limit
  /** Sign-ins begun by all together. */
  readonly signInsInAll: Limit
  /** Sign-ins that come back to one address: a provider is asked about each. */
  readonly returns: Limit
  /** Changes by one person: each costs a password hash. */
  readonly changes: Limit
  /** Tries to claim one credential, whoever tries. */
  readonly claims: Limit
}

/** A whole office may come from one address. */
export const usualLimits: Limits = {
  requests: { points: 600, seconds: 60 },
  signIns: { points: 60, seconds: 60 },
  signInsInAll: { points: 3000, seconds: 60 },
  returns: { points: 60, seconds: 60 },
  changes: { points: 20, seconds: 60 },
  claims: { points: 5, seconds: 15 * 60 },
}

/** Somebody asks too much. `retryAfter` in seconds. */
export class TooMuch extends Error {
  readonly retryAfter: number

  constructor(retryAfter: number) {
    super('too many requests')
    this.name = 'TooMuch'
    this.retryAfter = retryAfter
  }
}

export interface PageThrottle {
  /** Counts one; throws `TooMuch`. */
  count(what: keyof Limits, whose: string): void
}

export function createThrottle(limits: Limits, now: () => Instant): PageThrottle {
  const counters = {
    requests: counterOf(limits.requests, now),
    signIns: counterOf(limits.signIns, now),
    signInsInAll: counterOf(limits.signInsInAll, now),
    returns: counterOf(limits.returns, now),
    changes: counterOf(limits.changes, now),
    claims: counterOf(limits.claims, now),
  }
  return {
    count(what, whose) {
      const wait = counters[what](whose)
      if (wait > 0) throw new TooMuch(Math.ceil(wait / 1000))
    },
  }
}

/**
 * Counters of one kind that are kept. Those used longest ago make room: of IPv6 networks a stranger has as many as anyone
 * can count, and who has that many does not need more from each.
 */
const mostCounted = 20_000

interface Window {
  readonly ends: Instant
  used: number
}

/** Counts one, and gives the milliseconds to wait, 0 if there was room. A window begins with the first that falls into it. */
function counterOf({ points, seconds }: Limit, now: () => Instant): (whose: string) => number {
  const windows = new LRUCache<string, Window>(atMost(mostCounted))
  return whose => {
    const at = now()
    let window = windows.get(whose)
    if (window === undefined || window.ends <= at) {
      window = { ends: at + seconds * 1000, used: 0 }
      windows.set(whose, window)
    }
    window.used += 1
    return window.used <= points ? 0 : window.ends - at
  }
}
