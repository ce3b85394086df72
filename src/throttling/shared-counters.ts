import type { Redis } from 'ioredis'
import { afterReading } from '../common/calls.ts'
import type { Outage } from '../gateway/outage.ts'
import { guardRedis } from '../redis/breaker.ts'
import type { RedisServer } from '../redis/server.ts'
import { familiarSeconds, type Counters, type Entered } from './memory-counters.ts'
import type { Counter, Digest, Guess } from './rules.ts'

/** A guess that was sent to Redis. */
export interface Asked {
  /** The answer to act on; `undefined`: not in time, or Redis is unhealthy. */
  readonly soon: Promise<Entered | undefined>
  /** The final answer of Redis. Neither of the two rejects. */
  readonly answer: Promise<Entered | undefined>
}

/** The guesses noted by all processes. It never throws, and no request waits for it long. */
export interface SharedCounters extends Omit<Counters, 'enter'> {
  /** `request`: its attempt, which waits for an unresponsive Redis only once. `undefined`: Redis is unhealthy. */
  enter(guess: Guess, request: object): Asked | undefined
  close(): void
}

export interface SharedCountersOptions {
  readonly server: RedisServer
  /** Called when Redis becomes unhealthy; not again until it has recovered. */
  readonly outage: (outage: Outage) => void
}

/** Milliseconds after which an answer counts as a failure. Long, so that a busy process does not take its own delay for one. */
const patience = 1000

export function createSharedCounters({ server, outage }: SharedCountersOptions): SharedCounters {
  const guarded = guardRedis({ server, name: 'throttle', patience, outage })

  /** Credentials with a guess waiting for Redis, and its digest. */
  const guessed = new Map<string, Digest>()

  /**
   * Whether the last wait timed out and no answer has arrived since. A busy process reads answers late, which is not the
   * fault of Redis: in a burst of guesses, those that did not wait would have the limit of every process.
   */
  let isSilent = false

  /**
   * A guess does not wait long for Redis unless another one at the same credential is already waiting. Without Redis
   * every process counts separately, so a burst of guesses that did not wait would have the full limit in each. One
   * password presented by many clients is one guess.
   */
  function count(guess: Guess, request: object): Asked | undefined {
    const answer = ask(redis => enter(redis, guess))
    if (answer === undefined) return undefined
    const credentials = guess.unfamiliar.filter(({ by }) => by === 'credential')
    if (credentials.some(({ name, digest }) => (guessed.get(name) ?? digest) !== digest))
      return { soon: answer, answer }
    const first = credentials.filter(({ name }) => !guessed.has(name))
    for (const { name, digest } of first) guessed.set(name, digest)
    let isAnswered = false
    void answer.finally(() => {
      isAnswered = true
      for (const { name } of first) guessed.delete(name)
    })
    if (isSilent && server.timedOut.has(request)) return { soon: Promise.resolve(undefined), answer }
    const silent = silence().then(() => {
      if (isAnswered) return undefined
      isSilent = true
      server.timedOut.add(request)
      return undefined
    })
    return { soon: Promise.race([answer, silent]), answer }
  }

  /** All keys are on one server: see `keyOf`. */
  function ask<T>(question: (redis: Redis) => Promise<T>): Promise<T | undefined> | undefined {
    return guarded.ask(keyOf(''), async redis => {
      const answer = await question(redis)
      isSilent = false
      return answer
    })
  }

  function remove(counters: readonly Counter[]): void {
    void ask(redis => Promise.all(counters.map(({ name, digest }) => redis.zrem(keyOf(name), digest))))
  }

  return {
    enter: count,
    remove,
    markFamiliar({ name, digest }) {
      void ask(redis => redis.set(keyOf(name), digest, 'EX', familiarSeconds))
    },
    close: () => guarded.close(),
  }
}

/** Milliseconds after which a guess no longer waits, so that a hanging Redis delays even the first request only briefly. */
const waiting = 25

/** Measured by the event loop: an answer that arrived while this process was busy is read before the wait ends. */
function silence(): Promise<undefined> {
  return new Promise(resolve => {
    afterReading(waiting, () => resolve(undefined)).unref()
  })
}

/**
 * All on one node of a Cluster, so that a guess is counted atomically for its address, its credential and in total. One
 * node can count far more guesses than all gateways can hash.
 */
function keyOf(name: string): string {
  return `altgate:throttle:{guesses}:${name}`
}

async function enter(redis: Redis, { familiar, own, reserve, unfamiliar }: Guess): Promise<Entered> {
  const counters = [own, reserve, ...unfamiliar]
  const keys = [familiar, ...counters].map(({ name }) => keyOf(name))
  const limits = counters.flatMap(({ digest, guesses, windowSeconds }) => [
    digest,
    guesses,
    windowSeconds * 1000,
  ])
  // The script returns the full counter and for how long, or the counters that have newly recorded the guess.
  const [full, ...rest] = (await redis.eval(entering, keys.length, ...keys, ...limits)) as number[]
  const counter = counters[(full ?? 0) - 1]
  if (counter !== undefined) return { by: counter.by, retryAfter: (rest[0] ?? 0) / 1000 }
  return rest.flatMap(at => counters[at - 1] ?? [])
}

/**
 * The rules of `weigh` and of `memory-counters.ts`, for all counters at once, by the clock of Redis. A counter is a sorted
 * set of digests by time; it never holds more than its limit, and expires with its window.
 */
const entering = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local function note(first, last)
  local fresh = { 0 }
  for i = first, last do
    local counter, digest = KEYS[i + 1], ARGV[i * 3 - 2]
    local most, window = tonumber(ARGV[i * 3 - 1]), tonumber(ARGV[i * 3])
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
    redis.call('ZADD', KEYS[i + 1], now, ARGV[i * 3 - 2])
    redis.call('PEXPIRE', KEYS[i + 1], ARGV[i * 3])
  end
  return fresh
end

local right = redis.call('GET', KEYS[1])
if not right then return note(3, #KEYS - 1) end
local entered = note(1, 1)
if entered[1] == 0 then return entered end
if note(2, 2)[1] == 0 and right == ARGV[1] then return { 0 } end
return entered
`
