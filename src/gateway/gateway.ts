import { type Account, accountNamed, haveSameScopes, type Holder, hasAccess, type Naming } from './account.ts'
import { type Ask, readTarget } from './ask.ts'
import { attached } from './attached.ts'
import { type Attempt, type AttemptKeys, attemptOn, type Caller } from './attempt.ts'
import { decodeBasic, type PresentedCredential } from './credential.ts'
import {
  type Allow,
  type Decision,
  ended,
  type Expired,
  type KnownVerdict,
  type Outgrown,
  type Over,
  overBy,
  readOnly,
  type ResetNeeded,
  signInNeeded,
  type UsedPassword,
  unreachable,
  type Verdict,
} from './decision.ts'
import type { Delegation, SignInCause, UserToken } from './delegation.ts'
import type { Instant, Scope } from './names.ts'
import { Outage } from './outage.ts'
import type { AccountDirectory, News } from './ports.ts'
import { type Soon, whenDone, whenThere } from './soon.ts'
import type { Loops } from './throttle.ts'
import type { Verifier } from './verifier.ts'

export interface Gateway {
  /** A decision from memory is there at once. Throws, or rejects, only for a bug. */
  decide(ask: Ask): Soon<Decision>
}

interface GatewayParts {
  readonly naming: Naming
  /** Refuses plain http before any client is asked for a password. */
  readonly httpsOnly: boolean
  readonly news: News
  readonly accounts: AccountDirectory
  readonly keys: AttemptKeys
  readonly verifier: Verifier
  /** Whether a request writes, as far as its head tells. Asked only for passwords that may not. */
  readonly writes: (ask: Ask) => boolean
  /** Left out: no request acts as its user. */
  readonly delegation?: Pick<Delegation, 'tokenFor'>
  /** Left out: loops are not limited. */
  readonly loops?: Loops
  /** Called for every outage, for metrics and log. */
  readonly outage: (outage: Outage) => void
  readonly now?: () => Instant
}

/** A request with a credential. */
interface Presented {
  readonly credential: PresentedCredential
  readonly caller: Caller
  readonly ask: Ask
  readonly path: string
}

/** Seconds after which a client should retry while a part is down. */
const outageRetryAfter = 5

