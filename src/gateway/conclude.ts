import type { Account } from './account.ts'
import type { Attempt } from './attempt.ts'
import { unreachable, type Allow, type Decision } from './decision.ts'
import { letsIn, type Holder } from './membership.ts'
import type { Instant, Scope } from './names.ts'
import type { KnownVerdict, Outgrown, Verdict } from './verdict.ts'

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
