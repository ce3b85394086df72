import { createHmac, createSecretKey } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import { among, networkOf } from '../common/addresses.ts'
import { atMost } from '../engine/memory.ts'
import type { Attempt, Caller } from '../gateway/attempt.ts'
import type { Instant } from '../gateway/names.ts'
import type { Throttle, Throttling } from '../gateway/throttle.ts'
import { createMemoryBook } from './memory-book.ts'
import type { Neighbours } from './neighbours.ts'
import { type Familiar, familiarTo, guessOf, type Limits, type Naming, type Rules } from './rules.ts'
import type { SharedBook } from './shared-book.ts'

export interface ThrottleOptions extends Limits {
  readonly repetition: RepetitionLimit
  /** Bits of an IPv6 address that count as one. */
  readonly ipv6PrefixBits: number
  /** Addresses and ranges whose guesses do not count by address. */
  readonly exempt: readonly string[]
}

interface ThrottleParts {
  /** Secret: what Redis holds bears names made with it. */
  readonly key: Uint8Array
  readonly now: () => Instant
  /** Without it, and while it is not well, this process counts for itself. */
  readonly shared?: SharedBook | undefined
  /** Left out where there is but one process. */
  readonly neighbours?: Neighbours | undefined
}

/** Counts guesses at passwords by the rules of `rules.ts`. */
export function createThrottle(
  options: ThrottleOptions,
  { key, now, shared, neighbours }: ThrottleParts,
): Throttle {
  const rules: Rules = {
    limits: options,
    networkOf: address => networkOf(address, options.ipv6PrefixBits),
    isExempt: among(options.exempt),
    nameOf: namingWith(key),
  }
  const memory = createMemoryBook({ now })
  const repetition = createRepetition(options.repetition, now)
  const recently = createRecently(now)
  neighbours?.onTold(familiar => memory.markFamiliar(familiar))

  function markFamiliar(familiar: Familiar): void {
    for (const each of [memory, shared]) each?.markFamiliar(familiar) // also for when Redis is gone
    neighbours?.tell(familiar)
  }

  return {
    async admit(attempt, caller, reached) {
      const guess = guessOf(attempt, caller, reached, rules)
      const asked = shared?.enter(guess, attempt)
      const there = await asked?.soon
      // In both: a Redis that goes away, or comes back with nothing in it, allows no one as many guesses again.
      const here = memory.enter(guess)
      const takeBack = (): void => {
        if (!('by' in here)) memory.strike(here)
        // An answer that nobody waited for has counted the guess all the same.
        void asked?.answer.then(late => late && !('by' in late) && shared?.strike(late))
      }
      const entered = there ?? here
      if ('by' in entered) {
        takeBack()
        return entered
      }
      return { absolve: takeBack, welcome: () => markFamiliar(guess.familiar) }
    },
    again(attempt, caller) {
      // A load test repeats itself on purpose.
      return caller.lane === 'production' ? repetition.count(attempt, caller) : undefined
    },
    recognise(attempt, caller, scope, username) {
      if (recently.has(`${attempt.proof} ${caller.lane} ${caller.from}`)) return
      markFamiliar(familiarTo(attempt, caller, { scope, username }, rules))
    },
  }
}

/** Milliseconds after which it is said again who is familiar: Redis may have lost it, or a neighbour begun anew. */
const sayAgain = 3_600_000
const mostRecent = 50_000

/** Passwords that were recognised lately, by proof and address. Remembered ones come with every request: a look into a set. */
function createRecently(now: () => Instant): { has(key: string): boolean } {
  const keys = new Set<string>()
  let since = now()
  return {
    /** Whether it was asked for before; from now on it was. */
    has(key) {
      if (now() - since >= sayAgain || keys.size >= mostRecent) {
        keys.clear()
        since = now()
      }
      if (keys.has(key)) return true
      keys.add(key)
      return false
    },
  }
}

/** Neither a user name nor an address can be read in Redis, or guessed. */
function namingWith(key: Uint8Array): Naming {
  const secret = createSecretKey(key)
  return (...parts) =>
    createHmac('sha256', secret)
      .update(JSON.stringify(['throttle', ...parts]))
      .digest('base64url')
}

/** So many requests with one and the same wrong password within so many seconds of the first. */
interface RepetitionLimit {
  readonly requests: number
  readonly windowSeconds: number
}

/** Clients that were told "wrong" and go on. One of them, at worst: in each process as often. */
interface Repetition {
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
function createRepetition({ requests, windowSeconds }: RepetitionLimit, now: () => Instant): Repetition {
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
