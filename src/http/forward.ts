import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Dispatcher } from 'undici'
import type { Naming } from '../gateway/account.ts'
import type { Ask } from '../gateway/ask.ts'
import type { Unavailable, UpstreamFailed } from '../gateway/decision.ts'
import { Outage } from '../gateway/outage.ts'
import type { Authorize } from '../gateway/upstream-auth.ts'
import { requestHeaders, type Journey } from './addresses.ts'
import { answerTo } from './answer.ts'
import { bridgeNotice, type BridgeNotice } from './bridge-notice.ts'
import type { Ending } from './ending.ts'
import { Exchange, type ExchangeEvents } from './exchange.ts'
import { createLfs, uncompressed, type LfsOptions } from './lfs/lfs.ts'
import { isPush, Push, PushExchange } from './push-notice.ts'
import { sendAnswer } from './send-answer.ts'
import { hasBody, Upload } from './upload.ts'
import { upstreamHeaders, type Passage } from './upstream-headers.ts'
import { destinationOf } from './upstream-target.ts'

/** Who learns how it goes: metrics and log. Must not throw. */
export interface UpstreamObserver {
  /** The upstream began to answer, so many seconds after the request was sent. */
  upstreamAnswered(seconds: number): void
  /** With the error behind it, if there is one, and the request that got the failure. */
  upstreamFailed(failure: UpstreamFailed, cause: unknown, passage: Passage): void
  /** The gateway could not say who it is, so the request was answered 503. */
  outage(outage: Outage): void
  /** A bug: the request was answered 503, and this is what was thrown. */
  bug(error: unknown, requestId: string): void
}

export interface ForwardOptions {
  readonly agent: Dispatcher
  /** How the upstreams learn who it is. */
  readonly authorize: Authorize
  readonly naming: Naming
  readonly publicUrl: string
  readonly lfs: LfsOptions
  readonly observer: UpstreamObserver
}

/** Sends one allowed request to its account's upstream, and what comes back to the client. */
export type Forward = (request: IncomingMessage, response: ServerResponse, passage: Passage) => void

/** The hot path: one handler object per request on undici's dispatch, nothing buffered, nothing retried. */
export function createForward(options: ForwardOptions): Forward {
  const { agent, authorize, naming, publicUrl, observer } = options
  const lfs = createLfs(options.lfs, options)

  return function forward(request, response, passage) {
    const { ask, allowed } = passage
    const end = (ending: Ending) => {
      const asking = { target: ask.target, rawHeaders: request.rawHeaders }
      sendAnswer(response, answerTo(asking, ending, { requestId: ask.id, publicUrl, naming }))
    }
    const destination = destinationOf(allowed.account.upstream, ask.target, naming)
    if ('outcome' in destination) {
      if (destination.outcome === 'upstream-failed') observer.upstreamFailed(destination, undefined, passage)
      return end(destination)
    }
    const { origin, path } = destination
    const address = `${ask.secure ? 'https' : 'http'}://${ask.host}`
    const journey = { target: ask.target, address, destination }
    const raw = requestHeaders(ask.method, request.rawHeaders, journey)
    if ('outcome' in raw) return end(raw)
    const send = (identity: readonly string[]): void => {
      // Gone while the gateway was deciding: 'close' will not come a second time.
      if (response.destroyed) return
      const events: ExchangeEvents = {
        answered: seconds => observer.upstreamAnswered(seconds),
        failed(what, cause) {
          const failure = lfs.failureFor(request, what)
          observer.upstreamFailed(failure, cause, passage)
          end(failure)
        },
        brokeOff: (failure, cause) => observer.upstreamFailed(failure, cause, passage),
      }
      const told = lfs.identityFor(request, passage, identity)
      const headers = upstreamHeaders(raw, passage, told)
      const notice = bridgeNotice(allowed, publicUrl)
      // Every answer to somebody whom a bridge lets in says until when, to programs.
      if (notice !== undefined) response.setHeader('X-Altgate-Bridge-Until', notice.until)
      const isBatch = lfs.isBatch(request, ask.target)
      const { body, exchange } = isBatch
        ? { body: bodyOf(request, response), exchange: lfs.exchange(response, journey, events, passage) }
        : courseOf([request, response, journey, events], notice)
      const method = ask.method as Dispatcher.HttpMethod // the type lists nine; undici takes any token
      const sent = isBatch ? uncompressed(headers) : headers
      agent.dispatch({ origin, path, method, headers: sent, body }, exchange)
    }

    const identity = authorize(passage, destination)
    if (identity instanceof Promise)
      identity.then(send).catch(error => end(unavailable(error, ask, observer)))
    else send(identity)
  }
}

type Course = readonly [IncomingMessage, ServerResponse, Journey, ExchangeEvents]

/** What is sent upstream, and who takes the answer. In a push people, too, are told of the bridge that let them in. */
function courseOf([request, response, journey, events]: Course, notice: BridgeNotice | undefined) {
  if (notice === undefined || !isPush(request, journey))
    return { body: bodyOf(request, response), exchange: new Exchange(response, journey, events) }
  const push = new Push(request, response)
  return { body: push, exchange: new PushExchange(response, journey, events, { push, lines: notice.lines }) }
}

function bodyOf(request: IncomingMessage, response: ServerResponse): Upload | null {
  return hasBody(request) ? new Upload(request, response) : null
}

/** Seconds after which a caller should come again. */
const retryAfter = 5

/** What is answered when the gateway cannot say who it is; whatever else was thrown is a bug. */
function unavailable(error: unknown, ask: Ask, observer: UpstreamObserver): Unavailable {
  const isOutage = error instanceof Outage
  if (isOutage) observer.outage(error)
  else observer.bug(error, ask.id)
  return { outcome: 'unavailable', part: isOutage ? error.part : 'gateway', retryAfter }
}
