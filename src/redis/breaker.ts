import type { Redis } from 'ioredis'
import type { Outage } from '../gateway/outage.ts'
import type { RedisServer } from './server.ts'

/** Circuit breaker: while a part is unhealthy only the first few callers wait for it. */
interface Breaker {
  /** Whether to try now. While the part is unhealthy: one caller in each pause. */
  allows(): boolean
  succeeded(): void
  failed(cause: unknown): void
}

interface BreakerOptions {
  /** Called when the part becomes unhealthy; not again until it has recovered. */
  readonly opened: (cause: unknown) => void
  /** Milliseconds of a clock that never steps back. */
  readonly now?: () => number
}

/** Failures in a row that open the breaker. */
const failures = 5
/** Milliseconds between two trials. */
const pause = 250

export function createBreaker({ opened, now = () => performance.now() }: BreakerOptions): Breaker {
  let inRow = 0
  let nextTrial = 0

  return {
    allows() {
      if (inRow < failures) return true
      if (now() < nextTrial) return false
      nextTrial = now() + pause
      return true
    },
    succeeded() {
      inRow = 0
    },
    failed(cause) {
      inRow += 1
      if (inRow >= failures) nextTrial = now() + pause
      if (inRow === failures) opened(cause)
    },
  }
}

/** Kept connections for what only saves time: Redis may lose it, and no request waits long for it. */
export interface GuardedRedis {
  /**
   * Asks the server that has `key`. `undefined`: Redis is not well, and nothing is asked. The promise never rejects, and
   * gives `undefined` if there was no answer in time.
   */
  ask<T>(key: string, question: (redis: Redis) => Promise<T>): Promise<T | undefined> | undefined
  close(): void
}

interface GuardOptions {
  readonly server: RedisServer
  /** What the connections are called in Redis. */
  readonly name: string
  /** Milliseconds that a command may take. */
  readonly patience: number
  /** Told when Redis stops being well; not again before it has been well. */
  readonly outage: (outage: Outage) => void
}

export function guardRedis({ server, name, patience, outage }: GuardOptions): GuardedRedis {
  const breaker = createBreaker({ opened: cause => outage(server.outage(cause)) })
  const shards = server.keep(name, patience, cause => breaker.failed(cause))

  async function attend<T>(redis: Redis, question: (redis: Redis) => Promise<T>): Promise<T | undefined> {
    try {
      const value = await question(redis)
      breaker.succeeded()
      return value
    } catch (cause) {
      breaker.failed(cause)
      return undefined
    }
  }

  return {
    ask(key, question) {
      const redis = shards.of(key)
      // Not connected (yet) is no failure of its own: connecting reports those.
      return redis !== undefined && breaker.allows() ? attend(redis, question) : undefined
    },
    close: () => shards.close(),
  }
}
