import type { Attempt, Caller } from '../gateway/attempt.ts'
import type { TrafficLane } from '../gateway/ask.ts'
import type { Instant } from '../gateway/names.ts'
import type { CredentialName, Reached, Throttling } from '../gateway/throttle.ts'
import type { ThrottledBy } from '../gateway/decision.ts'

/** Different wrong passwords allowed within any window of that length. */
export interface Limit {
  readonly guesses: number
  readonly windowSeconds: number
}

export interface Limits {
  /** From one client address, or one IPv6 network. */
  readonly address: Limit
  /** For one credential: on all accounts and under all its names. */
  readonly credential: Limit
  readonly everywhere: Limit
}

/** Identifies a wrong password: 72 bits of an HMAC, which distinguish passwords and reveal nothing. */
export type Digest = string & { readonly digest: never }

/** A named counter with its limit, and the digest of this guess in it. */
export interface Counter extends Limit {
  readonly by: ThrottledBy
  readonly name: string
  readonly digest: Digest
}

/** A password that is about to be verified, and where it counts if it is wrong. */
export interface Guess {
  readonly familiar: Familiar
  /** The only counter for a familiar address: guesses from elsewhere must not lock out the owner. */
  readonly own: Counter
  /** When `own` is full, the password that was right here is still admitted until this one is full as well. */
  readonly reserve: Counter
  /** The counters for an unfamiliar address; all of them must have room. */
  readonly unfamiliar: readonly Counter[]
}

/** A credential that was right from an address in the last days: the name of the record, and the password's digest. */
export interface Familiar {
  readonly name: string
  readonly digest: Digest
}

/** Makes an unreadable name of these parts, the same in every process. */
export type Naming = (...parts: readonly string[]) => string

export interface Rules {
  readonly limits: Limits
  /** The address or network that counts as one. */
  readonly networkOf: (address: string) => string
  /** Whether guesses from this address do not count by address. */
  readonly isExempt: (address: string) => boolean
  readonly nameOf: Naming
}

/** A load test may guess that many times as often: it is bounded by its share of the hash queue. */
const loadTestFactor = 1000

/**
 * How many times the usual limit of passwords is compared with the one that was right here. Only that one is hashed, so
 * the others cost nothing; without a limit it could be guessed from there.
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
  const unfamiliarAt = (whose: CredentialName) =>
    counter('credential', credential, digestOf(attempt, whose, rules), whose.scope, whose.username)
  const place = [compared.scope, compared.username, network]
  const most = { ...credential, guesses: credential.guesses * reserveFactor }
  return {
    familiar,
    own: counter('credential', credential, familiar.digest, ...place),
    reserve: counter('credential', most, familiar.digest, ...place, 'reserve'),
    unfamiliar: [
      ...(rules.isExempt(from) ? [] : [counter('address', address, presented, network)]),
      unfamiliarAt(compared),
      ...(beside === undefined ? [] : [unfamiliarAt(beside)]),
      counter('everywhere', everywhere, presented),
    ],
  }
}

/** The record that this password was right for this credential from the caller's address. */
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

/** One password for one credential is one guess, whichever account and user name it was presented with. */
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

/** Whether a counter admits a guess. `noted`: its guesses within the window, oldest first. */
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
