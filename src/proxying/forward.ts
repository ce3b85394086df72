import { randomBytes } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Dispatcher } from 'undici'
import { type Answer, sendAnswer } from '../answers/answer.ts'
import { type Notices, noticesOf } from '../answers/notices.ts'
import type { Naming } from '../gateway/account.ts'
import { type Allow, signInNeeded, type UpstreamFailed } from '../gateway/decision.ts'
import type { Delegation, SignInCause, UserToken } from '../gateway/delegation.ts'
import { Outage } from '../gateway/outage.ts'
import { steadyNow } from '../gateway/steady-now.ts'
import type { Authorize } from '../gateway/upstream-auth.ts'
import { hasBody, holdBody, Upload } from '../requests/bodies.ts'
import type { Ending } from '../requests/request.ts'
import type { UpstreamRoute, AddressMapping } from './addresses.ts'
import { Exchange, type ExchangeEvents } from './exchange.ts'
import type { AnswerHead } from './guarded-handler.ts'
import type { FairShares, Waiter, Place } from './fair-shares.ts'
import { type RequestContext, upstreamHeaders } from './headers.ts'
import { createLfs, type Lfs, type LfsOptions, uncompressed } from './lfs.ts'
import { type DueNotice, isProbe, type MoveTeller } from './move-teller.ts'
import { isPush, Push, PushExchange } from './push-notice.ts'
import { claimsChallenge, rejectsToken } from './screen-answer.ts'
import type { UpstreamAgents } from './upstream-connections.ts'
import { isOurFault, lacksResources, unfailing, type UpstreamObserver } from './upstream-reports.ts'

export interface ForwardOptions {
  readonly agents: UpstreamAgents
  /** Limits how many requests each user may have under way. */
  readonly shares: FairShares
  /** How the upstreams learn who the user is. */
  readonly authorize: Authorize
  /** Gives another token for one that an upstream rejects, or that has ended. Left out: no request acts as its user. */
  readonly delegation?: Delegation
  readonly naming: Naming
  readonly publicUrl: string
  /** The answer to a request that gets none from its upstream. */
  readonly answer: (
    request: { readonly raw: IncomingMessage; readonly id: string; readonly target: string },
    ending: Ending,
  ) => Answer
  /** Left out: users are not told of planned moves. */
  readonly moves?: MoveTeller
  /** Left out: the tokens of LFS servers are sealed with a key of this process, for a day. */
  readonly lfs?: LfsOptions
  readonly observer: UpstreamObserver
}

interface ForwardParts extends Omit<ForwardOptions, 'lfs'> {
  readonly lfs: Lfs
}

/**
 * Sends one allowed request to its account's upstream, and the answer to the client. Never throws, and ends the request in
 * every case.
 */
export type Forward = (request: IncomingMessage, response: ServerResponse, context: RequestContext) => void

/** The hot path: two objects per request on the dispatch of a leg, nothing buffered. */
export function createForward(options: ForwardOptions): Forward {
  const { lfs = { key: randomBytes(32), actionSeconds: 86_400 } } = options
  const whole = { ...options, lfs: createLfs(lfs, options), observer: unfailing(options.observer) }
  return (request, response, context) => new Forwarding(request, response, context, whole).start()
}

/** One request being forwarded. Anything thrown ends in `broke`, and the request ends in `#end`, once. */
class Forwarding implements ExchangeEvents, Waiter {
  readonly #request: IncomingMessage
  readonly #response: ServerResponse
  #context: RequestContext
  readonly #options: ForwardParts
  #ended = false
  /** Whether the upstream has rejected one token already. */
  #hasFreshToken = false
  #place: Place | undefined
  /** While the request waits for its place and has a body. */
  #readOn: (() => void) | undefined
  /** If this push tells its user of a planned move, and has not done so yet. */
  #dueNotice: DueNotice | undefined
  #exchange: Exchange | undefined
  /** What was sent, if it may be sent once more. */
  #once: Dispatcher.DispatchOptions | undefined

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

