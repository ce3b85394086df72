import type { UpstreamFailed } from '../gateway/decision.ts'
import type { AccountName, Instant } from '../gateway/names.ts'
import type { Logger } from './log.ts'

/** Milliseconds between two alerts about one account: every request of it meets the same refusal. */
const quiet = 60_000

export interface RefusalReportOptions {
  readonly log: Logger
  /** Told of each refusal, with the method by which the upstream was told who it is. */
  readonly count: (method: string) => void
  readonly methodOf: (account: AccountName) => string
  readonly now: () => Instant
}

/**
 * Counts the requests for which an upstream refused what the gateway presented, and alerts the operator at most once
 * a minute for each account. The user has done nothing wrong and can do nothing about it.
 */
export function createRefusalReport({ log, count, methodOf, now }: RefusalReportOptions) {
  const lastAlert = new Map<AccountName, Instant>()

  return (account: AccountName, { because }: UpstreamFailed, request: string): void => {
    // What Azure DevOps says instead of 401 is a page for people.
    if (because !== 'unauthorized' && because !== 'sign-in-page') return
    const method = methodOf(account)
    count(method)
    const at = now()
    if (at - (lastAlert.get(account) ?? -Infinity) < quiet) return
    lastAlert.set(account, at)
    log.error({ request, account, method, because }, 'an upstream refuses what the gateway presents to it')
  }
}
