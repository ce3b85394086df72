import type { Account } from './account.ts'
import type { Attempt } from './attempt.ts'
import { unreachable, type Decision } from './decision.ts'
import type { Verdict } from './verdict.ts'

/** What the gateway does about a verdict. Decisions are never cached. */
export function conclude(verdict: Verdict, account: Account, attempt: Attempt): Decision {
  const { scope, username, slot } = attempt
  switch (verdict.found) {
    case 'match':
      return {
        outcome: 'allow',
        account,
        scope,
        username: verdict.username, // the primary one, whichever was presented
        subject: verdict.subject,
        via: verdict.via,
      }
    case 'disabled':
      return { outcome: 'disabled', account, scope, username, via: verdict.via }
    case 'outgrown':
      return { outcome: 'reset-needed', account, scope, former: verdict.former, username, via: verdict.via }
    case 'mismatch':
    case 'absent':
      return { outcome: 'refused', account, scope, cause: verdict.found, username, slot, via: verdict.via }
    case 'forged':
      return { outcome: 'refused', account, scope, cause: 'forged', username, slot, via: 'none' }
    case 'untried':
      return { outcome: verdict.because, retryAfter: verdict.retryAfter }
    default:
      return unreachable(verdict)
  }
}
