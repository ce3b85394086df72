import type { Allow } from '../gateway/decision.ts'
import type { Instant } from '../gateway/names.ts'
import type { Logger } from './log.ts'

/** Milliseconds between two log lines: a crowd makes thousands of requests wait. */
const quiet = 60_000

export interface CrowdReportOptions {
  readonly log: Logger
  /** Told what became of each request: one of a closed list. */
  readonly count: (result: string) => void
  readonly now: () => Instant
}

/** Counts the requests that found all connections to their upstream taken, and names at most one user a minute. */
export function createCrowdReport({ log, count, now }: CrowdReportOptions) {
  let lastLogged = -Infinity

  return (result: string, { account, username }: Allow, request: string): void => {
    count(result)
    const at = now()
    if (at - lastLogged < quiet) return
    lastLogged = at
    log.warn(
      { request, account: account.name, username, result },
      'a request found all connections to its upstream taken',
    )
  }
}
