import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { answer, type Answer, answerTo, movedMeanwhile, putOff, sendAnswer } from '../answers/answer.ts'
import type { Naming } from '../gateway/account.ts'
import type { Ask } from '../gateway/ask.ts'
import type { Allow, Decision, UnclearTarget } from '../gateway/decision.ts'
import type { Gateway } from '../gateway/gateway.ts'
import type { Witness } from '../gateway/ports.ts'
import { upstreamRouteOf } from '../proxying/addresses.ts'
import { slipsThroughNginx } from '../proxying/header-rules.ts'
import { withoutPageCookies } from '../proxying/headers.ts'
import { createClientReader, type LoadTest, type Client } from '../requests/client.ts'
import { type Ending, newRequestId, readAsk } from '../requests/request.ts'
import { Connections, unbounded } from '../server/connections.ts'
import { answerMalformed } from '../server/unreadable.ts'
import { createCarriedAnswers, type ProxyKind, proxyKinds } from './proxies.ts'

interface DoorOptions {
  readonly gateway: Gateway
  readonly witness: Witness
  readonly naming: Naming
  /** How people reach the gateway, without a trailing slash. */
  readonly publicUrl: string
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
  const { gateway, witness, naming, publicUrl, identify, observer, now } = options
  const kinds = proxyKinds(createCarriedAnswers({ key: options.answerKey, now }))
  const deciders = new Map(Object.entries(kinds))
  const answerers = new Map(Object.values(kinds).map(kind => [kind.answerPath, kind]))
  const readClient = createClientReader(options.trustedProxies, options.loadTest)

  async function judge(kind: ProxyKind, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const began = performance.now()
    const id = newRequestId()
    const { method, target } = kind.original(request)
    const told = (ending: Ending) =>
      answerTo({ target, rawHeaders: request.rawHeaders }, ending, { requestId: id, publicUrl, naming })
    try {
      const client = readClient(request)
      const read = readAsk(request, { id, target, client, publicUrl })
      if ('outcome' in read) return kind.refuse(response, told(read))

      const ask: Ask = { ...read, method }
      if (!client.trusted) observer.untrusted(ask.from, id)
      const decided: Decision = flawIn(request, client) ?? (await gateway.decide(ask))
      const decision = (decided.outcome === 'allow' && leadingOut(ask, client, request)) || decided
      witness.saw(decision, ask, performance.now() - began)
      if (decision.outcome === 'allow') return allow(request, response, decision, id)
      kind.refuse(response, movedMeanwhile(decision, ask) ? putOff(told(decision)) : told(decision))
    } catch (error) {
      observer.bug(error, id)
      kind.refuse(response, told({ outcome: 'unavailable', part: 'gateway', retryAfter: bugRetryAfter }))
    }
  }

  /** Whether an address in the request's headers leads out of the account: the proxy would not look at it. */
  function leadingOut(ask: Ask, client: Client, { rawHeaders }: IncomingMessage): UnclearTarget | undefined {
    const route = upstreamRouteOf({ ask, client, rawHeaders }, behindTheProxy, { naming, publicUrl })
    return 'outcome' in route && route.outcome === 'unclear-target' ? route : undefined
  }

  /** With what the proxy is to set on the request, in the place of whatever its client wrote there. */
  function allow(request: IncomingMessage, response: ServerResponse, allowed: Allow, id: string): void {
    const headers = ['Content-Length', '0', 'X-Request-Id', id, ...identify(allowed)]
    // Browsers send the page's cookies with every path, and a proxy cannot take one out of a list.
    const { cookie } = request.headers
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

/** What keeps the port from deciding at all. */
function flawIn({ rawHeaders }: IncomingMessage, { trusted }: Client): UnclearTarget | undefined {
  if (!trusted) return untrusted
  return rawHeaders.some((name, at) => at % 2 === 0 && slipsThroughNginx(name)) ? reserved : undefined
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
