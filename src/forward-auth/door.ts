import type { Keys } from '../gateway/key-ring.ts'
import { once } from 'node:events'
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { answer, type Answer, asUnavailable, sendAnswer } from '../answers/answer.ts'
import { createServer } from '../engine/http.ts'
import {
  type Allow,
  signInNeeded,
  type SignInNeeded,
  type Unavailable,
  type UnclearTarget,
  type UpstreamFailed,
} from '../gateway/decision.ts'
import type { Delegation, SignInCause } from '../gateway/delegation.ts'
import { Outage } from '../gateway/outage.ts'
import { type Soon, whenDone } from '../gateway/soon.ts'
import { bearerOf } from '../gateway/upstream-auth.ts'
import { slipsThroughNginx } from '../proxying/header-rules.ts'
import { type RequestContext, withoutPageCookies } from '../proxying/headers.ts'
import { claimsChallenge } from '../proxying/screen-answer.ts'
import { createClientReader, type LoadTest, type Client } from '../requests/client.ts'
import { type Ending, newRequestId } from '../requests/request.ts'
import { closeGently, Connections, unbounded } from '../server/connections.ts'
import { createResponder, type DoorRequest, type ResponderOptions } from '../server/responder.ts'
import { answerMalformed } from '../server/unreadable.ts'
import { createCarriedAnswers, type ProxyKind, proxyKinds, type Rejection } from './proxies.ts'

interface DoorOptions
  extends Pick<ResponderOptions, 'gateway' | 'witness' | 'naming' | 'publicUrl' | 'brand'> {
  /** Addresses and CIDR ranges of the proxies that may ask, and whose information about clients is trusted. */
  readonly trustedProxies: readonly string[]
  readonly loadTest?: LoadTest
  /** The user, for the upstream: header names and values in turn. */
  readonly identify: (allowed: Allow) => readonly string[]
  /** Gives another token for one that an upstream rejects. Left out: no request acts as its user. */
  readonly delegation?: Pick<Delegation, 'rejected'> | undefined
  /** 32 bytes that all gateways with this store share: they authenticate the answers that a proxy brings back. */
  readonly answerKey: Keys
  /** Milliseconds since 1970. */
  readonly now: () => number
  readonly observer: DoorObserver
}

/** What a 401 of the upstream is for the client. */
type Rejected = UpstreamFailed | SignInNeeded | Unavailable

interface DoorObserver {
  /** A client that is not a trusted proxy asked. Must not throw. */
  untrusted(from: string, requestId: string): void
  /** The upstream rejected the user's token, and there is no other until the user signs in again. Must not throw. */
  signInNeeded(cause: SignInCause, allowed: Allow, requestId: string): void
  /** What the proxy tells the client of an allowed request, in the place of the upstream's 401. Must not throw. */
  notForwarded(
    what: { readonly outcome: Rejected['outcome']; readonly cause: string },
    context: RequestContext,
  ): void
  /** The request was answered 503. Must not throw. */
  outage(outage: Outage): void
  /** A bug: the request was answered 503, and this is what was thrown. Must not throw. */
  bug(error: unknown, requestId: string): void
}

/** Seconds after which a client should retry after a bug, and after an answer that was lost. */
const bugRetryAfter = 5
const lostRetryAfter = 1

const untrusted: UnclearTarget = { outcome: 'unclear-target', flaw: 'untrusted-forwarder' }
const unauthorized: UpstreamFailed = { outcome: 'upstream-failed', because: 'unauthorized' }
const tokenRejected: UpstreamFailed = { outcome: 'upstream-failed', because: 'user-token' }
const reserved: UnclearTarget = { outcome: 'unclear-target', flaw: 'reserved-header' }

/** The proxy chooses the real upstream. Only the client's side of the address mapping is used here. */
const behindTheProxy = 'http://behind.invalid'