  /** The response closes in every case, so its 'close' event gives the place up, and tells the exchange. */
  #takePlace(): void {
    const { allowed, route } = this.#context
    if ('outcome' in route) return this.failed(route, undefined)
    const response = this.#response
    // The client disconnected during the decision, so 'close' will not come again.
    if (response.destroyed) return
    const place = this.#options.shares.enter(route.mapping.destination.origin, allowed.subject, this)
    if (place === undefined) {
      this.#options.observer.upstreamCrowded('turned-away', this.#context)
      return this.#end({ outcome: 'busy', cause: 'own-requests', retryAfter })
    }
    this.#place = place
    response.on('close', this.#onClose)
    if (!place.waits) return this.#begin(route)
    if (hasBody(this.#request) && !this.#request.complete) this.#readOn = holdBody(this.#request)
    this.#options.observer.upstreamCrowded('waits', this.#context)
  }

  readonly #onClose = (): void => {
    this.#readOn?.()
    this.#place?.leave()
    this.#dueNotice?.giveBack()
    this.#exchange?.onClientClose()
  }

  go(): void {
    try {
      const { route, allowed } = this.#context
      if ('outcome' in route) return
      if (allowed.act !== undefined && allowed.act.endsAt <= steadyNow())
        return void this.#takeNext(allowed).catch(this.#onBroke)
      this.#readOn?.()
      this.#begin(route)
    } catch (error) {
      this.broke(error)
    }
  }

  /** The token has ended while the request waited for its place. */
  async #takeNext(allowed: Allow): Promise<void> {
    const found = await this.#options.delegation?.tokenFor(allowed)
    this.#readOn?.()
    if (found === undefined) throw new Outage('provider', new Error('the token ended, and there is no other'))
    this.#continue(found)
  }

