import type { Attempt, Caller } from '../gateway/attempt.ts'
import type { TrafficLane } from '../gateway/ask.ts'
import type { Instant } from '../gateway/names.ts'
import type { Throttling } from '../gateway/ports.ts'
import type { ThrottledBy } from '../gateway/decision.ts'

/** So many different wrong passwords within any so many seconds. */
export interface Limit {
  readonly guesses: number
  readonly windowSeconds: number
}

export interface Limits {
  /** From one client address, or one IPv6 network. */
  readonly address: Limit
  /** For one user name in one scope: on all accounts that the credential opens. */
  readonly credential: Limit
  readonly everywhere: Limit
}

/** Which wrong password: the beginning of its proof, 72 bits. Enough to tell two apart, nothing to learn from. */
export type Digest = string & { readonly digest: never }

/** What counts guesses under one name, and how many it takes. */
export interface Counter extends Limit {
  readonly by: ThrottledBy
  readonly name: string
}

/** One password that is about to be looked at, and where it counts if it is wrong. */
export interface Guess {
  readonly digest: Digest
  /** Set, under this name, where the credential was right from this address in the last days. */
  readonly familiar: string
  /** The only counter where that is so: what strangers guess must not lock out the owner. */
  readonly own: Counter
  /** The counters where it is not; all of them must have room. */
  readonly strange: readonly Counter[]
}

/** Makes a name of such parts that nobody can read, the same in every process. */
export type Naming = (...parts: readonly string[]) => string

export interface Rules {
  readonly limits: Limits
  /** The address or network that counts as one, as text. */
  readonly networkOf: (address: string) => string
  /** Whose guesses do not count by address. */
  readonly isExempt: (address: string) => boolean
  readonly nameOf: Naming
}

/** A load test may guess so many times as often: what bounds it is its share of the hash queue. */
const loadTestFactor = 1000

export function guessOf(attempt: Attempt, caller: Caller, rules: Rules): Guess {
  const { from, lane } = caller
  const { address, credential, everywhere } = limitsOf(lane, rules.limits)
  const network = rules.networkOf(from)
  const counter = (by: ThrottledBy, limit: Limit, ...parts: readonly string[]): Counter => ({
    by,
    name: rules.nameOf(lane, by, ...parts),
    ...limit,
  })
  return {
    digest: digestOf(attempt),
    familiar: rules.nameOf(lane, 'familiar', attempt.slot, network),
    own: counter('credential', credential, attempt.slot, network),
    strange: [
      ...(rules.isExempt(from) ? [] : [counter('address', address, network)]),
      counter('credential', credential, attempt.slot),
      counter('everywhere', everywhere),
    ],
  }
}

function limitsOf(lane: TrafficLane, limits: Limits): Limits {
  if (lane === 'production') return limits
  const { address, credential, everywhere } = limits
  return { address: raised(address), credential: raised(credential), everywhere: raised(everywhere) }
}

function raised({ guesses, windowSeconds }: Limit): Limit {
  return { guesses: guesses * loadTestFactor, windowSeconds }
}

function digestOf({ proof }: Attempt): Digest {
  return proof.slice(0, 12) as string as Digest
}

/** What one counter says to a guess. `noted`: what it holds, the oldest first, nothing that is older than its window. */
export function weigh(
  { by, guesses, windowSeconds }: Counter,
  noted: ReadonlyMap<Digest, Instant>,
  digest: Digest,
  now: Instant,
): 'counted before' | 'has room' | Throttling {
  if (noted.has(digest)) return 'counted before'
  if (noted.size < guesses) return 'has room'
  const [oldest = now] = noted.values()
  return { by, retryAfter: (oldest - now) / 1000 + windowSeconds }
}
