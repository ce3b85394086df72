import { createHmac, createSecretKey } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import { among, networkOf } from '../common/addresses.ts'
import { atMost } from '../engine/memory.ts'
import { createSeen } from '../engine/seen.ts'
import type { Attempt, Caller } from '../gateway/attempt.ts'
import type { Instant, Proof } from '../gateway/names.ts'
import type { Throttle, Throttling } from '../gateway/throttle.ts'
import { createMemoryCounters } from './memory-counters.ts'
import type { PeerWorkers } from './peer-workers.ts'
import { type Familiar, familiarTo, guessOf, type Limits, type Naming, type Rules } from './rules.ts'
import type { SharedCounters } from './shared-counters.ts'

export interface ThrottleOptions extends Limits {
  readonly repetition: RepetitionLimit
  /** Length of the IPv6 prefix that counts as one address, in bits. */
  readonly ipv6PrefixBits: number
  /** Addresses and ranges whose guesses do not count by address. */
  readonly exempt: readonly string[]
}

interface ThrottleParts {
  /** Secret: the names in Redis are made with it. */
  readonly key: Uint8Array
  readonly now: () => Instant
  /** Without it, and while it is unhealthy, this process counts separately. */
  readonly shared?: SharedCounters | undefined
  /** Left out where there is only one process. */
  readonly peerWorkers?: PeerWorkers | undefined
}

/** Counts password guesses by the rules of `rules.ts`. */
export function createThrottle(
  options: ThrottleOptions,
  { key, now, shared, peerWorkers }: ThrottleParts,
): Throttle {
  const rules: Rules = {
    limits: options,
    networkOf: address => networkOf(address, options.ipv6PrefixBits),
    isExempt: among(options.exempt),
    nameOf: namingWith(key),
  }
  const memory = createMemoryCounters({ now })
  const repetition = createRepetition(options.repetition, now)
  const recently = createRecently(now)
  peerWorkers?.onTold(familiar => memory.markFamiliar(familiar))

  function markFamiliar(familiar: Familiar): void {
    for (const each of [memory, shared]) each?.markFamiliar(familiar) // in memory as well, in case Redis fails
    peerWorkers?.tell(familiar)
  }

  return {
    async admit(attempt, caller, reached) {
      const guess = guessOf(attempt, caller, reached, rules)
      const asked = shared?.enter(guess, attempt)
      const there = await asked?.soon
      // Recorded in both: a Redis that fails, or returns empty, must not grant the full limit again.
      const here = memory.enter(guess)
      const takeBack = (): void => {
        if (!('by' in here)) memory.remove(here)
        // An answer that arrives too late has counted the guess nevertheless.
        void asked?.answer.then(late => late && !('by' in late) && shared?.remove(late))
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
      if (recently.has(attempt.proof, caller)) return
      markFamiliar(familiarTo(attempt, caller, { scope, username }, rules))
    },
  }
}

/** Milliseconds after which a mark is sent again: Redis may have lost it, or another worker restarted. */
const repeatAfter = 3_600_000

/**
 * Recently recognised passwords, by lane, address and proof, which every request with a cached verdict looks up. There is
 * room for more users than a worker keeps verdicts of by default: each that is not found costs a command to Redis and a
 * message to the other workers.
 */
function createRecently(now: () => Instant): { has(proof: Proof, caller: Caller): boolean } {
  const seen = { production: createSeen(), 'load-test': createSeen() }
  let since = now()
  return {
    /** Whether it was seen before; adds it. */
    has(proof, { lane, from }) {
      if (now() - since >= repeatAfter) {
        for (const each of Object.values(seen)) each.clear()
        since = now()
      }
      return seen[lane].has(proof, from)
    },
  }
}

/** Keeps user names and addresses from being read or guessed in Redis. */
function namingWith(key: Uint8Array): Naming {
  const secret = createSecretKey(key)
  return (...parts) =>
    createHmac('sha256', secret)
      .update(JSON.stringify(['throttle', ...parts]))
      .digest('base64url')
}

/** Requests allowed with the same wrong password within a window that starts with the first. */
interface RepetitionLimit {
  readonly requests: number
  readonly windowSeconds: number
}

/** Counts clients that repeat a password after it was refused. Each process counts separately. */
interface Repetition {
  /** Counts one request. `undefined`: within the limit. */
  count(attempt: Pick<Attempt, 'proof'>, caller: Caller): Throttling | undefined
}

/** Loops tracked; the least recently used is dropped. */
const mostLoops = 20_000

interface Loop {
  readonly ends: Instant
  times: number
}

/** Costs one look-up in memory, and nothing for a valid credential. */
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
