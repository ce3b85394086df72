import { type ServerResponse, STATUS_CODES } from 'node:http'
import type { Dispatcher } from 'undici'
import { bodyPassed } from '../engine/memory.ts'
import type { UpstreamFailed } from '../gateway/decision.ts'
import { isCarried } from '../requests/bodies.ts'
import type { AddressMapping } from './addresses.ts'
import { answerCarried, waitsForTurn } from './body-turns.ts'
import { cacheLines, clientHeaders } from './headers.ts'
import { screenAnswer } from './screen-answer.ts'
import { endedUnheard } from './upstream-connections.ts'
import { failureOf } from './upstream-reports.ts'

/** The head of an upstream's answer as undici gives it. */
export interface AnswerHead {
  readonly controller: Dispatcher.DispatchController
  readonly status: number
  /** By lower-case names. */
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  /** Names and values in turn, as they were on the wire. */
  readonly raw: readonly Buffer[]
  readonly reason: string | undefined
}

/**
 * Node sends no phrase with a byte outside of ASCII that it got as UTF-8, and undici reads all bytes as that. The phrase
 * means nothing (RFC 9112, 4): one that is not plain is left to Node, which has one for each status.
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

type Controller = Dispatcher.DispatchController

/**
 * All that undici and Node call while a request is with an upstream, with one end for whatever throws: `broke`. A throw
 * would else be lost in undici, or end the process, and the client would wait for ever. Nothing is called any more once
 * `over` is set. Subclasses override what is protected, and leave the rest: it is what holds the promise.
 */
abstract class GuardedHandler implements Dispatcher.DispatchHandler {
  protected over = false

  protected constructor(response: ServerResponse) {
    // After the answer has been sent 'close' comes as well, and means nothing.
    response.on('close', this.#onClientClose)
  }

  /** The request is about to be written, or the client is gone and `over` is set: the one call that comes even then. */
  protected abstract started(controller: Controller): void
  /** The head of the answer is there. */
  protected abstract begin(head: AnswerHead): void
  /** A piece of the body is there. */
  protected abstract take(controller: Controller, chunk: Buffer): void
  /** All of the body is there. */
  protected abstract finish(): void
  /** The connection failed, or there never was one. */
  protected abstract lost(error: Error): void
  /** The client has taken what was written, or the turn has come to go on. */
  protected abstract drained(): void
  protected abstract clientLeft(): void
  /** One of these threw. Must not throw itself. */
  protected abstract broke(error: unknown): void

  onRequestStart(controller: Controller): void {
    try {
      this.started(controller)
    } catch (error) {
      this.broke(error)
    }
  }

  onResponseStart(
    controller: Controller,
    status: number,
    headers: Record<string, string | string[] | undefined>,
    reason?: string,
  ): void {
    // Interim answers are passed over (RFC 9110, 15.2); what is below 100 is none, and undici ends it.
    if (status < 200 || this.over) return
    try {
      const raw = controller.rawHeaders as readonly Buffer[] // undici's HTTP/1 parser gives nothing else
      this.begin({ controller, status, headers, raw, reason })
    } catch (error) {
      this.broke(error)
    }
  }

  onResponseData(controller: Controller, chunk: Buffer): void {
    if (this.over) return
    try {
      this.take(controller, chunk)
    } catch (error) {
      this.broke(error)
    }
  }

  onResponseEnd(): void {
    if (this.over) return
    try {
      this.finish()
    } catch (error) {
      this.broke(error)
    }
  }

  onResponseError(_: Controller | null, error: Error): void {
    if (this.over) return
    try {
      this.lost(error)
    } catch (bug) {
      this.broke(bug)
    }
  }

  protected readonly onDrain = (): void => {
    if (this.over) return
    try {
      this.drained()
    } catch (error) {
      this.broke(error)
    }
  }

  readonly #onClientClose = (): void => {
    if (this.over) return
    try {
      this.clientLeft()
    } catch (error) {
      this.broke(error)
    }
  }
}

/** What an exchange tells its maker. None of it may throw. */
export interface ExchangeEvents {
  /** The head of the answer is there, so many seconds after the request was sent. */
  answered(seconds: number): void
  /**
   * The upstream gave up the connection as the request came, and has said nothing. Whether the request goes once more,
   * with this exchange.
   */
  again(): boolean
  /** Nothing has been sent to the client yet: it is owed an answer. */
  failed(failure: UpstreamFailed, cause: unknown): void
  /** The answer broke off while it was being sent, and the client's connection was cut. */
  brokeOff(failure: UpstreamFailed, cause: unknown): void
  /** A bug, in the middle of anything: the request still has to be ended. */
  broke(error: unknown): void
}

