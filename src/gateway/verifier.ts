import type { TrafficLane } from './ask.ts'
import type { Attempt, Caller } from './attempt.ts'
import type { Finding, Forged, KnownVerdict, Untried, Verdict } from './decision.ts'
import type { GeneratedPasswords } from './generated-password.ts'
import type { Scope, Subject } from './names.ts'
import {
  type CredentialStore,
  type Decoys,
  type FoundCredentials,
  isDecoy,
  type PasswordHasher,
  type VerdictCache,
} from './ports.ts'
import type { Reached, Throttle, Throttling } from './throttle.ts'

export interface Verifier {
  /** Throws `Outage`. */
  verify(attempt: Attempt, caller: Caller): Promise<Verdict>
}

interface VerifierParts {
  readonly credentials: CredentialStore
  readonly verdicts: VerdictCache
  readonly hasher: PasswordHasher
  readonly decoys: Decoys
  readonly generated: Pick<GeneratedPasswords, 'isForged'>
  readonly throttle: Throttle
  /** Called when a hash could not be renewed; the next successful verification tries again. */
  readonly upgradeFailed: (error: unknown) => void
  /** Called for a match whose hash covers only the beginning of the password, and so cannot be renewed. */
  readonly provedInPart: (whose: ProvedInPart) => void
}

/** The credential, without its user name, which stays out of logs. */
export interface ProvedInPart {
  readonly scope: Scope
  readonly subject: Subject
}

/** Seconds after which a client should retry when the hash queue is full. */
const busyRetryAfter = 2

/**
 * Turns an attempt into a verdict: from the cache, or else by one look-up and exactly one password hash, whose result is
 * cached. Guesses are counted only where they cost a hash, so remembered users get in whatever others guess.
 */
export function createVerifier({
  credentials,
  verdicts,
  hasher,
  decoys,
  generated,
  throttle,
  upgradeFailed,
  provedInPart,
}: VerifierParts): Verifier {
  const equals = createEqualCallers()

  async function verify(attempt: Attempt, caller: Caller): Promise<Verdict> {
    // Before any look-up: guesses of this kind cost nothing, and take the same time for every user name.
    if (generated.isForged(attempt.password)) return unlessTooOften({ found: 'forged' }, attempt, caller)
    const ahead = equals.ahead(attempt, caller)
    if (ahead !== undefined) await ahead
    const recalled = verdicts.recall(attempt)
    if (recalled === undefined || recalled instanceof Promise)
      return equals.lead(attempt, caller, () => findOut(recalled, attempt, caller))
    return remembered(recalled, attempt, caller)
  }

  async function findOut(
    recalled: Promise<KnownVerdict | undefined> | undefined,
    attempt: Attempt,
    caller: Caller,
  ): Promise<Verdict> {
    const known = await recalled
    return known === undefined ? check(attempt, caller) : remembered(known, attempt, caller)
  }

  function remembered(known: KnownVerdict, attempt: Attempt, caller: Caller): Verdict {
    const scope = openedIn(known, attempt)
    if (scope !== undefined && 'username' in known) throttle.recognise(attempt, caller, scope, known.username)
    return unlessTooOften(known, attempt, caller)
  }

  function unlessTooOften(known: KnownVerdict | Forged, attempt: Attempt, caller: Caller): Verdict {
    const throttling = isWrong(known) ? throttle.again(attempt, caller) : undefined
    return throttling === undefined ? known : throttled(throttling)
  }

  async function check(attempt: Attempt, caller: Caller): Promise<Verdict> {
    const found = await credentials.find(attempt.scope, attempt.former, attempt.username)
    // Guesses count against the credential, by whatever account and name it is reached, so it has to be found first.
    const admission = await throttle.admit(attempt, caller, reachedBy(attempt, found))
    if ('by' in admission) return throttled(admission)
    let counts = false
    try {
      const verdict = await compare(found, attempt, caller.lane)
      counts = isWrong(verdict)
      if (openedIn(verdict, attempt) !== undefined) admission.welcome()
      return verdict
    } finally {
      if (!counts) admission.absolve() // also after a full queue or an outage: the guess has revealed nothing
    }
  }

  async function compare(found: FoundCredentials, attempt: Attempt, lane: TrafficLane): Promise<Verdict> {
    // Of a thousand callers with one password, the last may leave the store when the first are already answered.
    const meanwhile = await verdicts.recall(attempt, 'again')
    if (meanwhile !== undefined) return meanwhile
    // Unknown names must cost what known ones cost, or response times would reveal which users exist.
    const decoy = await decoys.like(attempt, found.asOf)
    const hash = found.current?.hash ?? found.former?.hash ?? decoy
    const compared = await hasher.compare(attempt, hash, lane)
    if (compared === 'busy') return { found: 'untried', because: 'busy', retryAfter: busyRetryAfter }

    const finding = findingOf(found, attempt, compared === 'match')
    const verdict = { ...finding, asOf: found.asOf, via: 'store' } as const
    verdicts.remember(attempt, verdict)
    if (finding.found === 'match' && !isDecoy(hash) && hasher.outdated(hash)) {
      // A password that is proved only in part must not be stored as the whole: the owner's may end differently.
      if (hasher.provesWhole(attempt.password, hash)) renew(attempt, hash)
      else provedInPart({ scope: attempt.scope, subject: finding.subject })
    }
    return verdict
  }

  /** In the background: the caller has already waited for one hash. */
  function renew(attempt: Attempt, outdated: Parameters<CredentialStore['upgrade']>[2]): void {
    hasher
      .hash(attempt.password)
      .then(async renewed => {
        if (renewed !== 'busy') await credentials.upgrade(attempt.scope, attempt.username, outdated, renewed)
      })
      .catch(upgradeFailed)
  }

  return { verify }
}

