import type { Account } from './account.ts'
import type { Attempt } from './attempt.ts'
import { unreachable, type Decision } from './decision.ts'
import type { Verdict } from './verdict.ts'

/** What the gateway does about a verdict. Decisions are never cached. */
export function conclude(verdict: Verdict, account: Account, { scope }: Pick<Attempt, 'scope'>): Decision {
  switch (verdict.found) {
    case 'match': {
      const { username, subject, via } = verdict
      return { outcome: 'allow', account, scope, username, subject, via }
    }
    case 'disabled':
      return { outcome: 'disabled', account, scope, via: verdict.via }
    case 'outgrown':
      return { outcome: 'reset-needed', account, scope, former: verdict.former, via: verdict.via }
    case 'mismatch':
    case 'absent':
      return { outcome: 'refused', account, scope, cause: verdict.found, via: verdict.via }
    case 'untried':
      return { outcome: verdict.because, retryAfter: verdict.retryAfter }
    default:
      return unreachable(verdict)
  }
}
