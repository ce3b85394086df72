import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Dispatcher } from 'undici'
import type { Naming } from '../gateway/account.ts'
import type { Ask } from '../gateway/ask.ts'
import type { UpstreamFailed } from '../gateway/decision.ts'
import { answerTo } from './answer.ts'
import type { Ending } from './ending.ts'
import { Exchange, type ExchangeEvents } from './exchange.ts'
import { sendAnswer } from './send-answer.ts'
import { hasBody, Upload } from './upload.ts'
import { upstreamHeaders, type Passage } from './upstream-headers.ts'
import { destinationOf } from './upstream-target.ts'

/** Who learns how the upstreams do: metrics and log. Must not throw. */
export interface UpstreamObserver {
  /** The upstream began to answer, so many seconds after the request was sent. */
  upstreamAnswered(seconds: number): void
  /** With the error behind it, if there is one, and the request that got the failure. */
  upstreamFailed(failure: UpstreamFailed, cause: unknown, ask: Ask): void
}

export interface ForwardOptions {
  readonly agent: Dispatcher
  readonly naming: Naming
  readonly publicUrl: string
  readonly observer: UpstreamObserver
}

/** Sends one allowed request to its account's upstream, and what comes back to the client. */
export type Forward = (request: IncomingMessage, response: ServerResponse, passage: Passage) => void

/** The hot path: one handler object per request on undici's dispatch, nothing buffered, nothing retried. */
export function createForward({ agent, naming, publicUrl, observer }: ForwardOptions): Forward {
  return function forward(request, response, passage) {
    const { ask, allowed } = passage
    const end = (ending: Ending) => {
      const asking = { target: ask.target, rawHeaders: request.rawHeaders }
      sendAnswer(response, answerTo(asking, ending, { requestId: ask.id, publicUrl, naming }))
    }
    const destination = destinationOf(allowed.account.upstream, ask.target, naming)
    if ('outcome' in destination) {
      if (destination.outcome === 'upstream-failed') observer.upstreamFailed(destination, undefined, ask)
      return end(destination)
    }
    // Gone while the gateway was deciding: 'close' will not come a second time.
    if (response.destroyed) return

    const body = hasBody(request) ? new Upload(request, response) : null
    const address = `${ask.secure ? 'https' : 'http'}://${ask.host}`
    const events: ExchangeEvents = {
      answered: seconds => observer.upstreamAnswered(seconds),
      failed(failure, cause) {
        observer.upstreamFailed(failure, cause, ask)
        end(failure)
      },
      brokeOff: (failure, cause) => observer.upstreamFailed(failure, cause, ask),
    }
    const { origin, path } = destination
    const headers = upstreamHeaders(request.rawHeaders, passage)
    const exchange = new Exchange(response, { target: ask.target, address, destination }, events)
    const method = ask.method as Dispatcher.HttpMethod // the type lists nine; undici takes any token
    agent.dispatch({ origin, path, method, headers, body }, exchange)
  }
}
