import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import { sendAnswer } from '../answers/answer.ts'
import { whenDone } from '../gateway/soon.ts'
import type { Forward } from '../proxying/forward.ts'
import { type BodyFinding, type BodyLook, readBodyStart } from '../requests/body-start.ts'
import { type Ending, newRequestId } from '../requests/request.ts'
import { markAllowed } from './conversation.ts'
import type { DoorRequest, Responder } from './responder.ts'

interface ProxyOptions {
  readonly forward: Forward
  readonly responder: Responder
  /** A bug: the request was answered 503, and this is what was thrown. Must not throw. */
  readonly bug: (error: unknown, requestId: string) => void
}

/**
 * The door to the upstreams: the decision, then forwarding. Requests come here as Node has parsed them. No router and no
 * parser of a framework reads them, which could read a path in another way than the gateway (ADR 0107).
 */
export function createProxy(options: ProxyOptions): RequestListener {
  return (request, response) => new ProxiedRequest(request, response, options).serve()
}

/** Seconds after which a client should retry after a bug. */
export const bugRetryAfter = 5

/** One request at this door. */
class ProxiedRequest implements DoorRequest {
  readonly raw: IncomingMessage
  readonly id = newRequestId()
  readonly method: string
  readonly target: string
  readonly #response: ServerResponse
  readonly #options: ProxyOptions

  constructor(request: IncomingMessage, response: ServerResponse, options: ProxyOptions) {
    this.raw = request
    this.method = request.method ?? ''
    this.target = request.url ?? ''
    this.#response = response
    this.#options = options
  }

  /** No body is read before the gateway has allowed the request, or needs to see what it does. */
  serve(): void {
    const { responder, forward } = this.#options
    void whenDone(
      () => (this.method === 'TRACE' ? responder.answer(this, notServed) : responder.respond(this)),
      responded => {
        if (!('allowed' in responded)) return sendAnswer(this.#response, responded)
        markAllowed(this.raw)
        forward(this.raw, this.#response, responded)
      },
      error => this.#broke(error),
    )
  }

  /** It is asked for only after the password was found right. */
  readBody<T>(look: BodyLook<T>): Promise<BodyFinding<T>> {
    markAllowed(this.raw)
    return readBodyStart(this.raw, this.#response, look)
  }

  /** Must not throw: nothing is behind it. */
  #broke(error: unknown): void {
    const response = this.#response
    this.#options.bug(error, this.id)
    try {
      if (response.headersSent) response.destroy()
      else sendAnswer(response, this.#options.responder.answer(this, brokenOff))
    } catch (second) {
      this.#options.bug(second, this.id)
      response.destroy()
    }
  }
}

const notServed: Ending = { outcome: 'not-allowed', cause: 'method' }
const brokenOff: Ending = { outcome: 'unavailable', part: 'gateway', retryAfter: bugRetryAfter }
