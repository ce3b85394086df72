import type { Account } from '../gateway/account.ts'
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

/** Milliseconds without another failure after which the outage of a part is over. */
const outageOverMs = 15_000

interface LastingOutage {
  readonly since: number
  /** The same by the time of day. */
  readonly began: Instant
  last: number
  loggedAt: number
  failures: number
  readonly over: NodeJS.Timeout
}

/** A failure that has not ended, as operators see it. */
export interface Trouble {
  readonly since: Instant
  /** How many requests have met it. */
  readonly failures: number
}

/** Reports outages. It can also be asked which parts are failing. */
export interface OutageReport {
  (outage: Outage): void
  current(): readonly (Trouble & { readonly part: Part })[]
}

/**
 * Counts every outage, and logs each part's beginning, at most one line in five seconds while it lasts, and its end. Where a
 * part is only used by requests, the end is known by their absence: no failure for a while.
 */
export function createOutageReport(
  log: Logger,
  count: (part: Part) => void,
  overMs = outageOverMs,
): OutageReport {
  const current = new Map<Part, LastingOutage>()

  function end(part: Part): void {
    const lasting = current.get(part)
    current.delete(part)
    if (lasting === undefined) return
    const { since, last, failures } = lasting
    log.info(
      { part, seconds: tenths(last - since), failures },
      `no failure for ${overMs / 1000} seconds: the outage is over`,
    )
  }

  function report(outage: Outage): void {
    const { part } = outage
    count(part)
    const now = performance.now()
    const under = current.get(part)
    if (under === undefined) {
      const over = setTimeout(end, overMs, part).unref()
      current.set(part, { since: now, began: Date.now(), last: now, loggedAt: now, failures: 1, over })
      log.warn({ part, cause: String(outage.cause) }, outage.message)
      return
    }
    under.last = now
    under.failures += 1
    under.over.refresh()
    if (now - under.loggedAt < outageQuietMs) return
    under.loggedAt = now
    log.warn({ part, cause: String(outage.cause), failures: under.failures }, outage.message)
  }

  return Object.assign(report, {
    current: () => [...current].map(([part, { began, failures }]) => ({ part, since: began, failures })),
  })
}

/** Logs when a part that is checked at intervals stops answering, and when it answers again. */
export function createPartReport(log: Logger): (part: string, flaw: Outage | undefined) => void {
  const since = new Map<string, number>()

  return (part, flaw) => {
    const began = since.get(part)
    if (flaw !== undefined) {
      if (began === undefined) {
        since.set(part, performance.now())
        log.warn({ part, cause: String(flaw.cause) }, 'a part does not answer')
      }
    } else if (began !== undefined) {
      since.delete(part)
      log.info({ part, seconds: tenths(performance.now() - began) }, 'the part answers again')
    }
  }
}

/** What a failure says about the upstream itself, not about the request or about what the gateway presented. */
const silences: ReadonlySet<UpstreamFailed['because']> = new Set([
  'timeout',
  'refused',
  'dropped',
  'certificate',
])

/** Most accounts whose upstream is down at the same time that are told apart. */
const mostSilent = 1000

/** Milliseconds after the last try for which an upstream that did not answer is taken for one that does not. */
const silentMs = 60 * 60 * 1000

interface Silence {
  readonly since: number
  readonly began: Instant
  last: number
  failures: number
}

/** Logs when the upstream of an account answers again. */
export interface SilenceReport {
  failed(account: AccountName, failure: UpstreamFailed): void
  answered(account: AccountName): void
  /** The accounts whose upstream does not answer. */
  current(): readonly (Trouble & { readonly account: AccountName })[]
}

/** Each failed request has a log line of its own. */
export function createSilenceReport(log: Logger, now = () => performance.now()): SilenceReport {
  const silent = new Map<AccountName, Silence>()

  return {
    failed(account: AccountName, { because }: UpstreamFailed): void {
      if (!silences.has(because)) return
      const under = silent.get(account)
      const last = now()
      if (under !== undefined) {
        under.failures += 1
        under.last = last
      } else if (silent.size < mostSilent)
        silent.set(account, { since: last, began: Date.now(), last, failures: 1 })
    },
    answered(account: AccountName): void {
      if (silent.size === 0) return // for every request, so it must cost nothing
      const under = silent.get(account)
      if (under === undefined) return
      silent.delete(account)
      const seconds = tenths(now() - under.since)
      log.info({ account, seconds, failures: under.failures }, 'the upstream answers again')
    },
    current() {
      const before = now() - silentMs
      return [...silent]
        .filter(([, { last }]) => last > before)
        .map(([account, { began, failures }]) => ({ account, since: began, failures }))
    },
  }
}

function tenths(ms: number): number {
  return Math.round(ms / 100) / 10
}

/** Milliseconds between two alerts about one account: each of its requests gets the same refusal. */
const refusalQuietMs = 60_000

type ReportedAccount = Pick<Account, 'name' | 'upstreamAuth'>

interface RefusalReportOptions {
  readonly log: Logger
  /** Told of each refusal, with the method of authenticating to the upstream. */
  readonly count: (method: string) => void
  readonly methodOf: (account: ReportedAccount) => string
  readonly now: () => Instant
}

/**
 * Counts the requests for which an upstream refused what the gateway presented, and alerts the operator at most once
 * a minute for each account. The user did nothing wrong and cannot fix it.
 */
export function createRefusalReport({ log, count, methodOf, now }: RefusalReportOptions) {
  const lastAlert = new Map<AccountName, Instant>()

  return (account: ReportedAccount, { because }: UpstreamFailed, request: string): void => {
    const { name } = account
    // The user's own: nothing for the operator to renew.
    if (because === 'user-token') return count(methodOf(account))
    // Azure DevOps may answer with a sign-in page instead of 401.
    if (because !== 'unauthorized' && because !== 'sign-in-page') return
    const method = methodOf(account)
    count(method)
    const at = now()
    if (at - (lastAlert.get(name) ?? -Infinity) < refusalQuietMs) return
    lastAlert.set(name, at)
    log.error(
      { request, account: name, method, because },
      'an upstream refuses the credential of the gateway',
    )
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
