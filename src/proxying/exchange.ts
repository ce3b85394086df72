import type { ServerResponse } from 'node:http'
import type { Dispatcher } from 'undici'
import { STATUS_CODES } from '../engine/http.ts'
import { bodyPassed } from '../engine/memory.ts'
import type { UpstreamFailed } from '../gateway/decision.ts'
import { isUnencoded } from '../requests/bodies.ts'
import type { AddressMapping } from './addresses.ts'
import { answerCarried, waitsForTurn } from './body-turns.ts'
import { type AnswerHead, GuardedHandler } from './guarded-handler.ts'
import { cacheLines, clientHeaders, withoutLength } from './headers.ts'
import { screenAnswer } from './screen-answer.ts'
import { closedUnanswered } from './closed-unanswered.ts'
import { failureOf } from './upstream-reports.ts'

/**
 * undici decodes the reason phrase as UTF-8, and Node refuses to send non-ASCII characters. The phrase has no meaning
 * (RFC 9112, 4), so one that is not ASCII is replaced by the standard one.
 */
function phraseOf({ status, reason = '' }: AnswerHead): string {
  return /^[\t\x20-\x7e]*$/.test(reason) ? reason : (STATUS_CODES[status] ?? '')
}

/** The first value of a header. */
function first(value: string | readonly string[] | undefined): string | undefined {
  return typeof value === 'string' ? value : value?.[0]
}

/** All values of a header that is a list (RFC 9110, 5.3). */
export function joined(value: string | readonly string[] | undefined): string | undefined {
  return typeof value === 'string' ? value : value?.join(',')
}

/** Callbacks of an exchange. They must not throw. */
export interface ExchangeEvents {
  /** The head of the answer has arrived, this many seconds after the request was sent. */
  answered(seconds: number): void
  /**
   * The upstream closed a kept connection as the request came, without answering. Returns whether the request is sent once
   * more, with this exchange.
   */
  again(): boolean
  /**
   * The answer is withheld from the client because of this failure. Returns the failure to report; `undefined` if the
   * request goes on without this exchange.
   */
  withheld(failure: UpstreamFailed, head: AnswerHead): UpstreamFailed | undefined
  /** Failed before anything was sent to the client, which still needs an answer. */
  failed(failure: UpstreamFailed, cause: unknown): void
  /** The answer ended early while it was being sent, and the client's connection was closed. */
  brokeOff(failure: UpstreamFailed, cause: unknown): void
  /** A bug, at any point: the request still has to be ended. */
  broke(error: unknown): void
}

/**
 * One request at an upstream, driven by undici or our own leg (ADR 0109): the head is screened, the body streams with
 * back-pressure, and if either side disconnects, so does the other. One object per request, because this is the hot path.
 */
export class Exchange extends GuardedHandler {
  readonly #response: ServerResponse
  readonly #mapping: AddressMapping
  readonly #events: ExchangeEvents
  #controller: Dispatcher.DispatchController | undefined
  #sentAt = 0
  /** The head of the answer, until it goes out. */
  #head: { readonly status: number; readonly phrase: string; readonly headers: string[] } | undefined
  /** Content-Length according to the upstream; -1 if it states none. */
  #length = -1
  /** The end of the body, when it is there. */
  #rest = ''
  /** Whether the leg is paused until `drained`. */
  #waits = false

  constructor(response: ServerResponse, mapping: AddressMapping, events: ExchangeEvents) {
    super()
    this.#response = response
    this.#mapping = mapping
    this.#events = events
  }

  protected started(controller: Dispatcher.DispatchController): void {
    // The client may have disconnected while the request waited for a connection.
    if (this.over) return controller.abort(clientDisconnected)
    this.#controller = controller
    this.#sentAt = performance.now()
  }

