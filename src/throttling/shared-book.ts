import type { Redis } from 'ioredis'
import type { Outage } from '../gateway/outage.ts'
import { createBreaker } from '../redis/breaker.ts'
import type { RedisServer } from '../redis/server.ts'
import { familiarSeconds, type Book, type Entered } from './memory-book.ts'
import type { Counter, Digest, Guess } from './rules.ts'

/** A guess that is on its way to Redis. */
export interface Asked {
  /** What to go by; `undefined`: not in time, or Redis is not well. */
  readonly soon: Promise<Entered | undefined>
  /** What Redis has said in the end. Neither of the two rejects. */
  readonly answer: Promise<Entered | undefined>
}

/** The book that all processes share. It never throws, and nobody waits for it long. */
export interface SharedBook extends Omit<Book, 'enter'> {
  /** `request`: its attempt; one that has waited for Redis in vain does not wait again. `undefined`: Redis is not well. */
  enter(guess: Guess, request: object): Asked | undefined
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

  /** Credentials at which a guess is waiting for Redis, and which one it is. */
  const guessed = new Map<string, Digest>()

  /**
   * Whether the last wait was in vain and nothing has come since. A process that is busy reads answers late, which is not the
   * fault of Redis: in a burst of guesses those that did not wait would have the limit of every process.
   */
  let isSilent = false

  /**
   * A guess does not wait long for Redis, unless another one at the same credential waits already. Every process counts
   * by itself without Redis, so a burst of guesses that did not wait would have the limit once in each. One password
   * that many present is one guess.
   */
  function count(guess: Guess, request: object): Asked | undefined {
    const answer = ask(redis => enter(redis, guess))
    if (answer === undefined) return undefined
    const credentials = guess.strange.filter(({ by }) => by === 'credential')
    if (credentials.some(({ name, digest }) => (guessed.get(name) ?? digest) !== digest))
      return { soon: answer, answer }
    const first = credentials.filter(({ name }) => !guessed.has(name))
    for (const { name, digest } of first) guessed.set(name, digest)
    let isHere = false
    void answer.finally(() => {
      isHere = true
      for (const { name } of first) guessed.delete(name)
    })
    if (isSilent && server.letDown.has(request)) return { soon: Promise.resolve(undefined), answer }
    const silent = silence().then(() => {
      if (isHere) return undefined
      isSilent = true
      server.letDown.add(request)
      return undefined
    })
    return { soon: Promise.race([answer, silent]), answer }
  }

  /** `undefined`: Redis is not well. Not connected (yet) is no failure of its own: connecting reports those. */
  function ask<T>(question: (redis: Redis) => Promise<T>): Promise<T | undefined> | undefined {
    const redis = shards.of(keyOf(''))
    if (redis === undefined || !breaker.allows()) return undefined
    return question(redis).then(
      answer => {
        breaker.succeeded()
        isSilent = false
        return answer
      },
      cause => {
        breaker.failed(cause)
        return undefined
      },
    )
  }

  function strike(counters: readonly Counter[]): void {
    void ask(redis => Promise.all(counters.map(({ name, digest }) => redis.zrem(keyOf(name), digest))))
  }

  return {
    enter: count,
    strike,
    markFamiliar({ name, digest }) {
      void ask(redis => redis.set(keyOf(name), digest, 'EX', familiarSeconds))
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

async function enter(redis: Redis, { familiar, own, reserve, strange }: Guess): Promise<Entered> {
  const counters = [own, reserve, ...strange]
  const keys = [familiar, ...counters].map(({ name }) => keyOf(name))
  const limits = counters.flatMap(({ digest, guesses, windowSeconds }) => [
    digest,
    guesses,
    windowSeconds * 1000,
  ])
  // What the script below returns: which counter is full, and for how long; or which ones have it now.
  const [full, ...rest] = (await redis.eval(entering, keys.length, ...keys, ...limits)) as number[]
  const counter = counters[(full ?? 0) - 1]
  if (counter !== undefined) return { by: counter.by, retryAfter: (rest[0] ?? 0) / 1000 }
  return rest.flatMap(at => counters[at - 1] ?? [])
}

/**
 * The rules of `weigh` and of the memory book, for all counters at once, by the clock of Redis. A counter is a sorted
 * set of digests with the time when each came; it never holds more than its limit, and ends with its window.
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
