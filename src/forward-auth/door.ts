import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { answer, type Answer, sendAnswer } from '../answers/answer.ts'
import type { Allow, UnclearTarget } from '../gateway/decision.ts'
import { slipsThroughNginx } from '../proxying/header-rules.ts'
import { withoutPageCookies } from '../proxying/headers.ts'
import { createClientReader, type LoadTest, type Client } from '../requests/client.ts'
import { type Ending, newRequestId } from '../requests/request.ts'
import { Connections, unbounded } from '../server/connections.ts'
import { createResponder, type DoorRequest, type ResponderOptions } from '../server/responder.ts'
import { answerMalformed } from '../server/unreadable.ts'
import { createCarriedAnswers, type ProxyKind, proxyKinds } from './proxies.ts'

interface DoorOptions extends Pick<ResponderOptions, 'gateway' | 'witness' | 'naming' | 'publicUrl'> {
  /** Addresses and CIDR ranges of the proxies that may ask; what they say about their clients is believed. */
  readonly trustedProxies: readonly string[]
  readonly loadTest?: LoadTest
  /** Who this is, for the upstream: names and values of headers, one after the other. */
  readonly identify: (allowed: Allow) => readonly string[]
  /** 32 bytes that every gateway with this store has: they seal the answers that a proxy brings back. */
  readonly answerKey: Uint8Array
  /** Milliseconds since 1970. */
  readonly now: () => number
  readonly observer: DoorObserver
}

interface DoorObserver {
  /** Somebody asked who is none of the trusted proxies. Must not throw. */
  untrusted(from: string, requestId: string): void
  /** A bug: the request was answered 503, and this is what was thrown. Must not throw. */
  bug(error: unknown, requestId: string): void
}

/** Seconds after which a caller should come again who met a bug, or whose answer was lost on the way. */
const bugRetryAfter = 5
const lostRetryAfter = 1

const untrusted: UnclearTarget = { outcome: 'unclear-target', flaw: 'untrusted-forwarder' }
const reserved: UnclearTarget = { outcome: 'unclear-target', flaw: 'reserved-header' }

/** Where the proxy sends a request is its own business; it is asked only what the account is called on this side. */
const behindTheProxy = 'http://behind.invalid'

/** The second door to the gateway: it forwards nothing, and tells a proxy what to do with a request that it holds back. */
function createDoor(options: DoorOptions): (request: IncomingMessage, response: ServerResponse) => void {
  const { publicUrl, identify, observer, now } = options
  const kinds = proxyKinds(createCarriedAnswers({ key: options.answerKey, now }))
  const deciders = new Map(Object.entries(kinds))
  const answerers = new Map(Object.values(kinds).map(kind => [kind.answerPath, kind]))
  const readClient = createClientReader(options.trustedProxies, options.loadTest)
  const responder = createResponder({ ...options, readClient, flawIn, upstream: behindTheProxy })

  async function judge(kind: ProxyKind, raw: IncomingMessage, response: ServerResponse): Promise<void> {
    const request = { raw, response, id: newRequestId(), ...kind.original(raw) }
    try {
      const responded = await responder.respond(request)
      if ('allowed' in responded) allow(request, responded.allowed)
      else kind.refuse(response, responded)
    } catch (error) {
      observer.bug(error, request.id)
      const bug: Ending = { outcome: 'unavailable', part: 'gateway', retryAfter: bugRetryAfter }
      kind.refuse(response, responder.answer(request, bug))
    }
  }

  /** What keeps the port from deciding at all. */
  function flawIn({ raw, id }: DoorRequest, { trusted, from }: Client): UnclearTarget | undefined {
    if (!trusted) {
      observer.untrusted(from, id)
      return untrusted
    }
    const slips = raw.rawHeaders.some((name, at) => at % 2 === 0 && slipsThroughNginx(name))
    return slips ? reserved : undefined
  }

  /** With what the proxy is to set on the request, in the place of whatever its client wrote there. */
  function allow({ raw, response, id }: DoorRequest, allowed: Allow): void {
    const headers = ['Content-Length', '0', 'X-Request-Id', id, ...identify(allowed)]
    // Browsers send the page's cookies with every path, and a proxy cannot take one out of a list.
    const { cookie } = raw.headers
    if (cookie !== undefined) headers.push('X-Altgate-Cookie', withoutPageCookies(cookie))
    response.writeHead(200, headers).end()
  }

  /** The answer that was decided before, now for the client. */
  function answerOf(kind: ProxyKind | undefined, request: IncomingMessage): Answer {
    const context = { requestId: newRequestId(), publicUrl }
    if (kind === undefined) return answer({ outcome: 'no-account' }, context)
    if (!readClient(request).trusted) return answer(untrusted, context)
    const lost: Ending = { outcome: 'unavailable', part: 'gateway', retryAfter: lostRetryAfter }
    return kind.answer?.(request) ?? answer(lost, context)
  }

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = request.url ?? ''
    const kind = deciders.get(path)
    if (kind !== undefined) await judge(kind, request, response)
    else sendAnswer(response, answerOf(answerers.get(path), request))
  }

  return (request, response) => {
    response.sendDate = false // the proxy has a clock of its own
    // A throw here would be an unhandled rejection, which ends the worker and the public port with it.
    serve(request, response).catch(error => {
      observer.bug(error, newRequestId())
      endPlainly(response)
    })
  }
}

/** The end of a request whose own answer cannot be sent: nginx makes a 503 of it, or of the cut connection. */
function endPlainly(response: ServerResponse): void {
  if (response.headersSent) response.destroy()
  else response.writeHead(503, { 'Content-Length': 0, 'Retry-After': bugRetryAfter }).end()
}

export interface ForwardAuthServer {
  /** Gives the port that it listens on. Throws what Node throws if it cannot. */
  listen(where: { readonly host: string; readonly port: number }): Promise<number>
  /** Lets what is under way come to its end. */
  close(): Promise<void>
}

/**
 * The port for proxies that forward by themselves and want the decision alone. It is plain node:http: a router and its
 * hooks would cost as much again as the decision.
 */
export function createForwardAuthServer(
  options: DoorOptions & { readonly connections?: Connections },
): ForwardAuthServer {
  const { connections = new Connections(unbounded) } = options
  const { headSeconds, idleSeconds } = connections.limits
  const limits = {
    // Four times what a proxy passes on by default: the address comes twice, and an answer may come back.
    maxHeaderSize: 128 * 1024,
    headersTimeout: headSeconds * 1000,
    connectionsCheckingInterval: Math.min(30_000, headSeconds * 250),
    // Longer than proxies keep theirs: whoever closes first can cut off a request that has just been sent.
    keepAliveTimeout: idleSeconds * 1000,
    // A missing Host is told with a text.
    requireHostHeader: false,
  }
  const server = createServer(limits, connections.inTurn(createDoor(options)))
  // As at the public port: the size of the head is the limit.
  server.maxHeadersCount = 0
  connections.watch(server)
  server.on('clientError', (error, duplex) => {
    const socket = duplex as Socket // no other kind comes from TCP
    answerMalformed({ error, socket, publicUrl: options.publicUrl, end: each => each.destroySoon() })
  })
  return {
    async listen(where) {
      server.listen(where)
      await once(server, 'listening')
      return (server.address() as AddressInfo).port // listening on TCP: never null, never a pipe's name
    },
    async close() {
      const closed = once(server, 'close')
      server.close()
      // Node ends idle connections once; those that fall idle later would be waited for until they time out.
      const sweep = setInterval(() => server.closeIdleConnections(), 50)
      await closed
      clearInterval(sweep)
    },
  }
}
