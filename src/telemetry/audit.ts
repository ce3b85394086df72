import type { Logger } from 'pino'
import { setTimeout as delay } from 'node:timers/promises'
import { attached } from '../gateway/attached.ts'
import { type Delivered, idOf, type LoggedChange } from '../gateway/deliveries.ts'
import { type Ask, productOf } from '../gateway/ask.ts'
import { type Allow, type Decision, type NotAllowed, unreachable } from '../gateway/decision.ts'
import type { Gateway } from '../gateway/gateway.ts'
import type { Slot } from '../gateway/names.ts'
import type { Witness } from '../gateway/ports.ts'
import { logTo, openLog, type OpenLog, timestamp } from './log.ts'
import type { LineSink } from './sink.ts'
import { type SyslogOptions, SyslogSink } from './syslog.ts'

/** What the audit log asks about a request, because only the settings can tell. */
export interface AskedOf {
  /** The account that it names, if it names one. */
  readonly accountOf: (ask: Ask) => string | undefined
  /** The repository, or the class of the path. */
  readonly placeOf: (ask: Ask) => string
}

interface AuditLog {
  readonly log: Logger
  /** Writes one line for a decision. */
  readonly witness: (about: AskedOf) => Witness
  /** Writes one line for a change, made by any process, or for changes that are missing, whatever the level of the log. */
  readonly tell: (news: Delivered) => void
}

/** What becomes of requests while lines cannot be written. */
type OnFailure = 'drop' | 'refuse'

interface AuditOptions {
  readonly settings: {
    readonly bufferKiB: number
    readonly file?: string
    readonly syslog?: Omit<SyslogOptions, 'bufferKiB'>
  }
  /** Takes the lines if they have no file of their own, and the message that they cannot be written. */
  readonly within: OpenLog
  /** Told of each line that is lost. */
  readonly dropped: () => void
}

export interface OpenAuditLog extends AuditLog {
  readonly sink: LineSink
  /**
   * Writes lines for changes, and resolves with how many of them are written for certain, within seconds. Those that are
   * not are handed over again, and then only waited for.
   */
  readonly deliver: (news: readonly Delivered[]) => Promise<number>
  /** The same gateway; with `onFailure: refuse` it decides nothing while audit lines cannot be written. */
  readonly guard: (gateway: Gateway, onFailure: OnFailure) => Gateway
}

/** The audit log that the settings ask for: in a file of its own, at a syslog receiver, or among the lines of the log. */
export function openAuditLog(options: AuditOptions): OpenAuditLog {
  const { log, sink } = openWhere(options)
  const audit = createAuditLog({ log, sink })
  return {
    ...audit,
    sink,
    deliver: deliverTo(sink, audit.tell),
    guard: (gateway, onFailure) =>
      onFailure === 'drop' ? gateway : { decide: ask => (sink.takesMore ? gateway.decide(ask) : notWritten) },
  }
}

function openWhere({ settings, within, dropped }: AuditOptions): OpenLog<LineSink> {
  const { file, syslog, bufferKiB } = settings
  const failed = (code: string) => within.log.error({ code }, 'audit lines cannot be written')
  if (file !== undefined) return openLog({ level: 'info', file, bufferKiB }, { dropped, failed })
  if (syslog === undefined) return within
  const sink = new SyslogSink(
    { ...syslog, bufferKiB },
    {
      dropped,
      failed,
      resumed: lost => {
        within.log.info({ dropped: lost }, 'audit lines can be written again')
        if (lost > 0) log.error({ dropped: lost }, 'lines could not be written for a while')
      },
    },
  )
  const log = logTo(sink, 'info')
  return { log, sink }
}

/** Milliseconds that changes wait for a sink; a process that is stopping waits as well. */
const settleMs = 2000

function deliverTo(sink: LineSink, tell: (news: Delivered) => void): OpenAuditLog['deliver'] {
  /** With the sink, but perhaps not written yet. */
  let handedOver = new Set<string>()

  return async news => {
    const waiting = news.filter(one => !handedOver.has(keyOf(one)))
    if (waiting.length > 0 && !sink.takesMore) return 0
    for (const one of waiting) {
      tell(one)
      handedOver.add(keyOf(one))
    }
    const late = new AbortController()
    const isWritten = await Promise.race([
      sink.settled().then(() => true),
      delay(settleMs, false, { signal: late.signal }),
    ])
    late.abort()
    if (!isWritten) return 0
    handedOver = new Set()
    return news.length
  }
}

