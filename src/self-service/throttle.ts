import { isIPv6 } from 'node:net'
import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible'

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
  /** Changes by one person: each costs a password hash. */
  readonly changes: Limit
  /** Tries to claim one credential, whoever tries. */
  readonly claims: Limit
}

/** A whole office may come from one address. */
export const usualLimits: Limits = {
  requests: { points: 600, seconds: 60 },
  signIns: { points: 60, seconds: 60 },
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

export interface Throttle {
  /** Counts one; throws `TooMuch`. */
  count(what: keyof Limits, whose: string): Promise<void>
}

export function createThrottle(limits: Limits): Throttle {
  const counters = {
    requests: counterOf(limits.requests),
    signIns: counterOf(limits.signIns),
    changes: counterOf(limits.changes),
    claims: counterOf(limits.claims),
  }
  return {
    async count(what, whose) {
      try {
        await counters[what].consume(whose)
      } catch (refused) {
        if (refused instanceof RateLimiterRes) throw new TooMuch(Math.ceil(refused.msBeforeNext / 1000))
        throw refused
      }
    },
  }
}

function counterOf({ points, seconds }: Limit): RateLimiterMemory {
  return new RateLimiterMemory({ points, duration: seconds })
}

/** Whose requests count together: an address, and of IPv6 the network, because one person has all of a /64. */
export function networkOf(address: string): string {
  if (!isIPv6(address)) return address
  const [head = '', tail = ''] = address.toLowerCase().split('::')
  const before = head.split(':').filter(group => group !== '')
  const after = tail.split(':').filter(group => group !== '')
  const between = Array.from({ length: Math.max(0, 8 - before.length - after.length) }, () => '0')
  const groups = address.includes('::') ? [...before, ...between, ...after] : before
  return `${groups
    .slice(0, 4)
    .map(group => group.replace(/^0+(?=.)/, ''))
    .join(':')}::/64`
}
