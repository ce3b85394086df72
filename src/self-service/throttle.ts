import { setTimeout } from 'node:timers/promises'
import type { Instant } from '../gateway/names.ts'
import { createWindows, type Limit, TooManyRequests } from '../throttling/windows.ts'

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

export { TooManyRequests }

type Counted = Exclude<keyof Limits, 'signInPace'>

export interface PageThrottle {
  /** Counts one; throws `TooManyRequests`. */
  count(what: Counted, whose: string): void
  /** Resolves when it is the turn of one more sign-in; rejects with `TooManyRequests` if too many wait. */
  signInTurn(): Promise<void>
}

export function createThrottle(limits: Limits, now: () => Instant): PageThrottle {
  const counters = {
    requests: createWindows(limits.requests, now),
    signIns: createWindows(limits.signIns, now),
    returns: createWindows(limits.returns, now),
    changes: createWindows(limits.changes, now),
    claims: createWindows(limits.claims, now),
    tokens: createWindows(limits.tokens, now),
    devices: createWindows(limits.devices, now),
    codes: createWindows(limits.codes, now),
  }
  return {
    count(what, whose) {
      counters[what].count(whose)
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
