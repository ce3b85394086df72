import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Dispatcher } from 'undici'
import type { Naming } from '../gateway/account.ts'
import type { UpstreamFailed } from '../gateway/decision.ts'
import { Outage } from '../gateway/outage.ts'
import type { Authorize } from '../gateway/upstream-auth.ts'
import { answerTo } from './answer.ts'
import { bridgeNotice, type BridgeNotice } from './bridge-notice.ts'
import type { Ending } from './ending.ts'
import { Exchange, type ExchangeEvents } from './exchange.ts'
import { isPush, Push, PushExchange } from './push-notice.ts'
import type { Journey } from './screen-answer.ts'
import { sendAnswer } from './send-answer.ts'
import { hasBody, Upload } from './upload.ts'
import { isOurFault } from './upstream-failure.ts'
import { upstreamHeaders, type Passage } from './upstream-headers.ts'
import { destinationOf, type Destination } from './upstream-target.ts'

/** Who learns how it goes: metrics and log. What it throws is told to its `bug` and changes nothing else. */
export interface UpstreamObserver {
  /** The upstream began to answer, so many seconds after the request was sent. */
  upstreamAnswered(seconds: number): void
  /** With the error behind it, if there is one, and the request that got the failure. */
  upstreamFailed(failure: UpstreamFailed, cause: unknown, passage: Passage): void
  /** The gateway could not say who it is, so the request was answered 503. */
  outage(outage: Outage): void
  /** A bug: the request was answered 503, or cut off, and this is what was thrown. */
  bug(error: unknown, requestId: string): void
}

export interface ForwardOptions {
  readonly agent: Dispatcher
  /** How the upstreams learn who it is. */
  readonly authorize: Authorize
  readonly naming: Naming
  readonly publicUrl: string
  readonly observer: UpstreamObserver
}

/**
 * Sends one allowed request to its account's upstream, and what comes back to the client. Never throws: from here on
 * the request has an end, whatever happens.
 */
export type Forward = (request: IncomingMessage, response: ServerResponse, passage: Passage) => void

/** The hot path: two objects per request on undici's dispatch, nothing buffered. */
export function createForward(options: ForwardOptions): Forward {
  return (request, response, passage) => new Forwarding(request, response, passage, options).start()
}

/** One request on its way. Whatever throws ends in `broke`, and the request in `#end`, once. */
class Forwarding implements ExchangeEvents {
  readonly #request: IncomingMessage
  readonly #response: ServerResponse
  readonly #passage: Passage
  readonly #options: ForwardOptions
  #ended = false

  constructor(request: IncomingMessage, response: ServerResponse, passage: Passage, options: ForwardOptions) {
    this.#request = request
    this.#response = response
    this.#passage = passage
    this.#options = options
  }

  start(): void {
    try {
      this.#judgeAddress()
    } catch (error) {
      this.broke(error)
    }
  }

  #judgeAddress(): void {
    const { ask, allowed } = this.#passage
    const { naming, authorize } = this.#options
    const destination = destinationOf(allowed.account.upstream, ask.target, naming)
    if ('outcome' in destination) {
      if (destination.outcome === 'upstream-failed') return this.failed(destination, undefined)
      return this.#end(destination)
    }
    const identity = authorize(this.#passage, destination)
    if (identity instanceof Promise)
      identity
        .then(identity => this.#send(destination, identity))
        .catch((error: unknown) => this.broke(error))
    else this.#send(destination, identity)
  }

  #send(destination: Destination, identity: readonly string[]): void {
    // Gone while the gateway was deciding: 'close' will not come a second time.
    if (this.#response.destroyed) return
    const { ask, allowed } = this.#passage
    const { agent, publicUrl } = this.#options
    const { origin, path } = destination
    const headers = upstreamHeaders(this.#request.rawHeaders, this.#passage, identity)
    const address = `${ask.secure ? 'https' : 'http'}://${ask.host}`
    const journey = { target: ask.target, address, destination }
    const notice = bridgeNotice(allowed, publicUrl)
    const { body, exchange } = notice ? this.#toldCourse(journey, notice) : this.#course(journey)
    const method = ask.method as Dispatcher.HttpMethod // the type lists nine; undici takes any token
    agent.dispatch({ origin, path, method, headers, body }, exchange)
  }

  /** What is sent upstream, and what takes the answer. */
  #course(journey: Journey) {
    const body = hasBody(this.#request) ? new Upload(this.#request, this.#response, this.#onBroke) : null
    return { body, exchange: new Exchange(this.#response, journey, this) }
  }

  /** The same for a user whom a bridge lets in: every answer says until when, to programs and in a push to people. */
  #toldCourse(journey: Journey, notice: BridgeNotice) {
    this.#response.setHeader('X-Altgate-Bridge-Until', notice.until)
    if (!isPush(this.#request, journey)) return this.#course(journey)
    const push = new Push(this.#request, this.#response, this.#onBroke)
    const said = { push, lines: notice.lines }
    return { body: push, exchange: new PushExchange(this.#response, journey, this, said) }
  }

  answered(seconds: number): void {
    try {
      this.#options.observer.upstreamAnswered(seconds)
    } catch (error) {
      this.#bug(error)
    }
  }

  failed(failure: UpstreamFailed, cause: unknown): void {
    if (this.#ended) return
    if (isOurFault(cause)) return this.broke(cause)
    this.brokeOff(failure, cause)
    this.#end(failure)
  }

  brokeOff(failure: UpstreamFailed, cause: unknown): void {
    try {
      this.#options.observer.upstreamFailed(failure, cause, this.#passage)
    } catch (error) {
      this.#bug(error)
    }
  }

  broke(error: unknown): void {
    const isOutage = error instanceof Outage
    if (isOutage) this.#outage(error)
    else this.#bug(error)
    this.#end({ outcome: 'unavailable', part: isOutage ? error.part : 'gateway', retryAfter })
  }

  readonly #onBroke = (error: unknown): void => this.broke(error)

  /** With an answer of our own, or where there is none to give any more with a cut. */
  #end(ending: Ending): void {
    if (this.#ended) return
    this.#ended = true
    const response = this.#response
    try {
      const { ask } = this.#passage
      const { naming, publicUrl } = this.#options
      if (response.headersSent) return void response.destroy()
      // An attempt that threw can leave a phrase behind that Node refuses again.
      response.statusMessage = ''
      const asking = { target: ask.target, rawHeaders: this.#request.rawHeaders }
      sendAnswer(response, answerTo(asking, ending, { requestId: ask.id, publicUrl, naming }))
    } catch (error) {
      this.#bug(error)
      response.destroy()
    }
  }

  #outage(outage: Outage): void {
    try {
      this.#options.observer.outage(outage)
    } catch (error) {
      this.#bug(error)
    }
  }

  #bug(error: unknown): void {
    try {
      this.#options.observer.bug(error, this.#passage.ask.id)
    } catch {
      // The log itself is broken. The request comes first, and there is no other place to tell it.
    }
  }
}

/** Seconds after which a caller should come again. */
const retryAfter = 5
