import { randomBytes } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Dispatcher } from 'undici'
import { type Answer, sendAnswer } from '../answers/answer.ts'
import { bridgeNotice, type BridgeNotice } from '../answers/terms.ts'
import type { Naming } from '../gateway/account.ts'
import type { UpstreamFailed } from '../gateway/decision.ts'
import { Outage } from '../gateway/outage.ts'
import type { Authorize } from '../gateway/upstream-auth.ts'
import { hasBody, Upload } from '../requests/bodies.ts'
import type { Ending } from '../requests/request.ts'
import type { UpstreamRoute, AddressMapping } from './addresses.ts'
import { Exchange, type ExchangeEvents } from './exchange.ts'
import type { FairShares, InLine, Place } from './fair-shares.ts'
import { type RequestContext, upstreamHeaders } from './headers.ts'
import { createLfs, type Lfs, type LfsOptions, uncompressed } from './lfs.ts'
import { isPush, Push, PushExchange } from './push-notice.ts'
import type { UpstreamAgents } from './upstream-connections.ts'
import { isOurFault, lacksResources, unfailing, type UpstreamObserver } from './upstream-reports.ts'

export interface ForwardOptions {
  readonly agents: UpstreamAgents
  /** Who may have how many requests under way. */
  readonly shares: FairShares
  /** How the upstreams learn who it is. */
  readonly authorize: Authorize
  readonly naming: Naming
  readonly publicUrl: string
  /** What a client is told whose request has no answer from upstream. */
  readonly answer: (
    request: { readonly raw: IncomingMessage; readonly id: string; readonly target: string },
    ending: Ending,
  ) => Answer
  /** Left out: what LFS servers give out is sealed by a key of this process, for a day. */
  readonly lfs?: LfsOptions
  readonly observer: UpstreamObserver
}

interface ForwardParts extends Omit<ForwardOptions, 'lfs'> {
  readonly lfs: Lfs
}

/**
 * Sends one allowed request to its account's upstream, and what comes back to the client. Never throws: from here on
 * the request has an end, whatever happens.
 */
export type Forward = (request: IncomingMessage, response: ServerResponse, context: RequestContext) => void

/** The hot path: two objects per request on undici's dispatch, nothing buffered. */
export function createForward(options: ForwardOptions): Forward {
  const { lfs = { key: randomBytes(32), actionSeconds: 86_400 } } = options
  const whole = { ...options, lfs: createLfs(lfs, options), observer: unfailing(options.observer) }
  return (request, response, context) => new Forwarding(request, response, context, whole).start()
}

/** One request on its way. Whatever throws ends in `broke`, and the request in `#end`, once. */
class Forwarding implements ExchangeEvents, InLine {
  readonly #request: IncomingMessage
  readonly #response: ServerResponse
  readonly #context: RequestContext
  readonly #options: ForwardParts
  #ended = false
  #place: Place | undefined
  /** What may be sent once more. */
  #once: { readonly whole: Dispatcher.DispatchOptions; readonly exchange: Exchange } | undefined

  constructor(
    request: IncomingMessage,
    response: ServerResponse,
    context: RequestContext,
    options: ForwardParts,
  ) {
    this.#request = request
    this.#response = response
    this.#context = context
    this.#options = options
  }

  start(): void {
    try {
      this.#takePlace()
    } catch (error) {
      this.broke(error)
    }
  }

  /** The client's connection is what ends with every request, however it ends: the place is given up with it. */
  #takePlace(): void {
    const { allowed, route } = this.#context
    if ('outcome' in route) return this.failed(route, undefined)
    const response = this.#response
    // Gone while the gateway was deciding: 'close' will not come a second time.
    if (response.destroyed) return
    const place = this.#options.shares.enter(route.mapping.destination.origin, allowed.subject, this)
    if (place === undefined) {
      this.#options.observer.upstreamCrowded('turned-away', this.#context)
      return this.#end({ outcome: 'busy', cause: 'own-requests', retryAfter })
    }
    this.#place = place
    response.once('close', this.#onClose)
    if (place.waits) this.#options.observer.upstreamCrowded('waits', this.#context)
    else this.#signIn(route)
  }

  readonly #onClose = (): void => this.#place?.leave()

  go(): void {
    try {
      const { route } = this.#context
      if (!('outcome' in route)) this.#signIn(route)
    } catch (error) {
      this.broke(error)
    }
  }

