import type { Allow, UpstreamFailed } from '../gateway/decision.ts'
import type { AccountName, Instant } from '../gateway/names.ts'
import type { Outage, Part } from '../gateway/outage.ts'
import type { Logger } from './logs.ts'

/** Milliseconds without another closed connection after which the flood is over. */
const closedQuietMs = 10_000

/**
 * Counts the connections that the gateway closed by itself, and logs only the start and the end of a series: in a flood,
 * thousands are closed each second.
 */
export function createConnectionReport(log: Logger, count: (why: string) => void) {
  const current = new Map<string, { closed: number; over: NodeJS.Timeout }>()

  function end(why: string): void {
    log.info(
      { because: why, closed: current.get(why)?.closed },
      'connections of callers are no longer being closed',
    )
    current.delete(why)
  }

  return {
    closed(why: string, network: string): void {
      count(why)
      const under = current.get(why)
      if (under === undefined) {
        log.warn({ because: why, from: network }, 'connections of callers are being closed')
        current.set(why, { closed: 1, over: setTimeout(end, closedQuietMs, why).unref() })
        return
      }
      under.closed += 1
      under.over.refresh()
    },
  }
}

/** Milliseconds between two log lines: one user can make thousands of requests wait. */
const crowdQuietMs = 60_000

interface CrowdReportOptions {
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
    if (at - lastLogged < crowdQuietMs) return
    lastLogged = at
    log.warn(
      { request, account: account.name, username, result },
      'a request found all connections to its upstream taken',
    )
  }
}

/** Milliseconds between two log lines about one part: while it is down, every request reports it. */
const outageQuietMs = 5000

/** Counts every outage, and logs each part's at most every five seconds. */
export function createOutageReport(log: Logger, count: (part: Part) => void): (outage: Outage) => void {
  const lastLogged = new Map<Part, number>()

  return outage => {
    count(outage.part)
    const now = performance.now()
    if (now - (lastLogged.get(outage.part) ?? -Infinity) < outageQuietMs) return
    lastLogged.set(outage.part, now)
    log.warn({ part: outage.part, cause: String(outage.cause) }, outage.message)
  }
}

/** Milliseconds between two alerts about one account: each of its requests gets the same refusal. */
const refusalQuietMs = 60_000

interface RefusalReportOptions {
  readonly log: Logger
  /** Told of each refusal, with the method of authenticating to the upstream. */
  readonly count: (method: string) => void
  readonly methodOf: (account: AccountName) => string
  readonly now: () => Instant
}

/**
 * Counts the requests for which an upstream refused what the gateway presented, and alerts the operator at most once
 * a minute for each account. The user did nothing wrong and cannot fix it.
 */
export function createRefusalReport({ log, count, methodOf, now }: RefusalReportOptions) {
  const lastAlert = new Map<AccountName, Instant>()

  return (account: AccountName, { because }: UpstreamFailed, request: string): void => {
    // The user's own: nothing for the operator to renew.
    if (because === 'user-token') return count(methodOf(account))
    // Azure DevOps may answer with a sign-in page instead of 401.
    if (because !== 'unauthorized' && because !== 'sign-in-page') return
    const method = methodOf(account)
    count(method)
    const at = now()
    if (at - (lastAlert.get(account) ?? -Infinity) < refusalQuietMs) return
    lastAlert.set(account, at)
    log.error({ request, account, method, because }, 'an upstream refuses the credential of the gateway')
  }
}

/** Milliseconds between two log lines: an error that each request throws must not fill a disk. */
const bugQuietMs = 1000

/**
 * The last resort of a serving process: an uncaught error is a bug of ours or of a library. It is logged and counted, and
 * the process goes on. Exiting would cut every request in progress, and a client that can cause the error could end the
 * next process as well. Errors of a request, a connection or a statement are caught where they belong; those that get here
 * leave no shared state half changed. Errors before a process serves still end it.
 */
export function keepServing({ log, count }: { readonly log: Logger; readonly count: () => void }): void {
  let unlogged = 0
  let loggedAt = -Infinity

  function report(error: unknown, origin: string): void {
    count()
    unlogged += 1
    if (performance.now() - loggedAt < bugQuietMs) return
    // Only the stack: errors of libraries have fields with commands, which may contain passwords.
    const stack = error instanceof Error ? error.stack : 'not an error'
    log.error({ stack, origin, bugs: unlogged }, 'bug: an uncaught error; the process continues')
    loggedAt = performance.now()
    unlogged = 0
  }

  process.on('uncaughtException', (error, origin) => {
    try {
      report(error, origin)
    } catch {
      // If even this cannot be logged, nothing is left to try; throwing from here would end the process.
    }
  })
}
