import { type Level, type Logger, pino } from 'pino'
import type { Ask } from '../gateway/ask.ts'
import { type Decision, type NotAllowed, unreachable } from '../gateway/decision.ts'
import type { Gateway } from '../gateway/gateway.ts'
import type { Change } from '../gateway/history.ts'
import type { Witness } from '../gateway/ports.ts'
import { Sink, type SinkEvents, type SinkOptions } from './sink.ts'

/** The logs of one process. */
export interface Logs {
  readonly log: Logger
  readonly audit: OpenAuditLog
  /** An error for the operator if a file can never be written. A full disk is not one: it may recover. */
  readonly flaw: string | undefined
  /** Log rotation: the files are opened again before the next line. */
  readonly reopen: () => void
  /** How much is logged from now on. */
  readonly setLevel: (level: Level) => void
}

/** What the settings say of them. */
interface LogSettings {
  readonly log: Parameters<typeof openLog>[0]
  readonly audit: Omit<Parameters<typeof openAuditLog>[0]['settings'], 'bufferKiB'>
}

/** Opens both. Never throws; `dropped` is told of each line that is lost; `standardOutput` is a descriptor. */
export function openLogs(
  settings: LogSettings,
  dropped: (which: 'log' | 'audit') => void,
  standardOutput = 1,
): Logs {
  const within = openLog({ ...settings.log, standardOutput }, { dropped: () => dropped('log') })
  const audit = openAuditLog({
    settings: { ...settings.audit, bufferKiB: settings.log.bufferKiB },
    within,
    dropped: () => dropped('audit'),
  })
  const files = [
    [settings.log.file, within.sink],
    [settings.audit.file, audit.sink],
  ] as const
  const wrong = files.find(([file, { trouble }]) => file !== undefined && forGood.has(trouble ?? ''))
  const flaw = wrong && `${wrong[0]} cannot be written (${wrong[1].trouble}).`
  return {
    log: within.log,
    audit,
    flaw,
    reopen() {
      within.sink.reopen()
      audit.sink.reopen()
    },
    setLevel(level) {
      within.log.level = level
      if (settings.audit.file === undefined) audit.log.level = level
    },
  }
}

const forGood: ReadonlySet<string> = new Set([
  'EACCES',
  'EPERM',
  'EISDIR',
  'ENOTDIR',
  'EROFS',
  'ENAMETOOLONG',
  'ELOOP',
])

export type { Logger } from 'pino'

/**
 * Where secrets would be if a whole request, header set or settings tree were logged. `Secret` is the first safeguard, this
 * is the second.
 */
const redacted = ['authorization', 'Authorization', 'password', 'cookie', 'set-cookie', 'hash']
const paths = redacted.flatMap(key => [`["${key}"]`, `*["${key}"]`, `*.*["${key}"]`])

/** A log, and where its lines go. */
interface OpenLog {
  readonly log: Logger
  readonly sink: Sink
}

/**
 * JSON lines to standard output, or appended to `file`. Never throws: `sink.trouble` says why they cannot be written.
 * `dropped` is told of each lost line; the log itself states how many, once lines can be written again.
 */
function openLog(
  { level, ...where }: { readonly level: Level } & SinkOptions,
  { dropped, failed }: Pick<SinkEvents, 'dropped' | 'failed'> = { dropped: () => {} },
): OpenLog {
  const sink = new Sink(where, {
    dropped,
    ...(failed && { failed }),
    resumed: lost => log.error({ dropped: lost }, 'lines could not be written for a while'),
  })
  const log = pino({ level, base: null, redact: { paths, censor: '[secret]' }, timestamp }, sink)
  return { log, sink }
}

/**
 * The same log for lines whose fields are all chosen by name: searching them for secrets would cost more than the rest of
 * a decision.
 */
function withoutRedaction(log: Logger): Logger {
  return log.child({}, { redact: [] })
}

let stamped = 0
let stamp = ''

/** RFC 3339 in UTC; written once for all lines of one millisecond. */
function timestamp(): string {
  const now = Date.now()
  if (now !== stamped) {
    stamped = now
    stamp = `,"time":"${new Date(now).toISOString()}"`
  }
  return stamp
}

interface AuditLog extends Witness {
  readonly log: Logger
  /** Writes one line for a change, made by any process. */
  readonly changed: (change: Change) => void
}

/** What becomes of requests while lines cannot be written. */
type OnFailure = 'drop' | 'refuse'

interface AuditOptions {
  readonly settings: {
    readonly bufferKiB: number
    readonly file?: string
  }
  /** Takes the lines if they have no file of their own, and the message that they cannot be written. */
  readonly within: OpenLog
  /** Told of each line that is lost. */
  readonly dropped: () => void
}