  /** After any waiting: what says who it is may live for seconds only. */
  #signIn(route: UpstreamRoute): void {
    const identity = this.#options.authorize(this.#context, route.mapping.destination)
    if (identity instanceof Promise)
      identity.then(identity => this.#send(route, identity)).catch((error: unknown) => this.broke(error))
    else this.#send(route, identity)
  }

  #send({ mapping, headers: raw }: UpstreamRoute, identity: readonly string[]): void {
    if (this.#response.destroyed) return // gone meanwhile
    const { ask, allowed } = this.#context
    const { agents, publicUrl, lfs } = this.#options
    const { origin, path } = mapping.destination
    const told = lfs.identityFor(this.#request, this.#context, identity)
    const headers = upstreamHeaders(raw, this.#context, told)
    const notice = bridgeNotice(allowed, publicUrl)
    // Every answer to a user whom a bridge lets in says until when, to programs.
    if (notice !== undefined) this.#response.setHeader('X-Altgate-Bridge-Until', notice.until)
    const isBatch = lfs.isBatch(this.#request, ask.target)
    const { body, exchange } = isBatch ? this.#batchRoute(mapping) : this.#exchangeFor(mapping, notice)
    const method = ask.method as Dispatcher.HttpMethod // the type lists nine; undici takes any token
    const whole = { origin, path, method, headers: isBatch ? uncompressed(headers) : headers, body }
    if (body === null && safe.has(method)) this.#once = { whole, exchange }
    agents.kept.dispatch(whole, exchange)
  }

  /** On a connection of its own, which was not kept: so it cannot happen again. */
  again(): boolean {
    if (this.#once === undefined) return false
    const { whole, exchange } = this.#once
    this.#once = undefined
    this.#options.agents.fresh.dispatch(whole, exchange)
    return true
  }

  /** What is sent upstream, and what takes the answer. In a push people, too, are told of the bridge that let them in. */
  #exchangeFor(mapping: AddressMapping, notice: BridgeNotice | undefined) {
    if (notice === undefined || !isPush(this.#request, mapping))
      return { body: this.#upload(), exchange: new Exchange(this.#response, mapping, this) }
    const push = new Push(this.#request, this.#response, this.#onBroke)
    const said = { push, lines: notice.lines }
    return { body: push, exchange: new PushExchange(this.#response, mapping, this, said) }
  }

  /** The same for a request of git-lfs that asks where objects are. */
  #batchRoute(mapping: AddressMapping) {
    const exchange = this.#options.lfs.exchange(this.#response, mapping, this, this.#context)
    return { body: this.#upload(), exchange }
  }

  #upload(): Upload | null {
    return hasBody(this.#request) ? new Upload(this.#request, this.#response, this.#onBroke) : null
  }

  answered(seconds: number): void {
    this.#options.observer.upstreamAnswered(seconds)
  }

  failed(failure: UpstreamFailed, cause: unknown): void {
    if (this.#ended) return
    if (isOurFault(cause)) return this.broke(cause)
    if (lacksResources(cause)) return this.broke(new Outage('gateway', cause))
    const told = this.#options.lfs.failureFor(this.#request, failure)
    this.brokeOff(told, cause)
    this.#end(told)
  }

  brokeOff(failure: UpstreamFailed, cause: unknown): void {
    this.#options.observer.upstreamFailed(failure, cause, this.#context)
  }

  broke(error: unknown): void {
    const isOutage = error instanceof Outage
    if (isOutage) this.#options.observer.outage(error)
    else this.#options.observer.bug(error, this.#context.ask.id)
    this.#end({ outcome: 'unavailable', part: isOutage ? error.part : 'gateway', retryAfter })
  }

  readonly #onBroke = (error: unknown): void => this.broke(error)

  /** With an answer of our own, or where there is none to give any more with a cut. */
  #end(ending: Ending): void {
    if (this.#ended) return
    this.#ended = true
    const response = this.#response
    try {
      const { id, target } = this.#context.ask
      if (response.headersSent) return void response.destroy()
      // An attempt that threw can leave a phrase behind that Node refuses again.
      response.statusMessage = ''
      sendAnswer(response, this.#options.answer({ raw: this.#request, id, target }, ending))
    } catch (error) {
      this.#options.observer.bug(error, this.#context.ask.id)
      response.destroy()
    }
  }
}

/** Methods that change nothing, so that nothing happens twice (RFC 9110, 9.2.2). Others may, but not behind our backs. */
const safe: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS'])

/** Seconds after which a caller should come again. */
const retryAfter = 5
