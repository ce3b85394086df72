import { LRUCache } from 'lru-cache'
import { atMost } from '../engine/memory.ts'
import type { Caller } from '../gateway/attempt.ts'
import type { Instant } from '../gateway/names.ts'
import type { Loops, Throttling } from '../gateway/throttle.ts'
import { among, networkOf } from '../common/addresses.ts'

/** So many requests within so many seconds of the first, if none of them is followed by a right credential. */
export interface LoopLimit {
  /** For one and the same path. */
  readonly requests: number
  /** For all paths together. */
  readonly requestsInAll: number
  readonly windowSeconds: number
}

export interface LoopOptions {
  readonly anonymous: LoopLimit
  /** Bits of an IPv6 address that count as one. */
  readonly ipv6PrefixBits: number
  /** Addresses and ranges whose requests count by path alone. */
  readonly exempt: readonly string[]
}

export interface LoopParts {
  readonly now: () => Instant
  /** Told of an address that asks too often, once in a window. */
  readonly tooOften?: ((from: string) => void) | undefined
}

/** Counters that are kept: those used longest ago make room. Some megabytes when full. */
const mostCounters = 20_000

/** A counter's name holds so much of a path. LFS objects, the longest that loop, have about 200 characters. */
const longestPath = 512

interface Counter {
  readonly ends: Instant
  times: number
}

/**
 * Counts by path as well as in all, because many callers may share an address: one that asks for the same thing again
 * and again is stopped, and the others there go on. Costs some look-ups in memory. Each process counts for itself.
 */
export function createLoops(options: LoopOptions, { now, tooOften }: LoopParts): Loops {
  const { requests, requestsInAll, windowSeconds } = options.anonymous
  const isExempt = among(options.exempt)
  const counters = new LRUCache<string, Counter>(atMost(mostCounters))
  const told = new LRUCache<string, Instant>(atMost(mostCounters))
  const networks = new LRUCache<string, string>(atMost(mostCounters))

  /** Reading IPv6 takes longer than all the rest. */
  function network(from: string): string {
    const known = networks.get(from)
    if (known !== undefined) return known
    const found = networkOf(from, options.ipv6PrefixBits)
    networks.set(from, found)
    return found
  }

  function tooMany(name: string, most: number): Throttling | undefined {
    const known = counters.get(name)
    const counter = known && known.ends > now() ? known : { ends: now() + windowSeconds * 1000, times: 0 }
    if (counter !== known) counters.set(name, counter)
    counter.times += 1
    if (counter.times <= most) return undefined
    return { by: 'anonymous', retryAfter: (counter.ends - now()) / 1000 }
  }

  function tell(from: string): void {
    const whose = network(from)
    if ((told.get(whose) ?? 0) > now()) return
    told.set(whose, now() + windowSeconds * 1000)
    tooOften?.(from)
  }

  return {
    again({ from, lane, account }: Caller, path: string) {
      if (lane !== 'production') return undefined // a load test repeats itself on purpose
      // What is refused for its path does not count for the whole address.
      const throttling =
        tooMany(nameOf(network(from), account, path), requests) ??
        (isExempt(from) ? undefined : tooMany(network(from), requestsInAll))
      if (throttling !== undefined) tell(from)
      return throttling
    },
    presented({ from, account }: Caller, path: string) {
      if (counters.size === 0) return
      counters.delete(network(from))
      counters.delete(nameOf(network(from), account, path))
    },
  }
}

/** No address and no account has a blank in it. */
function nameOf(network: string, account: string, path: string): string {
  return `${network} ${account} ${path.slice(0, longestPath)}`
}
