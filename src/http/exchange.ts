import { STATUS_CODES, type ServerResponse } from 'node:http'
import type { Dispatcher } from 'undici'
import type { UpstreamFailed } from '../gateway/decision.ts'
import { clientHeaders } from './client-headers.ts'
import { bodyPassed } from './leftovers.ts'
import { screenAnswer, type Journey } from './screen-answer.ts'
import { cacheLines } from './shared-caches.ts'
import { failureOf } from './upstream-failure.ts'

/** What an exchange tells its maker. None of it may throw. */
export interface ExchangeEvents {
  /** The head of the answer is there, so many seconds after the request was sent. */
  answered(seconds: number): void
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
 *
 * What undici and Node call here are the methods with a `try`, and they all end in `#broke`: a throw would else be lost
 * in undici, or end the process, and the client would wait for ever. Subclasses override the others.
 */
export class Exchange implements Dispatcher.DispatchHandler {
  readonly #response: ServerResponse
  readonly #journey: Journey
  readonly #events: ExchangeEvents
  #controller: Dispatcher.DispatchController | undefined
  #sentAt = 0
  /** The head of the answer, until it goes out. */
  #head: { readonly status: number; readonly phrase: string; readonly headers: string[] } | undefined
  /** What the upstream says that the body has. */
  #length = -1
  #over = false

  constructor(response: ServerResponse, journey: Journey, events: ExchangeEvents) {
    this.#response = response
    this.#journey = journey
    this.#events = events
    response.on('close', this.#onClientClose)
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    try {
      // The client may have left while the request waited for a connection.
      if (this.#over) return controller.abort(clientLeft)
      this.#controller = controller
      this.#sentAt = performance.now()
    } catch (error) {
      this.#broke(error)
    }
  }

  onResponseStart(
    controller: Dispatcher.DispatchController,
    status: number,
    headers: Record<string, string | string[] | undefined>,
    reason?: string,
  ): void {
    // Interim answers are passed over (RFC 9110, 15.2); what is below 100 is none, and undici ends it.
    if (status < 200 || this.#over) return
    try {
      this.begin({ controller, status, headers, raw: rawHeaders(controller), reason })
    } catch (error) {
      this.#broke(error)
    }
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#over) return
    try {
      this.take(controller, chunk)
    } catch (error) {
      this.#broke(error)
    }
  }

  onResponseEnd(): void {
    if (this.#over) return
    try {
      this.finish()
    } catch (error) {
      this.#broke(error)
    }
  }

  onResponseError(_: Dispatcher.DispatchController | null, error: Error): void {
    if (this.#over) return
    try {
      this.#lost(error)
    } catch (bug) {
      this.#broke(bug)
    }
  }

  /** The head of the answer is there. */
  protected begin({ controller, status, headers, raw, reason }: AnswerHead): void {
    this.#events.answered((performance.now() - this.#sentAt) / 1000)
    const location = first(headers['location'])
    const screened = screenAnswer(
      { status, location, contentType: first(headers['content-type']) },
      this.#journey,
    )
    if (screened !== undefined && 'outcome' in screened) {
      this.#fail(screened, undefined)
      return controller.abort(notForClients)
    }
    const list = clientHeaders(raw, joined(headers['connection']), screened?.location)
    list.push(...cacheLines(joined(headers['cache-control'])))
    this.#head = { status, phrase: phraseOf(status, reason), headers: list }
    this.#length = Number(first(headers['content-length']) ?? -1)
    setImmediate(sendHeadSoon, this)
  }

  /** A piece of the body is there. */
  protected take(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    // All of a small answer, as most are: as text it is one write with the head, as bytes it would be two.
    if (chunk.length === this.#length && chunk.length <= mostWithHead)
      return this.#end(chunk.toString('latin1'))
    bodyPassed(chunk.length)
    this.#sendHead()
    if (this.#response.write(chunk)) return
    controller.pause()
    this.#response.once('drain', this.#onDrain)
  }

  /** All of the body is there. */
  protected finish(): void {
    this.#end('')
  }

  #end(rest: string): void {
    this.#sendHead()
    this.#over = true
    this.#response.end(rest, 'latin1')
  }

  /** With the first piece of the body, which then is one packet with it. */
  #sendHead(): void {
    if (this.#head === undefined) return
    const { status, phrase, headers } = this.#head
    this.#head = undefined
    this.#response.writeHead(status, phrase, headers)
  }

  /** A head whose body is late goes out alone. Not called before the next turn of the event loop. */
  sendHeadAlone(): void {
    if (this.#over || this.#head === undefined) return
    try {
      this.#sendHead()
      this.#response.flushHeaders()
    } catch (error) {
      this.#broke(error)
    }
  }

  get headWaits(): boolean {
    return this.#head !== undefined && !this.#over
  }

  #lost(error: Error): void {
    const failure = failureOf(error)
    if (!this.#response.headersSent) return this.#fail(failure, error)
    this.#over = true
    // A cut connection is the only way to say that what came so far is not all.
    this.#response.destroy()
    this.#events.brokeOff(failure, error)
  }

  #fail(failure: UpstreamFailed, cause: unknown): void {
    this.#over = true
    this.#events.failed(failure, cause)
  }

  /** The one end of everything that throws. */
  #broke(error: unknown): void {
    this.#over = true
    this.#events.broke(error)
    try {
      this.#controller?.abort(broken)
    } catch (second) {
      this.#events.broke(second)
    }
  }

  readonly #onDrain = (): void => {
    if (this.#over) return
    try {
      this.#controller?.resume()
    } catch (error) {
      this.#broke(error)
    }
  }

  /** After the answer has been sent 'close' comes as well, and means nothing. */
  readonly #onClientClose = (): void => {
    if (this.#over) return
    this.#over = true
    try {
      this.#controller?.abort(clientLeft)
    } catch (error) {
      this.#broke(error)
    }
  }
}

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

function rawHeaders(controller: Dispatcher.DispatchController): readonly Buffer[] {
  return controller.rawHeaders as readonly Buffer[] // undici's HTTP/1 parser gives nothing else
}

/**
 * Not in this turn: the body is often in the same packet. Nor in the next: undici tells only then that what followed the
 * head was no body, and as long as nothing has gone out there is an answer to give.
 */
function sendHeadSoon(exchange: Exchange): void {
  if (exchange.headWaits) setImmediate(sendHeadNow, exchange)
}

function sendHeadNow(exchange: Exchange): void {
  exchange.sendHeadAlone()
}

/**
 * Node sends no phrase with a byte outside of ASCII that it got as UTF-8, and undici reads all bytes as that. The phrase
 * means nothing (RFC 9112, 4): one that is not plain is left to Node, which has one for each status.
 */
function phraseOf(status: number, reason = ''): string {
  return /^[\t\x20-\x7e]*$/.test(reason) ? reason : (STATUS_CODES[status] ?? '')
}

/** Bytes of a body that are worth copying for the sake of one write. */
const mostWithHead = 4096

const clientLeft = new Error('the client has left')
const notForClients = new Error('this answer is not for clients')
const broken = new Error('a bug in the gateway')

function first(value: string | readonly string[] | undefined): string | undefined {
  return typeof value === 'string' ? value : value?.[0]
}

function joined(value: string | readonly string[] | undefined): string | undefined {
  return typeof value === 'string' ? value : value?.join(',')
}
