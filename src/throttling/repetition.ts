import { LRUCache } from 'lru-cache'
import { atMost } from '../engine/memory.ts'
import type { Attempt, Caller } from '../gateway/attempt.ts'
import type { Instant } from '../gateway/names.ts'
import type { Throttling } from '../gateway/throttle.ts'

/** So many requests with one and the same wrong password within so many seconds of the first. */
export interface RepetitionLimit {
  readonly requests: number
  readonly windowSeconds: number
}

/** Clients that were told "wrong" and go on. One of them, at worst: in each process as often. */
export interface Repetition {
  /** Counts one. `undefined`: not too often. */
  count(attempt: Pick<Attempt, 'proof'>, caller: Caller): Throttling | undefined
}

/** Loops that are told apart; the one that turned longest ago is forgotten. */
const mostLoops = 20_000

interface Loop {
  readonly ends: Instant
  times: number
}

/** Costs a look into memory, and nothing on the way of a good credential. */
export function createRepetition(
  { requests, windowSeconds }: RepetitionLimit,
  now: () => Instant,
): Repetition {
  const loops = new LRUCache<string, Loop>(atMost(mostLoops))

  return {
    count({ proof }, { from, account }) {
      const key = `${proof} ${account} ${from}`
      const known = loops.get(key)
      const loop = known && known.ends > now() ? known : { ends: now() + windowSeconds * 1000, times: 0 }
      if (loop !== known) loops.set(key, loop)
      loop.times += 1
      if (loop.times <= requests) return undefined
      return { by: 'repetition', retryAfter: (loop.ends - now()) / 1000 }
    },
  }
}