/** The core of the product: turns what a request asks into a decision. */
export function createGateway(parts: GatewayParts): Gateway {
  const {
    naming,
    httpsOnly,
    news,
    accounts,
    keys,
    verifier,
    writes,
    delegation,
    loops,
    now = Date.now,
  } = parts

  return { decide }

  function decide(ask: Ask): Soon<Decision> {
    const target = readTarget(ask)
    if (ended(target)) return target
    if (httpsOnly && !ask.secure) return { outcome: 'not-allowed', cause: 'plain-http' }

    const name = accountNamed(target, naming)
    if (ended(name)) return name

    // Each git process starts without a credential: half of all requests end here, and must not touch the store.
    const caller = { account: name, from: ask.from, lane: ask.lane }
    const credential = decodeBasic(ask.authorization)
    if (typeof credential === 'string') {
      const throttling = loops?.again(caller, target.path)
      if (throttling !== undefined) return { outcome: 'throttled', ...throttling }
      return credential === 'nothing'
        ? { outcome: 'challenge', name }
        : { outcome: 'garbled', name, flaw: credential }
    }
    const asked = { credential, caller, ask, path: target.path }
    const caughtUp = news.catchUp()
    return caughtUp === undefined ? decideOn(asked) : decideAfter(caughtUp, asked)
  }

  function decideAfter(caughtUp: Promise<void>, asked: Presented): Promise<Decision> {
    return caughtUp.then(
      () => decideOn(asked),
      (error: unknown) => failed(error, asked),
    )
  }

  /** From what this process knows, or asks for. */
  function decideOn(asked: Presented): Soon<Decision> {
    return whenDone(findAccount, asPresented, failed, asked)
  }

  /** An outage is never a refusal: whichever part failed, the answer is 503. Any other error is a bug. */
  function failed(error: unknown, { caller, path }: Presented): Decision {
    loops?.presented(caller, path)
    if (!(error instanceof Outage)) throw error
    parts.outage(error)
    return { outcome: 'unavailable', part: error.part, retryAfter: outageRetryAfter }
  }

  /** What becomes of a decision on a credential, whose client is not in a loop if the password may be right. */
  function asPresented(decided: Decision, { ask, caller, path }: Presented): Decision {
    const decision = unlessReadOnly(decided, ask)
    const whole = tellsHolder(decision) ? markLoop(decision, caller, path) : decision
    if (!mayBeWrong(decision)) loops?.presented(caller, path)
    return whole
  }

  function unlessReadOnly(decision: Decision, ask: Ask): Decision {
    const mayWrite = decision.outcome !== 'allow' || decision.password?.readOnly === undefined
    return mayWrite || !writes(ask) ? decision : readOnly(decision)
  }

  /** These are never throttled, but a client that cannot stop asking is marked as being in a loop. */
  function markLoop(decision: ResetNeeded | Expired, caller: Caller, path: string): Decision {
    const tooOften = loops?.again(caller, `${decision.outcome} ${path}`) !== undefined
    return tooOften ? { ...decision, tooOften } : decision
  }

  function findAccount(asked: Presented): Soon<Decision> {
    return whenThere(accounts.find(asked.caller.account), decideFor, asked)
  }

  function decideFor(account: Account | undefined, asked: Presented): Soon<Decision> {
    if (account === undefined) return { outcome: 'no-account', name: asked.caller.account }
    return whenThere(judge(account, asked), unlessMoved, { account, asked })
  }

  function unlessMoved(decision: Decision, judged: { account: Account; asked: Presented }): Soon<Decision> {
    return restsOnConnection(decision) ? confirmed(decision, judged.account, judged.asked) : decision
  }

  /**
   * Clients erase stored passwords on a refusal, and users sign in to the directory that it names, so the authority must
   * confirm that the account has not changed.
   */
  async function confirmed(decision: Decision, account: Account, asked: Presented): Promise<Decision> {
    const name = asked.caller.account
    const today = await accounts.confirm(name)
    if (today === undefined) return { outcome: 'no-account', name }
    return haveSameScopes(account, today) ? decision : judge(today, asked)
  }

  function judge(account: Account, { credential, caller }: Presented): Soon<Decision> {
    const attempt = attemptOn(account, credential, keys) // its scope comes from the account's connection
    return whenThere(verifier.verify(attempt, caller), decisionFrom, { account, attempt })
  }

  function decisionFrom(verdict: Verdict, tried: { account: Account; attempt: Attempt }): Soon<Decision> {
    const decision = conclude(verdict, tried.account, tried.attempt, now())
    if (delegation === undefined || decision.outcome !== 'allow') return decision
    const found = delegation.tokenFor(decision)
    return found === undefined ? decision : whenThere(found, actingAs, decision)
  }
}

function actingAs(found: UserToken | SignInCause, allowed: Allow): Decision {
  if (typeof found === 'string') return signInNeeded(allowed, found)
  const last = lastActing.get(allowed)
  if (last?.act === found) return last
  const acting = { ...allowed, act: found }
  lastActing.set(allowed, acting)
  return acting
}

/** As in `lastAllowed`. */
const lastActing = attached<Allow, Allow>()

/** Whether it tells the holder of a right password to use another one. */
function tellsHolder(decision: Decision): decision is ResetNeeded | Expired {
  return decision.outcome === 'reset-needed' || decision.outcome === 'expired'
}

/** Whether it is a refusal that could be different if the account were connected to something else. */
function restsOnConnection(decision: Decision): boolean {
  switch (decision.outcome) {
    case 'refused':
      return decision.cause !== 'forged' // wrong in every scope
    case 'not-allowed':
      return decision.cause === 'not-a-member'
    case 'reset-needed':
    case 'sign-in-needed':
    case 'disabled':
    case 'expired':
      return true
    default:
      return false
  }
}