/** The forward-auth door: it forwards nothing, and tells a proxy what to do with a request that the proxy holds. */
function createDoor(options: DoorOptions): (request: IncomingMessage, response: ServerResponse) => void {
  const { publicUrl, identify, observer, now } = options
  const kinds = proxyKinds(createCarriedAnswers({ key: options.answerKey, now }))
  const deciders = new Map(Object.entries(kinds))
  const answerers = new Map(Object.values(kinds).map(kind => [kind.answerPath, kind]))
  const rejections = new Map(Object.values(kinds).map(kind => [kind.rejectionPath, kind]))
  const readClient = createClientReader(options.trustedProxies, options.loadTest)
  const responder = createResponder({ ...options, readClient, flawIn, upstream: behindTheProxy })

  function judge(kind: ProxyKind, raw: IncomingMessage, response: ServerResponse): Soon<void> {
    return whenDone(respond, pass, refuse, new ReportedRequest(kind, raw, response))
  }

  function respond(request: ReportedRequest): Soon<RequestContext | Answer> {
    return responder.respond(request)
  }

  function pass(responded: RequestContext | Answer, request: ReportedRequest): void {
    if ('allowed' in responded) allow(request, responded.allowed)
    else request.kind.refuse(request.response, responded)
  }

  function refuse(error: unknown, request: ReportedRequest): void {
    observer.bug(error, request.id)
    const bug: Ending = { outcome: 'unavailable', part: 'gateway', retryAfter: bugRetryAfter }
    request.kind.refuse(request.response, responder.answer(request, bug))
  }

  /** What is refused before the gateway is asked. */
  function flawIn({ raw, id }: DoorRequest, { trusted, from }: Client): UnclearTarget | undefined {
    if (!trusted) {
      observer.untrusted(from, id)
      return untrusted
    }
    const { rawHeaders } = raw
    for (let at = 0; at < rawHeaders.length; at += 2)
      if (slipsThroughNginx(rawHeaders[at] ?? '')) return reserved
    return undefined
  }

  /** Sends the headers that the proxy has to set on the request, replacing those of its client. */
  function allow({ raw, response, id }: ReportedRequest, allowed: Allow): void {
    const headers = ['Content-Length', '0', 'X-Request-Id', id, ...identify(allowed)]
    // Browsers send the page's cookies with every path, and a proxy cannot remove one from the list.
    const { cookie } = raw.headers
    if (cookie !== undefined) headers.push('X-Altgate-Cookie', withoutPageCookies(cookie))
    response.writeHead(200, headers).end()
  }

  /**
   * What the proxy tells its client after a 401 of the upstream. Decides once more, because that says who the user is.
   * The proxy cannot repeat the request, so a fresh token is for the next one.
   */
  async function judgeRejection(
    kind: ProxyKind,
    raw: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> {
    const request = new ReportedRequest(kind, raw, response)
    const responded = await responder.respond(request)
    if ('allowed' in responded) {
      const ending = await endingOf(responded.allowed, kind.rejection?.(raw), request.id)
      observer.notForwarded({ outcome: ending.outcome, cause: causeOf(ending) }, responded)
      return sendAnswer(response, responder.answer(request, ending))
    }
    // The client presents its password with the next command as well, and gets the challenge then.
    sendAnswer(response, responded.status === 401 ? asUnavailable(responded) : responded)
  }

  async function endingOf(allowed: Allow, rejection: Rejection | undefined, id: string): Promise<Rejected> {
    const { act } = allowed
    if (act === undefined || rejection === undefined) return unauthorized
    const { presented, challenge } = rejection
    // Another request may have had the token renewed already.
    if (presented !== bearerOf(act)[1]) return tokenRejected
    try {
      const claims = claimsChallenge({ 'www-authenticate': challenge })
      const found = await options.delegation?.rejected(allowed, act, claims)
      if (typeof found !== 'string') return tokenRejected
      observer.signInNeeded(found, allowed, id)
      return signInNeeded(allowed, found)
    } catch (error) {
      if (!(error instanceof Outage)) throw error
      observer.outage(error)
      return { outcome: 'unavailable', part: error.part, retryAfter: bugRetryAfter }
    }
  }

  /** The answer that was decided earlier, now fetched for the client. */
  function answerOf(kind: ProxyKind | undefined, request: IncomingMessage): Answer {
    const context = { requestId: newRequestId(), publicUrl }
    if (kind === undefined) return answer({ outcome: 'no-account' }, context)
    if (!readClient(request).trusted) return answer(untrusted, context)
    const lost: Ending = { outcome: 'unavailable', part: 'gateway', retryAfter: lostRetryAfter }
    return kind.answer?.(request) ?? answer(lost, context)
  }

  function serve(response: ServerResponse): Soon<void> {
    const request = response.req
    const path = request.url ?? ''
    const kind = deciders.get(path)
    if (kind !== undefined) return judge(kind, request, response)
    const rejecting = rejections.get(path)
    if (rejecting !== undefined) return judgeRejection(rejecting, request, response)
    sendAnswer(response, answerOf(answerers.get(path), request))
  }

  return (_, response) => {
    response.sendDate = false // the proxy sets its own
    // A throw here would end the worker, and with it the public port.
    void whenDone(serve, over, broken, response)
  }

  function broken(error: unknown, response: ServerResponse): void {
    observer.bug(error, newRequestId())
    endPlainly(response)
  }
}

function causeOf(ending: Rejected): string {
  if (ending.outcome === 'upstream-failed') return ending.because
  return ending.outcome === 'sign-in-needed' ? ending.cause : ending.part
}

function over(): void {}

/** A request that a proxy holds, as the proxy has reported it. */
class ReportedRequest implements DoorRequest {
  readonly kind: ProxyKind
  readonly raw: IncomingMessage
  readonly response: ServerResponse
  readonly id = newRequestId()
  readonly method: string
  readonly target: string

  constructor(kind: ProxyKind, raw: IncomingMessage, response: ServerResponse) {
    const { method, target } = kind.original(raw)
    this.kind = kind
    this.raw = raw
    this.response = response
    this.method = method
    this.target = target
  }
}

/** Ends a request whose answer cannot be sent. nginx turns this, or the closed connection, into a 503. */
function endPlainly(response: ServerResponse): void {
  if (response.headersSent) response.destroy()
  else response.writeHead(503, { 'Content-Length': 0, 'Retry-After': bugRetryAfter }).end()
}

export interface ForwardAuthServer {
  /** Resolves with the port. Rejects with Node's error if it cannot listen. */
  listen(where: { readonly host: string; readonly port: number }): Promise<number>
  /** Waits for requests under way. */
  close(): Promise<void>
}

/** What is behind the port: it can be replaced while the port stays open. */
export interface BehindForwardAuth {
  readonly route: RequestListener
  readonly publicUrl: string
}

export function createForwardAuth(options: DoorOptions): BehindForwardAuth {
  return { route: createDoor(options), publicUrl: options.publicUrl }
}

/** A port with the same options for as long as it is open. */
export function createForwardAuthServer(
  options: DoorOptions & { readonly connections?: Connections },
): ForwardAuthServer {
  const { connections = new Connections(unbounded) } = options
  const behind = createForwardAuth(options)
  return createForwardAuthPort(connections, () => behind)
}

/**
 * The port for proxies that forward requests themselves and only need the decision. It is plain node:http, because a
 * router and its hooks would double the cost of a decision. `behind` is called for each request.
 */
export function createForwardAuthPort(
  connections: Connections,
  behind: () => BehindForwardAuth,
): ForwardAuthServer {
  const { headSeconds } = connections.limits
  const limits = {
    // Four times the default of proxies: the URL comes twice, and an answer may come back.
    maxHeaderSize: 128 * 1024,
    headersTimeout: headSeconds * 1000,
    connectionsCheckingInterval: Math.min(30_000, headSeconds * 250),
    // No body is read here (`server/port.ts`).
    optimizeEmptyRequests: true,
    // The gateway refuses a missing Host itself, with a text.
    requireHostHeader: false,
  }
  const server = createServer(
    limits,
    connections.inTurn((request, response) => behind().route(request, response)),
  )
  // As on the public port, only the size of the head is limited.
  server.maxHeadersCount = 0
  connections.watch(server)
  server.on('clientError', (error, duplex) => {
    const socket = duplex as Socket // no other kind comes from TCP
    answerMalformed({ error, socket, publicUrl: behind().publicUrl, end: each => each.destroySoon() })
  })
  return {
    async listen(where) {
      server.listen(where)
      await once(server, 'listening')
      return (server.address() as AddressInfo).port // listening on TCP: never null, never a pipe's name
    },
    close: () => closeGently(server),
  }
}
