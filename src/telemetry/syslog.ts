import { hostname } from 'node:os'
import { setTimeout as delay } from 'node:timers/promises'
import type { LineSink, SinkEvents } from './sink.ts'
import { openTransport, type SyslogAddress, type Transport } from './syslog-transports.ts'

/** The facilities of RFC 5424, table 1, that programs outside the system use. */
export const facilities = {
  user: 1,
  daemon: 3,
  auth: 4,
  authpriv: 10,
  local0: 16,
  local1: 17,
  local2: 18,
  local3: 19,
  local4: 20,
  local5: 21,
  local6: 22,
  local7: 23,
} as const

export interface SyslogOptions extends SyslogAddress {
  readonly facility: keyof typeof facilities
  /** How much may wait to be sent. */
  readonly bufferKiB: number
}

/** Milliseconds until the next attempt, after the first failure and at most. */
const firstPauseMs = 250
const longestPauseMs = 5000

/**
 * Milliseconds after which a message is taken to have arrived, if its connection still stands. Syslog has no receipts:
 * what was written shortly before a connection broke is sent once more.
 */
const confirmMs = 1000

/** Characters that are written to a connection at once. */
const mostAtOnce = 64 * 1024

/** Milliseconds for which a process that is stopping still sends. */
const lastMs = 2000

/**
 * Sends lines as messages of RFC 5424. It never blocks and never throws: what cannot be sent yet is held up to a bound,
 * further lines are dropped whole, and sending is tried again until it succeeds.
 */
export class SyslogSink implements LineSink {
  readonly #transport: Transport
  readonly #most: number
  readonly #events: SinkEvents
  readonly #envelope: (line: string) => string
  #waiting: string[] = []
  #held = 0
  /** Being sent, or sent on a connection that may turn out to be broken. */
  #unconfirmed: Sending[] = []
  #confirming: NodeJS.Timeout | undefined
  #sending: Promise<void> | undefined
  #settling: (() => void)[] = []
  #trouble: string | undefined
  #lost = 0
  #closed = false

  constructor({ facility, bufferKiB, ...address }: SyslogOptions, events: SinkEvents) {
    this.#transport = openTransport(address, () => this.#takeBack())
    this.#most = bufferKiB * 1024
    this.#events = events
    this.#envelope = envelopeOf(facilities[facility])
  }

  get trouble(): string | undefined {
    return this.#trouble
  }

  get takesMore(): boolean {
    return this.#trouble === undefined && this.#held < this.#most / 2
  }

  /** There is nothing that could have been moved. */
  reopen(): void {}

