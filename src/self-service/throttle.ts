import { setTimeout } from 'node:timers/promises'
import { LRUCache } from 'lru-cache'
import { atMost } from '../engine/memory.ts'
import type { Instant } from '../gateway/names.ts'

/** A number of requests within a time window. */
export interface Limit {
  readonly points: number
  readonly seconds: number
}

/** What is counted, in each process: a machine with several workers allows that many times as much. */
export interface Limits {
  /** Requests of one address. */
  readonly requests: Limit
  /** Sign-ins started by one address: each asks a provider. */
  readonly signIns: Limit
  /** Sign-ins started by all addresses together. They take turns, so that thousands cannot come at once. */
  readonly signInPace: Pace
  /** Sign-ins that return to one address: each asks a provider. */
  readonly returns: Limit
  /** Changes by one person: each costs a password hash. */
  readonly changes: Limit
  /** Attempts to claim one credential, by any user. */
  readonly claims: Limit
  /** Requests of credential helpers from one address: each reads the store. */
  readonly tokens: Limit
  /** Device codes asked for by one address: each writes to the store. */
  readonly devices: Limit
  /** Codes of devices that one address enters. A code is right with a chance of 1 in 25,600,000,000. */
  readonly codes: Limit
}

/** Milliseconds between two turns, and for how long one may be waited for. */
interface Pace {
  readonly everyMs: number
  readonly longestMs: number
}

/** The defaults allow for a whole office behind one address. */
export const usualLimits: Limits = {
  requests: { points: 600, seconds: 60 },
  signIns: { points: 60, seconds: 60 },
  signInPace: { everyMs: 50, longestMs: 5000 },
  returns: { points: 60, seconds: 60 },
  changes: { points: 20, seconds: 60 },
  claims: { points: 5, seconds: 15 * 60 },
  tokens: { points: 1200, seconds: 60 },
  devices: { points: 30, seconds: 60 },
  codes: { points: 20, seconds: 60 },
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

type Counted = Exclude<keyof Limits, 'signInPace'>

export interface PageThrottle {
  /** Counts one; throws `TooManyRequests`. */
  count(what: Counted, whose: string): void
  /** Resolves when it is the turn of one more sign-in; rejects with `TooManyRequests` if too many wait. */
  signInTurn(): Promise<void>
}

export function createThrottle(limits: Limits, now: () => Instant): PageThrottle {
  const counters = {
    requests: counterOf(limits.requests, now),
    signIns: counterOf(limits.signIns, now),
    returns: counterOf(limits.returns, now),
    changes: counterOf(limits.changes, now),
    claims: counterOf(limits.claims, now),
    tokens: counterOf(limits.tokens, now),
    devices: counterOf(limits.devices, now),
    codes: counterOf(limits.codes, now),
  }
  return {
    count(what, whose) {
      const wait = counters[what](whose)
      if (wait > 0) throw new TooManyRequests(Math.ceil(wait / 1000))
    },
    signInTurn: turnsAt(limits.signInPace),
  }
}

/** Spreads what is asked for at once. The time is that of the timers, whatever clock counts the requests. */
function turnsAt({ everyMs, longestMs }: Pace): () => Promise<void> {
  let next = 0
  return async () => {
    const now = performance.now()
    const turn = Math.max(now, next)
    if (turn - now > longestMs) throw new TooManyRequests(Math.ceil((turn - now) / 1000))
    next = turn + everyMs
    if (turn > now) await setTimeout(turn - now)
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

/** Counts one and returns the milliseconds to wait, 0 if allowed. A window starts with its first request. */
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
