import type { ServerResponse } from 'node:http'
import type { Dispatcher } from 'undici'
import type { UpstreamFailed } from '../gateway/decision.ts'
import type { Journey } from './addresses.ts'
import { clientHeaders } from './client-headers.ts'
import { bodyPassed } from './leftovers.ts'
import { screenAnswer } from './screen-answer.ts'
import { cacheLines } from './shared-caches.ts'
import { failureOf } from './upstream-failure.ts'

/** What an exchange tells its maker; each at most once. */
export interface ExchangeEvents {
  /** The head of the answer is there, so many seconds after the request was sent. */
  answered(seconds: number): void
  /** Nothing has been sent to the client yet: it is owed an answer. */
  failed(failure: UpstreamFailed, cause: unknown): void
  /** The answer broke off while it was being sent. */
  brokeOff(failure: UpstreamFailed, cause: unknown): void
}

/**
 * One request's way through an upstream, as undici drives it: the head is screened, the body streams with the pace
 * of the slower side, and whichever side goes away takes the other along. One object per request, because this is
 * the hot path; the order of events is undici's.
 */
export class Exchange implements Dispatcher.DispatchHandler {
  readonly #response: ServerResponse
  readonly #journey: Journey
  readonly #events: ExchangeEvents
  #controller: Dispatcher.DispatchController | undefined
  #sentAt = 0
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
    // The client may have left while the request waited for a connection.
    if (this.#over) return controller.abort(clientLeft)
    this.#controller = controller
    this.#sentAt = performance.now()
  }

  onResponseStart(
    controller: Dispatcher.DispatchController,
    status: number,
    headers: Record<string, string | string[] | undefined>,
    reason?: string,
  ): void {
    if (status < 200 || this.#over) return
    this.#events.answered((performance.now() - this.#sentAt) / 1000)
    const failure = screenAnswer({ status, headers }, this.#journey)
    if (failure !== undefined) {
      this.#fail(failure, undefined)
      return controller.abort(notForClients)
    }
    const raw = controller.rawHeaders as readonly Buffer[] // undici's HTTP/1 parser gives nothing else
    const list = clientHeaders(raw, joined(headers['connection']), this.#journey)
    list.push(...cacheLines(joined(headers['cache-control'])))
    this.#response.writeHead(status, reason, list)
    this.#length = Number(first(headers['content-length']) ?? -1)
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#over) return
    // All of a small answer, as most are: as text it is one write with the head, as bytes it would be two.
    if (chunk.length === this.#length && chunk.length <= mostWithHead)
      return this.#end(chunk.toString('latin1'))
    bodyPassed(chunk.length)
    if (this.#response.write(chunk)) return
    controller.pause()
    this.#response.once('drain', () => controller.resume())
  }

  onResponseEnd(): void {
    if (!this.#over) this.#end('')
  }

  #end(rest: string): void {
    this.#over = true
    this.#response.end(rest, 'latin1')
  }

  onResponseError(_: Dispatcher.DispatchController | null, error: Error): void {
    if (this.#over) return
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

  /** After the answer has been sent 'close' comes as well, and means nothing. */
  readonly #onClientClose = (): void => {
    if (this.#over) return
    this.#over = true
    this.#controller?.abort(clientLeft)
  }
}

/** Bytes of a body that are worth copying for the sake of one write. */
const mostWithHead = 4096

const clientLeft = new Error('the client has left')
const notForClients = new Error('this answer is not for clients')

function first(value: string | readonly string[] | undefined): string | undefined {
  return typeof value === 'string' ? value : value?.[0]
}

function joined(value: string | readonly string[] | undefined): string | undefined {
  return typeof value === 'string' ? value : value?.join(',')
}