  write(line: string): void {
    if (this.#held > this.#most) {
      this.#lost += 1
      if (this.#lost === 1) this.#events.failed?.(this.#trouble ?? 'EAGAIN')
      return this.#events.dropped()
    }
    const message = this.#envelope(line)
    this.#waiting.push(message)
    this.#held += message.length
    this.#send()
  }

  async settled(): Promise<void> {
    if (!this.#isSettled) await new Promise<void>(resolve => void this.#settling.push(resolve))
  }

  async close(): Promise<void> {
    const done = new AbortController()
    // Nothing else may be left that keeps the process alive meanwhile.
    const late = delay(lastMs, undefined, { signal: done.signal }).catch(() => {})
    await Promise.race([this.#sending, late])
    done.abort()
    this.#closed = true
    clearTimeout(this.#confirming)
    this.#transport.close()
  }

  get #isSettled(): boolean {
    return this.#waiting.length === 0 && this.#sending === undefined && this.#unconfirmed.length === 0
  }

  #send(): void {
    this.#sending ??= this.#sendAll().finally(() => {
      this.#sending = undefined
      this.#settle()
    })
  }

  async #sendAll(): Promise<void> {
    let pause = firstPauseMs
    await Promise.resolve() // the lines of one turn of the event loop go together
    while (this.#waiting.length > 0 && !this.#closed) {
      const sending: Sending = { messages: this.#taken(), sentAt: undefined }
      this.#unconfirmed.push(sending)
      try {
        await this.#transport.send(sending.messages)
        pause = firstPauseMs
        this.#sent(sending)
      } catch (error) {
        const code = codeOf(error)
        // It would never get through, and hold up all others.
        if (code === 'EMSGSIZE') {
          this.#drop(sending)
          continue
        }
        this.#takeBack()
        if (this.#trouble === undefined) this.#events.failed?.(code)
        this.#trouble = code
        await delay(pause, undefined, { ref: false })
        pause = Math.min(2 * pause, longestPauseMs)
      }
    }
  }

  #taken(): readonly string[] {
    if (!this.#transport.isStream) return this.#waiting.splice(0, 1)
    let length = 0
    const end = this.#waiting.findIndex(message => (length += message.length) > mostAtOnce)
    return this.#waiting.splice(0, end === -1 ? this.#waiting.length : Math.max(1, end))
  }

  #sent(sending: Sending): void {
    if (!this.#unconfirmed.includes(sending)) return // the connection broke meanwhile
    this.#held -= lengthOf(sending.messages)
    sending.sentAt = performance.now()
    const lost = this.#lost
    const hadTrouble = this.#trouble !== undefined
    this.#trouble = undefined
    this.#lost = 0
    if (lost > 0 || hadTrouble) this.#events.resumed?.(lost)
    if (!this.#transport.isStream) this.#unconfirmed = []
    else this.#confirming ??= setTimeout(this.#confirm, confirmMs).unref()
  }

  readonly #confirm = (): void => {
    this.#confirming = undefined
    const before = performance.now() - confirmMs
    this.#unconfirmed = this.#unconfirmed.filter(({ sentAt = Infinity }) => sentAt > before)
    if (this.#unconfirmed.length > 0) this.#confirming = setTimeout(this.#confirm, confirmMs / 4).unref()
    this.#settle()
  }

  /** The connection is broken: what was sent on it a moment ago may be lost. */
  #takeBack(): void {
    const again = this.#unconfirmed
    this.#unconfirmed = []
    this.#waiting = [...again.flatMap(({ messages }) => messages), ...this.#waiting]
    for (const { messages, sentAt } of again) if (sentAt !== undefined) this.#held += lengthOf(messages)
    if (again.length > 0) this.#send()
  }

  #drop({ messages }: Sending): void {
    this.#unconfirmed = []
    this.#trouble = undefined // it was refused for its length alone
    this.#held -= lengthOf(messages)
    messages.forEach(() => this.#events.dropped())
  }

  #settle(): void {
    if (this.#isSettled) for (const settled of this.#settling.splice(0)) settled()
  }
}

interface Sending {
  readonly messages: readonly string[]
  /** `undefined`: not yet. */
  sentAt: number | undefined
}

function lengthOf(messages: readonly string[]): number {
  return messages.reduce((length, message) => length + message.length, 0)
}

/** The severities of RFC 5424, table 2, for pino's levels. */
function severityOf(level: number): number {
  if (level >= 50) return 3
  return level >= 40 ? 4 : 6
}

/** Puts a line into a message (RFC 5424, 6). The text is JSON, in UTF-8 without the optional mark that parsers stumble on. */
function envelopeOf(facility: number): (line: string) => string {
  const host =
    hostname()
      .replace(/[^!-~]/g, '')
      .slice(0, 255) || '-'
  return line => {
    const level = Number(/^\{"level":(\d+)/.exec(line)?.[1])
    const kind = /,"audit":"([a-z]{1,32})"/.exec(line)?.[1] ?? '-'
    const priority = facility * 8 + severityOf(level)
    const header = `<${priority}>1 ${new Date().toISOString()} ${host} altgate ${process.pid} ${kind} -`
    return `${header} ${line.trimEnd()}`
  }
}

function codeOf(error: unknown): string {
  if (error instanceof Error && 'code' in error && typeof error.code === 'string') return error.code
  throw error
}