  /** A push may wait a moment, until it is known whether its user is to be told of a planned move. */
  #begin(route: UpstreamRoute): void {
    const { allowed } = this.#context
    // Nearly all requests are about an account that stays where it is.
    const isTold = allowed.account.planned !== undefined && isPush(this.#request, route.mapping)
    const due = isTold && !isProbe(this.#request) ? this.#options.moves?.dueFor(allowed) : undefined
    if (due === undefined) return this.#authorize(route)
    due.then(notice => this.#goOn(route, notice)).catch(this.#onBroke)
  }

  #goOn(route: UpstreamRoute, notice: DueNotice | undefined): void {
    if (this.#response.destroyed) return notice?.giveBack()
    this.#dueNotice = notice
    this.#authorize(route)
  }

  /** Called after any waiting, because what identifies the user may be valid for seconds only. */
  #authorize(route: UpstreamRoute): void {
    const identity = this.#options.authorize(this.#context, route.mapping.destination)
    if (identity instanceof Promise)
      identity.then(identity => this.#send(route, identity)).catch((error: unknown) => this.broke(error))
    else this.#send(route, identity)
  }

  #send({ mapping, headers: raw }: UpstreamRoute, identity: readonly string[]): void {
    if (this.#response.destroyed) return // the client disconnected meanwhile
    const { ask, allowed } = this.#context
    const { agents, publicUrl, lfs } = this.#options
    const { origin, path } = mapping.destination
    const told = lfs.identityFor(this.#request, this.#context, identity)
    const headers = upstreamHeaders(raw, this.#context, told)
    const notices = this.#notices(allowed, publicUrl)
    const isBatch = lfs.isBatch(this.#request, ask.target)
    const { body, exchange } = isBatch ? this.#batchRoute(mapping, told) : this.#exchangeFor(mapping, notices)
    const method = ask.method as Dispatcher.HttpMethod // the type lists nine; undici takes any token
    const whole = { origin, path, method, headers: isBatch ? uncompressed(headers) : headers, body }
    this.#exchange = exchange
    if (body === null && safe.has(method)) this.#once = whole
    agents.kept.dispatch(whole, exchange)
  }

  /** On a new connection, so that it cannot be closed for idleness again. */
  again(): boolean {
    const whole = this.#once
    const exchange = this.#exchange
    if (whole === undefined || exchange === undefined) return false
    this.#once = undefined
    this.#options.agents.fresh.dispatch(whole, exchange)
    return true
  }

  /** Every answer tells programs what is about to end. */
  #notices(allowed: Allow, publicUrl: string): Notices | undefined {
    const move = this.#dueNotice && allowed.account.planned
    const isEnding = allowed.bridgedUntil !== undefined || allowed.password?.endsAt !== undefined
    if (!isEnding && move === undefined) return undefined
    const notices = noticesOf(allowed, publicUrl, Date.now(), move)
    const { headers = [] } = notices ?? {}
    for (let at = 0; at < headers.length; at += 2)
      this.#response.setHeader(headers[at] ?? '', headers[at + 1] ?? '')
    return notices
  }

  /** The body to send and the handler of the answer. A push also shows users what is about to end. */
  #exchangeFor(mapping: AddressMapping, notices: Notices | undefined) {
    if (notices === undefined || !isPush(this.#request, mapping))
      return { body: this.#upload(), exchange: new Exchange(this.#response, mapping, this) }
    const push = new Push(this.#request, this.#response, this.#onBroke)
    const said = () => void (this.#dueNotice = undefined)
    const notice = { push, lines: notices.lines, said }
    return { body: push, exchange: new PushExchange(this.#response, mapping, this, notice) }
  }

  /** The same for a batch request of git-lfs. */
  #batchRoute(mapping: AddressMapping, told: readonly string[]) {
    const sent = { context: this.#context, told }
    const exchange = this.#options.lfs.exchange(this.#response, mapping, this, sent)
    return { body: this.#upload(), exchange }
  }

  #upload(): Upload | null {
    if (!hasBody(this.#request)) return null
    return new Upload(this.#request, this.#response, this.#onBroke, this.#context.begun)
  }

  /**
   * If the upstream does not accept the user's token, a safe request goes once more with a fresh one. A claims challenge is
   * waited for, whatever the request is: if no token can meet it, the user has to sign in.
   */
  withheld(failure: UpstreamFailed, { status, headers }: AnswerHead): UpstreamFailed | undefined {
    const { allowed } = this.#context
    const { delegation, lfs } = this.#options
    if (delegation === undefined || allowed.act === undefined || !rejectsToken(status, failure))
      return failure
    // It is the LFS server's own token that was rejected.
    if (lfs.failureFor(this.#request, failure).because === 'own-token') return failure
    const claims = claimsChallenge(headers)
    if (claims === undefined && this.#hasFreshToken) return tokenRejected
    const next = delegation.rejected(allowed, allowed.act, claims)
    if (claims === undefined && !this.#isRepeatable) {
      // It fails at once, and the next one finds a fresh token.
      next.catch(this.#onReported)
      return tokenRejected
    }
    next.then(found => this.#repeat(found)).catch(this.#onBroke)
    return undefined
  }

  /** What follows a rejection. The same token again is a new one, which is rejected for another reason than its age. */
  #repeat(found: UserToken | SignInCause): void {
    if (typeof found !== 'string') {
      const isFresh = found.token !== this.#context.allowed.act?.token && !this.#hasFreshToken
      if (!isFresh || !this.#isRepeatable) return this.failed(tokenRejected, undefined)
      this.#hasFreshToken = true
    }
    this.#continue(found)
  }

  #continue(found: UserToken | SignInCause): void {
    if (this.#ended || this.#response.destroyed) return // the client disconnected meanwhile
    const { allowed, route } = this.#context
    if (typeof found === 'string') {
      this.#options.observer.signInNeeded(found, this.#context)
      return this.#end(signInNeeded(allowed, found))
    }
    if ('outcome' in route) return
    this.#context = { ...this.#context, allowed: { ...allowed, act: found } }
    this.#authorize(route)
  }

  get #isRepeatable(): boolean {
    return safe.has(this.#context.ask.method) && !hasBody(this.#request)
  }

  answered(seconds: number): void {
    this.#options.observer.upstreamAnswered(seconds, this.#context)
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
    this.#report(error, this.#context)
    const part = error instanceof Outage ? error.part : 'gateway'
    this.#end({ outcome: 'unavailable', part, retryAfter })
  }

  /** `context`: it is what the request is answered with. */
  #report(error: unknown, context?: RequestContext): void {
    if (error instanceof Outage) this.#options.observer.outage(error, context)
    else this.#options.observer.bug(error, this.#context.ask.id, context)
  }

  readonly #onReported = (error: unknown): void => this.#report(error)

  readonly #onBroke = (error: unknown): void => this.broke(error)

  /** Sends an answer of the gateway, or closes the connection if a part of another answer was sent. */
  #end(ending: Ending): void {
    if (this.#ended) return
    this.#ended = true
    const response = this.#response
    try {
      const { id, target } = this.#context.ask
      if (response.headersSent) return void response.destroy()
      // A failed attempt can leave a reason phrase behind that Node refuses again.
      response.statusMessage = ''
      sendAnswer(response, this.#options.answer({ raw: this.#request, id, target }, ending))
    } catch (error) {
      this.#options.observer.bug(error, this.#context.ask.id)
      response.destroy()
    }
  }
}

/** Safe methods, whose repetition changes nothing (RFC 9110, 9.2.2). Other methods are never repeated. */
const safe: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS'])

const tokenRejected: UpstreamFailed = { outcome: 'upstream-failed', because: 'user-token' }

/** Seconds after which a client should retry. */
const retryAfter = 5