function keyOf(news: Delivered): string {
  return news.kind === 'change' ? idOf(news.change) : JSON.stringify(news)
}

const notWritten: Decision = { outcome: 'unavailable', part: 'audit', retryAfter: 5 }

/**
 * The same log for lines whose fields are all chosen by name: searching them for secrets would cost more than the rest of
 * a decision.
 */
function withoutRedaction(log: Logger): Logger {
  return log.child({}, { redact: [] })
}

/** One line per decision and per change. */
export function createAuditLog({
  log: within,
  sink,
}: {
  readonly log: Logger
  readonly sink: Pick<LineSink, 'write'>
}): AuditLog {
  const log = withoutRedaction(within)
  // A log that is to have fewer lines still has all changes.
  const changes = log.child({}, { level: 'info' })
  return {
    log,
    witness: ({ accountOf, placeOf }) => ({
      saw(decision, ask, took) {
        // With `notWritten` this line would only be lost as well.
        if (decision === notWritten || !log.isLevelEnabled('info')) return
        const { id, method, from, lane } = ask
        const tool = productOf(ask)
        // The line that the log would write, put together from parts that mostly exist: half of the cost.
        sink.write(
          `{"level":30${timestamp()},"audit":"decision","request":"${id}"` +
            `${allowedText(decision) ?? decidedText(decision, ask, accountOf)}` +
            `${lane === 'load-test' ? ',"lane":"load-test"' : ''},"method":${quoted(method)}` +
            `,"path":${quoted(placeOf(ask))}${tool === undefined ? '' : `,"tool":"${tool}"`}` +
            `,"from":${quoted(from)},"ms":${rounded(took)},"msg":"${decision.outcome}"}\n`,
        )
      },
    }),
    tell(news) {
      if (news.kind === 'change') return changes.info(factsOfChange(news.change), news.change.action)
      const { because, last } = news
      if (because === 'not-kept')
        changes.warn(
          { audit: 'gap', because, first: news.first, last },
          'changes were removed from the store before they were written here',
        )
      else
        changes.warn(
          { audit: 'gap', because, newest: news.newest, last },
          'the store has lost changes and gives their numbers to others',
        )
    },
  }
}

/** The members of the line about an allowed request that its decision tells; made once for each decision. */
function allowedText(decision: Decision): string | undefined {
  if (decision.outcome !== 'allow') return undefined
  const known = allowedTexts.get(decision)
  if (known !== undefined) return known
  const text = members(factsOf(decision))
  allowedTexts.set(decision, text)
  return text
}

const allowedTexts = attached<Allow, string>()

/** The same for any other, with the account that the request names. */
function decidedText(decision: Decision, ask: Ask, accountOf: AskedOf['accountOf']): string {
  const facts = factsOf(decision)
  return members(facts['account'] === undefined ? { ...facts, account: accountOf(ask) } : facts)
}

/** The members of an object as they are appended to others. */
function members(facts: Readonly<Record<string, unknown>>): string {
  return `,${JSON.stringify(facts).slice(1, -1)}`
}

/** A text as JSON. */
function quoted(text: string): string {
  return needsNoEscape.test(text) ? `"${text}"` : JSON.stringify(text)
}

const needsNoEscape = /^[ !#-[\]-~]*$/

function factsOfChange(change: LoggedChange): Record<string, unknown> {
  const { number, at, actor, action, account, accounts, scope, usernames } = change
  const users = usernames.length > 10 ? `${usernames.length} user names` : usernames
  const named = accounts && { accounts: accounts.length > 10 ? `${accounts.length} accounts` : accounts }
  return {
    audit: 'change',
    revision: number,
    id: idOf(change),
    at: new Date(at).toISOString(),
    actor,
    action,
    account,
    ...named,
    scope,
    users,
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
      const who = cause === 'mismatch' ? { user: username } : tagged(slot)
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
      return { outcome, cause: decision.by, ...tagged(decision.slot) }
    case 'busy':
      return { outcome, ...tagged(decision.slot) }
    default:
      return unreachable(decision)
  }
}

/** Shows a user name as a tag: the same one is told apart from others, and cannot be read. */
function tagged(slot: Slot | undefined): { readonly userTag?: string } {
  return slot === undefined ? {} : { userTag: slot.slice(0, 12) }
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
