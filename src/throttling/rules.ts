import type { Attempt, Caller } from '../gateway/attempt.ts'
import type { TrafficLane } from '../gateway/ask.ts'
import type { Instant } from '../gateway/names.ts'
import type { CredentialName, Reached, Throttling } from '../gateway/throttle.ts'
import type { ThrottledBy } from '../gateway/decision.ts'

/** So many different wrong passwords within any so many seconds. */
export interface Limit {
  readonly guesses: number
  readonly windowSeconds: number
}

export interface Limits {
  /** From one client address, or one IPv6 network. */
  readonly address: Limit
  /** For one credential: on all accounts and by all names that lead to it. */
  readonly credential: Limit
  readonly everywhere: Limit
}

/** Which wrong password: 72 bits of an HMAC. Enough to tell two apart, nothing to learn from. */
export type Digest = string & { readonly digest: never }

/** What counts guesses under one name, how many it takes, and what this guess is called in it. */
export interface Counter extends Limit {
  readonly by: ThrottledBy
  readonly name: string
  readonly digest: Digest
}

/** One password that is about to be looked at, and where it counts if it is wrong. */
export interface Guess {
  readonly familiar: Familiar
  /** The only counter where the address is familiar: what strangers guess must not lock out the owner. */
  readonly own: Counter
  /** Where `own` is full, the password that was right here is admitted all the same until this one is full, too. */
  readonly reserve: Counter
  /** The counters where it is not; all of them must have room. */
  readonly strange: readonly Counter[]
}

/** A credential was right from an address in the last days: under which name that is kept, and which password it was. */
export interface Familiar {
  readonly name: string
  readonly digest: Digest
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

/**
 * So many times as many passwords are compared with the one that was right here. None but that one is hashed, so it
 * costs nothing; without an end, though, it could be guessed from there.
 */
const reserveFactor = 50

export function guessOf(
  attempt: Attempt,
  caller: Caller,
  { compared, beside }: Reached,
  rules: Rules,
): Guess {
  const { from, lane } = caller
  const { address, credential, everywhere } = limitsOf(lane, rules.limits)
  const network = rules.networkOf(from)
  const counter = (by: ThrottledBy, limit: Limit, digest: Digest, ...parts: readonly string[]): Counter => ({
    by,
    name: rules.nameOf(lane, by, ...parts),
    digest,
    ...limit,
  })
  const presented = attempt.proof.slice(0, 12) as string as Digest
  const familiar = familiarTo(attempt, caller, compared, rules)
  const strangersAt = (whose: CredentialName) =>
    counter('credential', credential, digestOf(attempt, whose, rules), whose.scope, whose.username)
  const place = [compared.scope, compared.username, network]
  const most = { ...credential, guesses: credential.guesses * reserveFactor }
  return {
    familiar,
    own: counter('credential', credential, familiar.digest, ...place),
    reserve: counter('credential', most, familiar.digest, ...place, 'reserve'),
    strange: [
      ...(rules.isExempt(from) ? [] : [counter('address', address, presented, network)]),
      strangersAt(compared),
      ...(beside === undefined ? [] : [strangersAt(beside)]),
      counter('everywhere', everywhere, presented),
    ],
  }
}

/** How it is kept that this password was right for this credential from where the caller is. */
export function familiarTo(
  attempt: Attempt,
  { from, lane }: Caller,
  whose: CredentialName,
  rules: Rules,
): Familiar {
  return {
    name: rules.nameOf(lane, 'familiar', whose.scope, whose.username, rules.networkOf(from)),
    digest: digestOf(attempt, whose, rules),
  }
}

/** One password at one credential is one guess, whichever account and user name it was presented with. */
function digestOf({ password }: Attempt, { scope, username }: CredentialName, { nameOf }: Rules): Digest {
  return nameOf('guess', scope, username, password.reveal()).slice(0, 12) as Digest
}

function limitsOf(lane: TrafficLane, limits: Limits): Limits {
  if (lane === 'production') return limits
  const { address, credential, everywhere } = limits
  return { address: raised(address), credential: raised(credential), everywhere: raised(everywhere) }
}

function raised({ guesses, windowSeconds }: Limit): Limit {
  return { guesses: guesses * loadTestFactor, windowSeconds }
}

/** What one counter says to a guess. `noted`: what it holds, the oldest first, nothing that is older than its window. */
export function weigh(
  { by, digest, guesses, windowSeconds }: Counter,
  noted: ReadonlyMap<Digest, Instant>,
  now: Instant,
): 'counted before' | 'has room' | Throttling {
  if (noted.has(digest)) return 'counted before'
  if (noted.size < guesses) return 'has room'
  const [oldest = now] = noted.values()
  return { by, retryAfter: (oldest - now) / 1000 + windowSeconds }
}
