import { type Account, accountNamed, haveSameScopes, type Holder, letsIn, type Naming } from './account.ts'
import { type Ask, readTarget } from './ask.ts'
import { type Attempt, type AttemptKeys, attemptOn, type Caller } from './attempt.ts'
import { decodeBasic, type PresentedCredential } from './credential.ts'
import {
  type Allow,
  type Decision,
  ended,
  type KnownVerdict,
  type Outgrown,
  type ResetNeeded,
  unreachable,
  type Verdict,
} from './decision.ts'
import type { Instant, Scope } from './names.ts'
import { Outage } from './outage.ts'
import type { AccountDirectory, News } from './ports.ts'
import type { Loops } from './throttle.ts'
import type { Verifier } from './verifier.ts'

export interface Gateway {
  decide(ask: Ask): Promise<Decision>
}

interface GatewayParts {
  readonly naming: Naming
  /** Refuse plain http before anybody is asked for a password. */
  readonly httpsOnly: boolean
  readonly news: News
  readonly accounts: AccountDirectory
  readonly keys: AttemptKeys
  readonly verifier: Verifier
  /** Left out: callers may ask as often as they like. */
  readonly loops?: Loops
  /** Told of every part that failed: metrics and log. */
  readonly outage: (outage: Outage) => void
  readonly now?: () => Instant
}

/** Seconds after which a caller should come again when a part is down. */
const outageRetryAfter = 5

/** The whole product, top to bottom: what a request asks becomes a decision. */
export function createGateway(parts: GatewayParts): Gateway {
  const { naming, httpsOnly, news, accounts, keys, verifier, loops, now = Date.now } = parts

  return withOutages(parts.outage, async function decide(ask: Ask): Promise<Decision> {
    const target = readTarget(ask)
    if (ended(target)) return target
    if (httpsOnly && !ask.secure) return { outcome: 'not-allowed', cause: 'plain-http' }

    const name = accountNamed(target, naming)
    if (ended(name)) return name

    // Each git process starts anonymous: half of all requests end here, and they must not touch the store.
    const caller = { account: name, from: ask.from, lane: ask.lane }
    const credential = decodeBasic(ask.authorization)
    if (typeof credential === 'string') {
      const throttling = loops?.again(caller, target.path)
      if (throttling !== undefined) return { outcome: 'throttled', ...throttling }
      return credential === 'nothing'
        ? { outcome: 'challenge', name }
        : { outcome: 'garbled', name, flaw: credential }
    }
    let isWrong = false
    try {
      const decision = await decideOn(credential, caller)
      isWrong = mayBeWrong(decision)
      return decision.outcome === 'reset-needed' ? toldAgain(decision, caller, target.path) : decision
    } finally {
      if (!isWrong) loops?.presented(caller, target.path)
    }
  })

  /** Told as often as somebody asks, but a client may be unable to do anything else. */
  function toldAgain(decision: ResetNeeded, caller: Caller, path: string): ResetNeeded {
    const tooOften = loops?.again(caller, `reset-needed ${path}`) !== undefined
    return tooOften ? { ...decision, tooOften } : decision
  }

  async function decideOn(credential: PresentedCredential, caller: Caller): Promise<Decision> {
    const name = caller.account
    await news.catchUp()
    const account = await accounts.find(name)
    if (account === undefined) return { outcome: 'no-account', name }

    const decision = await judge(account, credential, caller)
    if (!restsOnConnection(decision)) return decision

    // A refusal destroys stored passwords: whoever knows must say that the account still is what it was above.
    const confirmed = await accounts.confirm(name)
    if (confirmed === undefined) return { outcome: 'no-account', name }
    return haveSameScopes(account, confirmed) ? decision : judge(confirmed, credential, caller)
  }

  async function judge(account: Account, credential: PresentedCredential, caller: Caller): Promise<Decision> {
    const attempt = attemptOn(account, credential, keys) // its scope comes from the account's connection
    const verdict = await verifier.verify(attempt, caller)
    return conclude(verdict, account, attempt, now())
  }
}

/** Whether it turns somebody away whom the account would let in if it were connected to something else. */
function restsOnConnection(decision: Decision): boolean {
  switch (decision.outcome) {
    case 'refused':
      return decision.cause !== 'forged' // nobody's password, wherever
    case 'not-allowed':
      return decision.cause === 'not-a-member'
    case 'reset-needed':
    case 'disabled':
      return true
    default:
      return false
  }
}

/** Whether the password may be to blame. Of a full queue and a part that is down callers cannot know. */
function mayBeWrong({ outcome }: Decision): boolean {
  return outcome === 'refused' || outcome === 'throttled' || outcome === 'no-account'
}

/** An outage is not a refusal: whatever part broke, the answer is 503. Anything but an `Outage` is a bug. */
function withOutages(tell: GatewayParts['outage'], decide: Gateway['decide']): Gateway {
  return {
    async decide(ask) {
      try {
        return await decide(ask)
      } catch (error) {
        if (!(error instanceof Outage)) throw error
        tell(error)
        return { outcome: 'unavailable', part: error.part, retryAfter: outageRetryAfter }
      }
    },
  }
}

/** What the gateway does about a verdict at this moment. Decisions are never cached. */
export function conclude(verdict: Verdict, account: Account, attempt: Attempt, now: Instant): Decision {
  const { scope, username } = attempt
  switch (verdict.found) {
    case 'match':
      return letsIn(account, scope, verdict)
        ? allow(verdict, account, scope)
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
        ? { outcome: 'busy', retryAfter: verdict.retryAfter }
        : { outcome: 'throttled', by: verdict.by, retryAfter: verdict.retryAfter }
    default:
      return unreachable(verdict)
  }
}

type Known = Holder & Pick<KnownVerdict, 'via'>

/** `username` and `subject`: the credential's own, whichever of its names was presented. */
function allow({ username, subject, via }: Known, account: Account, scope: Scope): Allow {
  return { outcome: 'allow', account, scope, username, subject, via }
}

function notAMember({ username, via }: Known, account: Account, scope: Scope): Decision {
  return { outcome: 'not-allowed', cause: 'not-a-member', account, scope, username, via }
}

/**
 * Whoever is no member must not learn where the account went. Whom the list of today names may, but that alone opens
 * nothing: two people of two scopes can have one name.
 */
function outgrown(verdict: Outgrown & Known, account: Account, attempt: Attempt, now: Instant): Decision {
  const { former, via } = verdict
  const { scope, username } = attempt
  const wasLetIn = letsIn(account, former, verdict)
  const bridgedUntil = account.former?.bridgedUntil
  if (wasLetIn && verdict.linked && bridgedUntil !== undefined && now < bridgedUntil)
    return { ...allow(verdict, account, former), bridgedUntil }
  return wasLetIn || letsIn(account, scope, verdict)
    ? { outcome: 'reset-needed', account, scope, former, username, via }
    : notAMember(verdict, account, former)
}