/** Whether the answer is `refused`: the user name or the password is wrong. */
function isWrong({ found }: Verdict): boolean {
  return found === 'mismatch' || found === 'absent' || found === 'forged'
}

/** The scope of a right credential that gives access: the present one, or the former one while a move is bridged. */
function openedIn(verdict: Verdict, { scope }: Attempt): Scope | undefined {
  if (verdict.found === 'match') return scope
  return verdict.found === 'outgrown' && verdict.linked ? verdict.former : undefined
}

/** The credentials that the presented name leads to in both scopes, by their primary user names. */
function reachedBy({ scope, former, username }: Attempt, found: FoundCredentials): Reached {
  const today = { scope, username: found.current?.username ?? username }
  if (former === undefined) return { compared: today, beside: undefined }
  const before = { scope: former, username: found.former?.username ?? username }
  const isBefore = found.current === undefined && found.former !== undefined
  return isBefore ? { compared: before, beside: today } : { compared: today, beside: before }
}

function throttled({ by, retryAfter }: Throttling): Untried {
  return { found: 'untried', because: 'throttled', by, retryAfter }
}

/** The look-up decides which credential was compared; the comparison decides what that means. */
function findingOf(found: FoundCredentials, attempt: Attempt, right: boolean): Finding {
  const { current, former, linked = false } = found
  const credential = current ?? former
  if (credential === undefined) return { found: 'absent' }
  if (!right) return { found: 'mismatch' }
  const { username, subject, enabled } = credential
  if (current === undefined) {
    const left = attempt.former ?? attempt.scope
    return { found: 'outgrown', former: left, username, subject, linked: linked && enabled }
  }
  return enabled ? { found: 'match', username, subject } : { found: 'disabled' }
}

/** Concurrent callers from one address with the same password: a build that starts a thousand jobs. */
interface EqualCallers {
  /** Resolves when the leader is done; rejects with its error. `undefined`: there is no leader. */
  ahead(attempt: Attempt, caller: Caller): Promise<unknown> | undefined
  /** Makes the caller the leader of those that come meanwhile. A caller that has waited once does not wait again. */
  lead<T>(attempt: Attempt, caller: Caller, findOut: () => Promise<T>): Promise<T>
}

/**
 * The first caller verifies; the others wait and then read the verdict cache. They do not get the leader's result
 * itself: it may be from before a change that they must see, and only the cache can tell.
 */
function createEqualCallers(): EqualCallers {
  const leaders = new Map<string, Promise<unknown>>()

  return {
    ahead(attempt, caller) {
      return leaders.size === 0 ? undefined : leaders.get(nameOf(attempt, caller))
    },
    lead(attempt, caller, findOut) {
      const name = nameOf(attempt, caller)
      const finding = findOut()
      if (leaders.has(name)) return finding
      const leave = () => leaders.delete(name)
      leaders.set(name, finding)
      finding.then(leave, leave)
      return finding
    },
  }
}

/** The proof covers scopes and user name; guesses are counted by address and lane. */
function nameOf({ proof }: Attempt, { from, lane }: Caller): string {
  return `${proof} ${lane} ${from}`
}
