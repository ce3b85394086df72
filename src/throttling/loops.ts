import { LRUCache } from 'lru-cache'
import { atMost } from '../engine/memory.ts'
import type { Caller } from '../gateway/attempt.ts'
import type { Instant } from '../gateway/names.ts'
import type { Loops, Throttling } from '../gateway/throttle.ts'
import { among, networkOf } from '../common/addresses.ts'

/** Requests allowed within a window that starts with the first one and is reset by a valid credential. */
export interface LoopLimit {
  /** For one path. */
  readonly requests: number
  /** For all paths together. */
  readonly requestsInAll: number
  readonly windowSeconds: number
}

export interface LoopOptions {
  readonly anonymous: LoopLimit
  /** Length of the IPv6 prefix that counts as one address, in bits. */
  readonly ipv6PrefixBits: number
  /** Addresses and ranges whose requests count only by path. */
  readonly exempt: readonly string[]
}

export interface LoopParts {
  readonly now: () => Instant
  /** Called for an address that exceeds a limit, once per window. */
  readonly tooOften?: ((from: string) => void) | undefined
}

/** Counters kept; the least recently used are dropped. Some megabytes when full. */
const mostCounters = 20_000

/** Characters of a path in a counter's name. LFS objects, the longest paths that loop, have about 200. */
const longestPath = 512

interface Counter {
  readonly ends: Instant
  times: number
}

/**
 * Counts by path as well as in total, because many clients may share an address: one that repeats the same request is
 * stopped, and the others go on. Costs a few look-ups in memory. Each process counts separately.
 */
export function createLoops(options: LoopOptions, { now, tooOften }: LoopParts): Loops {
  const { requests, requestsInAll, windowSeconds } = options.anonymous
  const isExempt = among(options.exempt)
  const counters = new LRUCache<string, Counter>(atMost(mostCounters))
  const reported = new LRUCache<string, Instant>(atMost(mostCounters))
  const networks = new LRUCache<string, string>(atMost(mostCounters))

  /** Cached, because parsing IPv6 takes longer than all the rest. */
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

  function report(from: string): void {
    const whose = network(from)
    if ((reported.get(whose) ?? 0) > now()) return
    reported.set(whose, now() + windowSeconds * 1000)
    tooOften?.(from)
  }

  return {
    again({ from, lane, account }: Caller, path: string) {
      if (lane !== 'production') return undefined // a load test repeats itself on purpose
      // A request that is refused for its path does not count against the address.
      const throttling =
        tooMany(nameOf(network(from), account, path), requests) ??
        (isExempt(from) ? undefined : tooMany(network(from), requestsInAll))
      if (throttling !== undefined) report(from)
      return throttling
    },
    presented({ from, account }: Caller, path: string) {
      if (counters.size === 0) return
      counters.delete(network(from))
      counters.delete(nameOf(network(from), account, path))
    },
  }
}

/** Unambiguous, because no address and no account contains a space. */
function nameOf(network: string, account: string, path: string): string {
  return `${network} ${account} ${path.slice(0, longestPath)}`
}
