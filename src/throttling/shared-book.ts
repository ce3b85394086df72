import type { Redis } from 'ioredis'
import type { Outage } from '../gateway/outage.ts'
import { createBreaker } from '../verdicts/breaker.ts'
import type { RedisServer } from '../verdicts/redis.ts'
import { familiarSeconds, type Book, type Entered } from './book.ts'
import type { Guess } from './rules.ts'

/** The book that all processes share. It never throws, and nobody waits for it long. */
export interface SharedBook extends Book<Promise<Entered | undefined> | undefined> {
  close(): void
}

export interface SharedBookOptions {
  readonly server: RedisServer
  /** Told when Redis stops being well; not again before it has been well. */
  readonly outage: (outage: Outage) => void
}

/** Milliseconds after which an answer counts as a failure. Long: a process that is busy must not take that for one. */
const patience = 1000

export function createSharedBook({ server, outage }: SharedBookOptions): SharedBook {
  const breaker = createBreaker({ opened: cause => outage(server.outage(cause)) })
  const shards = server.keep('throttle', patience, cause => breaker.failed(cause))

  /** `undefined`: Redis is not well. Not connected (yet) is no failure of its own: connecting reports those. */
  function ask<T>(question: (redis: Redis) => Promise<T>): Promise<T | undefined> | undefined {
    const redis = shards.of(keyOf(''))
    if (redis === undefined || !breaker.allows()) return undefined
    const answered = question(redis).then(
      answer => {
        breaker.succeeded()
        return answer
      },
      cause => {
        breaker.failed(cause)
        return undefined
      },
    )
    return Promise.race([answered, silence()])
  }

  return {
    enter: guess => ask(redis => enter(redis, guess)),
    strike(names, digest) {
      void ask(redis => Promise.all(names.map(name => redis.zrem(keyOf(name), digest))))
    },
    befriend(familiar) {
      void ask(redis => redis.set(keyOf(familiar), '', 'EX', familiarSeconds))
    },
    close: () => shards.close(),
  }
}

/** Milliseconds after which a guess no longer waits: a Redis that hangs must not be felt from the first request on. */
const waiting = 25

/** In this process's own time: what has arrived while it was busy is read before it gives up. */
function silence(): Promise<undefined> {
  return new Promise(resolve => {
    setTimeout(() => setImmediate(() => setImmediate(resolve, undefined)), waiting).unref()
  })
}

/**
 * All on one node of a Cluster: a guess counts for its address, its user name and for everybody at one moment, or not at
 * all. One node can count far more guesses than all gateways can hash.
 */
function keyOf(name: string): string {
  return `altgate:throttle:{guesses}:${name}`
}

async function enter(redis: Redis, { digest, familiar, own, strange }: Guess): Promise<Entered> {
  const counters = [own, ...strange]
  const keys = [familiar, ...counters.map(({ name }) => name)].map(keyOf)
  const limits = counters.flatMap(({ guesses, windowSeconds }) => [guesses, windowSeconds * 1000])
  // What the script below returns: which counter is full, and for how long; or which ones have it now.
  const [full, ...rest] = (await redis.eval(entering, keys.length, ...keys, digest, ...limits)) as number[]
  const counter = counters[(full ?? 0) - 1]
  if (counter !== undefined) return { by: counter.by, retryAfter: (rest[0] ?? 0) / 1000 }
  return rest.flatMap(at => counters[at - 1]?.name ?? [])
}

/**
 * The rule of `weigh`, for all counters at once, by the clock of Redis. A counter is a sorted set of digests with the
 * time when each came; it never holds more than its limit, and ends with its window.
 */
const entering = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local digest, first, last = ARGV[1], 2, #KEYS - 1
if redis.call('EXISTS', KEYS[1]) == 1 then first, last = 1, 1 end

local fresh = { 0 }
for i = first, last do
  local counter, most, window = KEYS[i + 1], tonumber(ARGV[i * 2]), tonumber(ARGV[i * 2 + 1])
  redis.call('ZREMRANGEBYSCORE', counter, '-inf', now - window)
  if not redis.call('ZSCORE', counter, digest) then
    if redis.call('ZCARD', counter) >= most then
      local oldest = redis.call('ZRANGE', counter, 0, 0, 'WITHSCORES')
      return { i, oldest[2] + window - now }
    end
    fresh[#fresh + 1] = i
  end
end
for at = 2, #fresh do
  local i = fresh[at]
  redis.call('ZADD', KEYS[i + 1], now, digest)
  redis.call('PEXPIRE', KEYS[i + 1], ARGV[i * 2 + 1])
end
return fresh
`
