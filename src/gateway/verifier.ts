import type { TrafficLane } from './ask.ts'
import type { Attempt, Caller } from './attempt.ts'
import {
  type Finding,
  type Forged,
  type KnownVerdict,
  overBy,
  type Untried,
  type UsedPassword,
  type Verdict,
} from './decision.ts'
import type { GeneratedPasswords } from './generated-password.ts'
import type { Instant, Scope, Subject } from './names.ts'
import {
  type CredentialStore,
  type Decoys,
  type FoundCredentials,
  noPassword,
  type PasswordHash,
  type PasswordHasher,
  type StoredPassword,
  type VerdictCache,
} from './ports.ts'
import type { Soon } from './soon.ts'
import type { Reached, Throttle, Throttling } from './throttle.ts'

export interface Verifier {
  /** A verdict from memory is there at once. Throws, or rejects with, `Outage`. */
  verify(attempt: Attempt, caller: Caller): Soon<Verdict>
}

interface VerifierParts {
  readonly credentials: CredentialStore
  readonly verdicts: VerdictCache
  readonly hasher: PasswordHasher
  readonly decoys: Decoys
  readonly generated: Omit<GeneratedPasswords, 'make'>
  readonly throttle: Throttle
  /** Called when a hash could not be renewed; the next successful verification tries again. */
  readonly upgradeFailed: (error: unknown) => void
  /** Called for a match whose hash covers only the beginning of the password, and so cannot be renewed. */
  readonly provedInPart: (whose: ProvedInPart) => void
  readonly now?: () => Instant
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
 * cached. A generated password costs no hash for any user name: only its form decides, and the caller knows that form.
 * Guesses are counted only where they cost a look-up, so remembered users get in whatever others guess.
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
  now = Date.now,
}: VerifierParts): Verifier {
  const equals = createEqualCallers()

  function verify(attempt: Attempt, caller: Caller): Soon<Verdict> {
    // Before any look-up: guesses of this kind cost nothing, and take the same time for every user name.
    if (generated.isForged(attempt.password)) return unlessTooOften({ found: 'forged' }, attempt, caller)
    const ahead = equals.ahead(attempt, caller)
    return ahead === undefined ? recall(attempt, caller) : ahead.then(() => recall(attempt, caller))
  }

  function recall(attempt: Attempt, caller: Caller): Soon<Verdict> {
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
    const presented = generated.read(attempt.password)
    const found = await credentials.find(attempt.scope, attempt.former, attempt.username, presented?.id)
    if (presented?.old === false) return checkGenerated(found, attempt, caller)
    // Guesses count against the credential, by whatever account and name it is reached, so it has to be found first.
    const admission = await throttle.admit(attempt, caller, reachedBy(attempt, found))
    if ('by' in admission) return throttled(admission)
    let counts = false
    try {
      const verdict = await compare(found, presented !== undefined, attempt, caller.lane)
      counts = isWrong(verdict)
      if (openedIn(verdict, attempt) !== undefined) admission.welcome()
      return verdict
    } finally {
      if (!counts) admission.absolve() // also after a full queue or an outage: the guess has revealed nothing
    }
  }

  /** The comparison costs microseconds and no guess hits 130 bits: only a wrong password is counted, after it. */
  async function checkGenerated(found: FoundCredentials, attempt: Attempt, caller: Caller): Promise<Verdict> {
    const verdict = remember(findingOf(found, attempt, provedBy(found, attempt)), found, attempt)
    if (!isWrong(verdict)) return verdict
    const admission = await throttle.admit(attempt, caller, reachedBy(attempt, found))
    return 'by' in admission ? throttled(admission) : verdict
  }

  async function compare(
    found: FoundCredentials,
    isGenerated: boolean,
    attempt: Attempt,
    lane: TrafficLane,
  ): Promise<Verdict> {
    // Of a thousand callers with one password, the last may leave the store when the first are already answered.
    const meanwhile = await verdicts.recall(attempt, 'again')
    if (meanwhile !== undefined) return meanwhile
    // Unknown names must cost what known ones cost, or response times would reveal which users exist.
    const decoy = await decoys.like(attempt, found.asOf)
    const proved = isGenerated ? provedBy(found, attempt) : undefined
    const stored = (found.current ?? found.former)?.hash
    const hash = stored === noPassword ? undefined : stored
    // An older generated password may still be stored as a hash, of any name: until that is known it costs what a chosen one does.
    // One that has ended may have come back as a hash, with an older file that was imported.
    const isDecided = proved !== undefined && (hash === undefined || !isOver(found, proved))
    if (isDecided) return remember(findingOf(found, attempt, proved), found, attempt)

    const compared = await hasher.compare(attempt, hash ?? decoy, lane)
    if (compared === 'busy') return { found: 'untried', because: 'busy', retryAfter: busyRetryAfter }

    const finding = findingOf(found, attempt, compared === 'match' ? 'chosen' : proved)
    if (finding.found === 'match' && hash !== undefined) replaceHash(hash, attempt, finding.subject)
    return remember(finding, found, attempt)
  }

  function remember(finding: Finding, { asOf }: FoundCredentials, attempt: Attempt): KnownVerdict {
    const verdict = { ...finding, asOf, via: 'store' } as const
    verdicts.remember(attempt, verdict)
    return verdict
  }

  /** Which generated password was presented. Compares for every name, known or not. */
  function provedBy({ current, former }: FoundCredentials, attempt: Attempt): Proved | undefined {
    const { password } = attempt
    const inCurrent = generated.proves(password, current?.generated?.mac)
    const inFormer = attempt.former !== undefined && generated.proves(password, former?.generated?.mac)
    return inCurrent ? 'current' : inFormer ? 'former' : undefined
  }

  function isOver({ current, former }: FoundCredentials, proved: Proved): boolean {
    const used = (proved === 'current' ? current : former)?.generated
    return used !== undefined && overBy(used, now()) !== undefined
  }

  /** In the background: the caller has already waited for one hash. */
  function replaceHash(hash: PasswordHash, attempt: Attempt, subject: Subject): void {
    const { scope, username, password } = attempt
    const read = generated.read(password)
    if (read !== undefined) {
      const turned = { id: read.id, mac: generated.macOf(password) }
      return void credentials.turn(scope, username, hash, turned).catch(upgradeFailed)
    }
    if (!hasher.outdated(hash)) return
    // A password that is proved only in part must not be stored as the whole: the owner's may end differently.
    if (hasher.provesWhole(password, hash)) renew(attempt, hash)
    else provedInPart({ scope, subject })
  }

  /** What the look-up and the comparison mean together. */
  function findingOf(
    found: FoundCredentials,
    attempt: Attempt,
    proved: Proved | 'chosen' | undefined,
  ): Finding {
    const { current, former, linked = false } = found
    const credential = proved === 'former' ? former : (current ?? former)
    if (credential === undefined) return { found: 'absent' }
    if (proved === undefined) return { found: 'mismatch' }
    const { username, subject, enabled } = credential
    const used = proved === 'chosen' ? undefined : credential.generated
    const over = used && overBy(used, now())
    if (credential !== current) {
      const left = attempt.former ?? attempt.scope
      // Who has a set of the present scope has done what a bridge waits for.
      const counts = linked && enabled && current === undefined && over === undefined
      const outgrown = { found: 'outgrown', former: left, username, subject, linked: counts } as const
      return used === undefined ? outgrown : { ...outgrown, password: usedPassword(used) }
    }
    if (!enabled) return { found: 'disabled' }
    if (over !== undefined)
      return {
        found: 'over',
        username,
        subject,
        ...(used?.name && { name: used.name }),
        ...(used?.client && { client: used.client }),
        ...over,
      }
    return { found: 'match', username, subject, ...(used && { password: usedPassword(used) }) }
  }

  function renew(attempt: Attempt, outdated: PasswordHash): void {
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

/** The credential whose generated password was presented. */
type Proved = 'current' | 'former'

/** Without what only the store needs. */
function usedPassword({ id, name, readOnly, endsAt, replacedAt, client }: StoredPassword): UsedPassword {
  return {
    id,
    ...(name !== undefined && { name }),
    ...(readOnly && { readOnly }),
    ...(endsAt !== undefined && { endsAt }),
    ...(replacedAt !== undefined && { replacedAt }),
    ...(client !== undefined && { client }),
  }
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