/** Whether the password may be wrong. Clients can do nothing about a full queue or an outage. */
function mayBeWrong({ outcome }: Decision): boolean {
  return outcome === 'refused' || outcome === 'throttled' || outcome === 'no-account'
}

/** Turns a verdict into a decision as of now. Decisions are never cached. */
export function conclude(verdict: Verdict, account: Account, attempt: Attempt, now: Instant): Decision {
  const { scope, username } = attempt
  switch (verdict.found) {
    case 'match': {
      if (!hasAccess(account, scope, verdict)) return notAMember(verdict, account, scope)
      const { password } = verdict
      const over = password && overBy(password, now)
      return over
        ? expired({ ...verdict, ...over }, account, attempt, password)
        : allow(verdict, account, scope)
    }
    case 'over':
      return hasAccess(account, scope, verdict)
        ? expired(verdict, account, attempt, verdict)
        : notAMember(verdict, account, scope)
    case 'disabled':
      return { outcome: 'disabled', account, scope, username, via: verdict.via }
    case 'outgrown':
      return outgrown(verdict, account, attempt, now)
    case 'mismatch':
    case 'absent':
      return {
        outcome: 'refused',
        account,
        scope,
        cause: verdict.found,
        username,
        slot: attempt.slot,
        via: verdict.via,
      }
    case 'forged':
      return {
        outcome: 'refused',
        account,
        scope,
        cause: 'forged',
        username,
        slot: attempt.slot,
        via: 'none',
      }
    case 'untried':
      return verdict.because === 'busy'
        ? { outcome: 'busy', retryAfter: verdict.retryAfter, slot: attempt.slot }
        : { outcome: 'throttled', by: verdict.by, retryAfter: verdict.retryAfter, slot: attempt.slot }
    default:
      return unreachable(verdict)
  }
}

type Known = Holder & Pick<KnownVerdict, 'via'> & { readonly password?: UsedPassword }

/** `username` and `subject` are the credential's own, whichever of its names was presented. */
function allow(known: Known, account: Account, scope: Scope): Allow {
  const last = lastAllowed.get(known)
  if (last?.account === account && last.scope === scope) return last
  const { username, subject, via, password } = known
  const one: Allow = { outcome: 'allow', account, scope, username, subject, via }
  const allowed = password === undefined ? one : { ...one, password }
  lastAllowed.set(known, allowed)
  return allowed
}

/**
 * The last decision that followed from each verdict. What a request is allowed by is judged anew each time; if it comes to
 * the same, it is the same object, so that what is written and sent about it need not be made again.
 */
const lastAllowed = attached<Known, Allow>()

function expired(
  { cause, at, via }: Over & Pick<KnownVerdict, 'via'>,
  account: Account,
  { scope, username }: Attempt,
  { name, client }: Pick<UsedPassword, 'name' | 'client'>,
): Decision {
  const which = { ...(name && { password: name }), ...(client && { client }) }
  return { outcome: 'expired', account, scope, username, cause, at, via, ...which }
}

function notAMember({ username, via }: Known, account: Account, scope: Scope): Decision {
  return { outcome: 'not-allowed', cause: 'not-a-member', account, scope, username, via }
}

/**
 * A user who is not a member must not learn where the account moved. A name on the present member list may learn it,
 * but that alone gives no access: users of two scopes can have the same name.
 */
function outgrown(verdict: Outgrown & Known, account: Account, attempt: Attempt, now: Instant): Decision {
  const { former, via, password } = verdict
  const { scope, username } = attempt
  const wasMember = hasAccess(account, former, verdict)
  const bridgedUntil = account.former?.bridgedUntil
  const isBridged = verdict.linked && bridgedUntil !== undefined && now < bridgedUntil
  const isOver = password !== undefined && overBy(password, now) !== undefined
  if (wasMember && isBridged && !isOver) return { ...allow(verdict, account, former), bridgedUntil }
  if (!wasMember && !hasAccess(account, scope, verdict)) return notAMember(verdict, account, former)
  const client = password?.client
  return { outcome: 'reset-needed', account, scope, former, username, ...(client && { client }), via }
}