interface OpenAuditLog extends AuditLog {
  readonly sink: Sink
  /** The same gateway; with `onFailure: refuse` it decides nothing while audit lines cannot be written. */
  readonly guard: (gateway: Gateway, onFailure: OnFailure) => Gateway
}

/** The audit log that the settings ask for: in a file of its own, or among the lines of the log. */
function openAuditLog({ settings: { file, bufferKiB }, within, dropped }: AuditOptions): OpenAuditLog {
  const failed = (code: string) => within.log.error({ code }, 'audit lines cannot be written')
  const { log, sink } =
    file === undefined ? within : openLog({ level: 'info', file, bufferKiB }, { dropped, failed })
  return {
    ...createAuditLog(log),
    sink,
    guard: (gateway, onFailure) =>
      onFailure === 'drop' ? gateway : { decide: ask => (sink.takesMore ? gateway.decide(ask) : notWritten) },
  }
}

const notWritten: Decision = { outcome: 'unavailable', part: 'audit', retryAfter: 5 }

/** One line per decision and per change. */
export function createAuditLog(within: Logger): AuditLog {
  const log = withoutRedaction(within)
  return {
    log,
    saw(decision, ask, took) {
      if (decision === notWritten) return // this line would only be lost as well
      const { id, method, from, lane } = ask
      const test = lane === 'load-test' && { lane }
      log.info(
        { audit: 'decision', request: id, ...factsOf(decision), ...test, method, from, ms: rounded(took) },
        decision.outcome,
      )
    },
    changed({ revision, at, actor, action, account, accounts, scope, usernames }) {
      const when = new Date(at).toISOString()
      const users = usernames.length > 10 ? `${usernames.length} user names` : usernames
      const named = accounts && { accounts: accounts.length > 10 ? `${accounts.length} accounts` : accounts }
      log.info(
        { audit: 'change', revision, at: when, actor, action, account, ...named, scope, users },
        action,
      )
    },
  }
}

/** The audited fields of a decision. A new outcome does not compile until they are chosen. */
export function factsOf(decision: Decision): Record<string, unknown> {
  const { outcome } = decision
  switch (decision.outcome) {
    case 'allow': {
      const { account, scope, username, password, bridgedUntil, via } = decision
      const bridged = bridgedUntil !== undefined && { bridgedUntil: new Date(bridgedUntil).toISOString() }
      return {
        outcome,
        account: account.name,
        scope,
        user: username,
        ...named(password?.name),
        ...bridged,
        via,
      }
    }
    case 'disabled': {
      const { account, scope, username, via } = decision
      return { outcome, account: account.name, scope, user: username, via }
    }
    case 'expired': {
      const { account, scope, cause, username, password, via } = decision
      return { outcome, cause, account: account.name, scope, user: username, ...named(password), via }
    }
    case 'read-only': {
      const { account, scope, username, password, via } = decision
      return { outcome, account: account.name, scope, user: username, ...named(password), via }
    }
    case 'sign-in-needed': {
      const { account, scope, cause, username, via } = decision
      return { outcome, cause, account: account.name, scope, user: username, via }
    }
    case 'reset-needed': {
      const { account, scope, former, username, via } = decision
      return { outcome, account: account.name, scope, former, user: username, via }
    }
    case 'refused': {
      const { account, scope, cause, via, slot, username } = decision
      // An unknown user name may be a password typed into the wrong field. The tag still shows repeated attempts.
      const who = cause === 'mismatch' ? { user: username } : { userTag: slot.slice(0, 12) }
      return { outcome, cause, account: account.name, scope, ...who, via }
    }
    case 'garbled':
      return { outcome, cause: decision.flaw, account: decision.name }
    case 'unclear-target':
      return { outcome, cause: decision.flaw }
    case 'not-allowed':
      return notAllowed(decision)
    case 'challenge':
    case 'no-account':
      return { outcome, account: decision.name }
    case 'unavailable':
      return { outcome, cause: decision.part }
    case 'throttled':
      return { outcome, cause: decision.by }
    case 'busy':
      return { outcome }
    default:
      return unreachable(decision)
  }
}

/** The name of the generated password that was presented. */
function named(passwordName: string | undefined): { readonly passwordName?: string } {
  return passwordName === undefined ? {} : { passwordName }
}

function notAllowed(decision: NotAllowed): Record<string, unknown> {
  const { outcome, cause } = decision
  if (cause === 'plain-http') return { outcome, cause }
  const { account, scope, username, via } = decision
  return { outcome, cause, account: account.name, scope, user: username, via }
}

/** To a hundredth of a millisecond. */
function rounded(ms: number): number {
  return Math.round(ms * 100) / 100
}

/** Passes every decision to several witnesses. */
export function witnesses(...all: readonly Witness[]): Witness {
  return {
    saw(decision: Decision, ask: Ask, took: number) {
      for (const witness of all) witness.saw(decision, ask, took)
    },
  }
}