/**
 * One request's way through an upstream, as undici drives it: the head is screened, the body streams with the pace
 * of the slower side, and whichever side goes away takes the other along. One object per request, because this is
 * the hot path; the order of events is undici's.
 */
export class Exchange extends GuardedHandler {
  readonly #response: ServerResponse
  readonly #journey: AddressMapping
  readonly #events: ExchangeEvents
  #controller: Dispatcher.DispatchController | undefined
  #sentAt = 0
  /** The head of the answer, until it goes out. */
  #head: { readonly status: number; readonly phrase: string; readonly headers: string[] } | undefined
  /** What the upstream says that the body has. */
  #length = -1

  constructor(response: ServerResponse, mapping: AddressMapping, events: ExchangeEvents) {
    super(response)
    this.#response = response
    this.#journey = mapping
    this.#events = events
  }

  protected started(controller: Dispatcher.DispatchController): void {
    // The client may have left while the request waited for a connection.
    if (this.over) return controller.abort(clientHasLeft)
    this.#controller = controller
    this.#sentAt = performance.now()
  }

  protected begin(head: AnswerHead): void {
    const { status, headers, raw } = head
    this.#events.answered((performance.now() - this.#sentAt) / 1000)
    const codings = joined(headers['transfer-encoding'])
    if (codings !== undefined && !isCarried(codings) && this.#hasBody(status)) {
      this.#fail({ outcome: 'upstream-failed', because: 'bad-answer' }, undefined)
      return head.controller.abort(notForClients)
    }
    const failure = screenAnswer({ status, headers }, this.#journey)
    if (failure !== undefined) {
      this.#fail(failure, undefined)
      return head.controller.abort(notForClients)
    }
    const list = clientHeaders(raw, joined(headers['connection']), this.#journey)
    list.push(...cacheLines(joined(headers['cache-control'])))
    this.#head = { status, phrase: phraseOf(head), headers: list }
    this.#length = Number(first(headers['content-length']) ?? -1)
    setImmediate(nextTurn, this)
  }

  #hasBody(status: number): boolean {
    return status !== 204 && status !== 304 && this.#response.req.method !== 'HEAD'
  }

  protected take(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.over) return
    // All of a small answer, as most are: as text it is one write with the head, as bytes it would be two.
    if (chunk.length === this.#length && chunk.length <= mostWithHead)
      return this.#end(chunk.toString('latin1'))
    bodyPassed(chunk.length)
    this.#sendHead()
    answerCarried(chunk.length)
    const isTaken = this.#response.write(chunk)
    if (isTaken && !waitsForTurn(this.onDrain)) return
    controller.pause()
    if (!isTaken) this.#response.once('drain', this.onDrain)
  }

  protected finish(): void {
    if (!this.over) this.#end('')
  }

  #end(rest: string): void {
    this.#sendHead()
    this.over = true
    this.#response.end(rest, 'latin1')
  }

  /** With the first piece of the body, which then is one packet with it. */
  #sendHead(): void {
    if (this.#head === undefined) return
    const { status, phrase, headers } = this.#head
    this.#head = undefined
    this.#response.writeHead(status, phrase, headers)
  }

  /** Whether the head of the answer waits for the body. */
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
    if (endedUnheard(error) && this.#events.again()) return
    const failure = failureOf(error)
    if (!this.#response.headersSent) return this.#fail(failure, error)
    this.over = true
    // A cut connection is the only way to say that what came so far is not all.
    this.#response.destroy()
    this.#events.brokeOff(failure, error)
  }

  #fail(failure: UpstreamFailed, cause: unknown): void {
    this.over = true
    this.#events.failed(failure, cause)
  }

  protected drained(): void {
    if (!waitsForTurn(this.onDrain)) this.#controller?.resume()
  }

  protected clientLeft(): void {
    this.over = true
    this.#controller?.abort(clientHasLeft)
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

/**
 * A head does not go out in the turn that it came in: the body is often in the same packet. Nor in the next: undici tells
 * only then that what followed the head was no body, and as long as nothing has gone out there is an answer to give.
 */
function nextTurn(exchange: Exchange): void {
  if (exchange.headWaits) setImmediate(turnAfter, exchange)
}

function turnAfter(exchange: Exchange): void {
  exchange.sendHeadAlone()
}

/** Bytes of a body that are worth copying for the sake of one write. */
const mostWithHead = 4096

const clientHasLeft = new Error('the client has left')
const notForClients = new Error('this answer is not for clients')
const broken = new Error('a bug in the gateway')