  protected begin(head: AnswerHead): void {
    const { status, headers, raw } = head
    this.#events.answered((performance.now() - this.#sentAt) / 1000)
    const codings = joined(headers['transfer-encoding'])
    if (codings !== undefined && !isUnencoded(codings) && this.#hasBody(status)) {
      this.#fail({ outcome: 'upstream-failed', because: 'bad-answer' }, undefined)
      return head.controller.abort(notForClients)
    }
    const failure = screenAnswer({ status, headers }, this.#mapping)
    if (failure !== undefined) {
      const told = this.#events.withheld(failure, head)
      if (told === undefined) this.over = true
      else this.#fail(told, undefined)
      return head.controller.abort(notForClients)
    }
    const list = clientHeaders(raw, joined(headers['connection']), this.#mapping)
    list.push(...cacheLines(joined(headers['cache-control'])))
    this.#head = { status, phrase: phraseOf(head), headers: status === 204 ? withoutLength(list) : list }
    this.#length = Number(first(headers['content-length']) ?? -1)
    if (begun.push(this) === 1) setImmediate(nextTurn)
  }

  #hasBody(status: number): boolean {
    return status !== 204 && status !== 304 && this.#response.req.method !== 'HEAD'
  }

  protected take(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.over) return
    // A small answer, as most are, in one chunk: as a string it is one write with the head, as bytes it would be two.
    if (chunk.length === this.#length && chunk.length <= mostWithHead)
      return this.#end(chunk.toString('latin1'))
    bodyPassed(chunk.length)
    this.#sendHead()
    answerCarried(chunk.length)
    const isTaken = this.#response.write(chunk)
    // More can come after a pause: what undici has read already, or what was buffered of a batch answer.
    if (this.#waits || (isTaken && !waitsForTurn(this.onDrain))) return
    this.#waits = true
    controller.pause()
    if (!isTaken) this.#response.once('drain', this.onDrain)
  }

  protected finish(): void {
    if (!this.over) this.#end('')
  }

  #end(rest: string): void {
    this.over = true
    this.#rest = rest
    if (ended.push(this) === 1) setImmediate(sendEnds)
  }

  /** Sends what is left of an answer that has ended. */
  sendEnd(): void {
    if (this.#response.destroyed) return // the client disconnected in this turn
    try {
      this.#sendHead()
      this.#response.end(this.#rest, 'latin1')
    } catch (error) {
      this.broke(error)
    }
  }

  /** Sent with the first chunk of the body, so that both go into one packet. */
  #sendHead(): void {
    if (this.#head === undefined) return
    const { status, phrase, headers } = this.#head
    this.#head = undefined
    this.#response.writeHead(status, phrase, headers)
  }

  /** Whether the head of the answer is waiting for the body. */
  get headWaits(): boolean {
    return this.#head !== undefined && !this.over
  }

  /** Sends a head whose body is late. */
  sendHeadAlone(): void {
    if (!this.headWaits) return
    try {
      this.#sendHead()
      this.#response.flushHeaders()
    } catch (error) {
      this.broke(error)
    }
  }

  protected lost(error: Error): void {
    if (closedUnanswered(error) && this.#events.again()) return
    const failure = failureOf(error)
    if (!this.#response.headersSent) return this.#fail(failure, error)
    this.over = true
    // Closing the connection is the only way to say that the answer is incomplete.
    this.#response.destroy()
    this.#events.brokeOff(failure, error)
  }

  #fail(failure: UpstreamFailed, cause: unknown): void {
    this.over = true
    this.#events.failed(failure, cause)
  }

  protected drained(): void {
    if (waitsForTurn(this.onDrain)) return
    if (this.#response.writableNeedDrain) return void this.#response.once('drain', this.onDrain)
    this.#waits = false
    this.#controller?.resume()
  }

  protected clientLeft(): void {
    this.over = true
    this.#controller?.abort(clientDisconnected)
  }

  protected broke(error: unknown): void {
    this.over = true
    this.#events.broke(error)
    try {
      this.#controller?.abort(broken)
    } catch (second) {
      this.#events.broke(second)
    }
  }
}

/** Exchanges whose answer has ended in this turn. */
let ended: Exchange[] = []

/**
 * The ends of all answers of a turn, which most small answers are altogether, are sent one after the other. If each were sent
 * as it comes, its client would wake up for it alone, and on a busy machine take the processor from the next one.
 */
function sendEnds(): void {
  const due = ended
  ended = []
  for (const exchange of due) exchange.sendEnd()
}

/** Exchanges whose head has come in this turn. */
let begun: Exchange[] = []

/**
 * The head is not sent in the turn in which it came, because the body is often in the same packet. Nor in the next one:
 * only then undici's leg reports that what followed the head is not a body, and until something is sent, the gateway can still
 * answer with an error.
 */
function nextTurn(): void {
  const late = begun.filter(exchange => exchange.headWaits)
  begun = []
  if (late.length > 0) setImmediate(turnAfter, late)
}

function turnAfter(late: readonly Exchange[]): void {
  for (const exchange of late) exchange.sendHeadAlone()
}

/** Longest body that is worth copying to save a write. */
const mostWithHead = 4096

const clientDisconnected = new Error('the client disconnected')
const notForClients = new Error('this answer is withheld from the client')
const broken = new Error('a bug in the gateway')
