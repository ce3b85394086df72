import { type FastifyInstance, fastify } from 'fastify'
import type { ServerResponse } from 'node:http'
import type { Dispatcher } from 'undici'
import { createServer, METHODS } from '../../../src/engine/http.ts'
import { RequestHeaders } from '../../../src/gateway/ask.ts'
import type { Gateway } from '../../../src/gateway/gateway.ts'
import type { Witness } from '../../../src/gateway/ports.ts'
import { FairShares } from '../../../src/proxying/fair-shares.ts'
import { createForward, type Forward } from '../../../src/proxying/forward.ts'
import { type RequestContext, upstreamHeaders } from '../../../src/proxying/headers.ts'
import { createUpstreamAgents, type UpstreamAgents } from '../../../src/proxying/upstream-connections.ts'
import { createClientReader } from '../../../src/requests/client.ts'
import { newRequestId, routeOf } from '../../../src/requests/request.ts'
import { proxy } from '../../../src/server/proxy.ts'
import { createResponder, type Responder } from '../../../src/server/responder.ts'
import { account } from '../people.ts'
import { answerBytes } from '../upstream.ts'
import {
  allowedAt,
  listen,
  nobody,
  openStepServices,
  openWitnesses,
  type Serving,
  type Step,
  type StepParts,
} from './parts.ts'
import { PlainSockets } from './plain-sockets.ts'

/** What an upstream is told, until a step finds it out. */
const told = Object.entries({
  'X-Forwarded-For': '127.0.0.1',
  'X-Forwarded-Proto': 'http',
  'X-Forwarded-Host': '127.0.0.1:8080',
  'X-Request-Id': '0123456789abcdef01234567',
  'X-Forwarded-User': 'anna@example.com',
  'X-Altgate-Account': 'fabrikam',
  'X-Altgate-Scope': 'msa',
  'X-Altgate-Subject': '01234567-89ab-cdef-0123-456789abcdef',
}).flat()

const own = new Set(['host', 'authorization', 'connection'])

function travelling(raw: readonly string[]): string[] {
  const headers: string[] = []
  for (let at = 0; at < raw.length; at += 2)
    if (!own.has(raw[at]?.toLowerCase() ?? '')) headers.push(raw[at] ?? '', raw[at + 1] ?? '')
  headers.push(...told)
  return headers
}

async function answering(): Promise<Serving> {
  const body = 'a'.repeat(answerBytes)
  const headers = ['Content-Type', 'text/plain', 'Content-Length', String(answerBytes)]
  return await listen(
    createServer((_, response) => void response.writeHead(200, headers).end(body, 'latin1')),
  )
}

/** Forwards over plain sockets, without a look at the request: the floor. */
export async function overSockets({ upstream }: Pick<StepParts, 'upstream'>): Promise<Serving> {
  const sockets = new PlainSockets(upstream)
  return await listen(
    // The callers keep their connections for longer than Node would.
    createServer({ keepAliveTimeout: 0 }, ({ method = '', url = '', rawHeaders }, response) =>
      sockets.forward(method, url, travelling(rawHeaders), response),
    ),
  )
}

/** Forwards what no step has looked at. */
function forwardPlainly(upstream: string): Forward {
  const sockets = new PlainSockets(upstream)
  return ({ method = '', url = '', rawHeaders }, response) =>
    sockets.forward(method, url, travelling(rawHeaders), response)
}

/** The proxy's scope in Fastify, as `server.ts` makes it. */
async function framework(
  responder: Responder,
  forward: Forward,
  ...after: readonly (() => unknown)[]
): Promise<Serving> {
  const server = createServer()
  const app: FastifyInstance = fastify({
    serverFactory: route => server.on('request', route),
    genReqId: newRequestId,
    rewriteUrl: routeOf,
  })
  for (const method of METHODS)
    if (method !== 'POST') app.addHttpMethod(method, { hasBody: false, overrideExisting: true })
  const agents = createUpstreamAgents(upstreamOptions)
  app.register(proxy, { agent: agents.fresh, forward, responder })
  await app.ready()
  return await listen(server, ...after)
}

const upstreamOptions = {
  connectTimeoutSeconds: 5,
  headersTimeoutSeconds: 60,
  idleTimeoutSeconds: 60,
  connectionsPerOrigin: 256,
  connectionsPerUser: 'auto',
  keepAliveSeconds: 4,
  maxHeaderBytes: 65_536,
} as const

/** Allows every request, without a look at it. */
function unread(upstream: string): Responder {
  const peer = { from: '127.0.0.1', secure: false, host: '127.0.0.1:8080', lane: 'production' } as const
  const target = `/${account}/hello`
  const destination = { origin: upstream, path: target, outer: '', inner: '' }
  const context: RequestContext = {
    allowed: allowedAt(upstream),
    ask: { ...peer, id: '', method: 'GET', target, headers: new RequestHeaders([]), authorization: [] },
    client: { ...peer, port: '', forwardedFor: peer.from, trusted: false },
    route: { mapping: { target, address: `http://${peer.host}`, destination }, headers: [] },
  }
  return {
    respond: async () => context,
    answer() {
      throw new Error('every request is allowed')
    },
  }
}

function responderWith({ settings }: StepParts, gateway: Gateway, witness: Witness): Responder {
  const readClient = createClientReader(settings.trustedProxies, settings.throttle.loadTest)
  const { publicUrl, accounts } = settings
  return createResponder({ gateway, witness, naming: accounts.naming, publicUrl, readClient })
}

async function reading(parts: StepParts): Promise<Serving> {
  const allowed = allowedAt(parts.upstream)
  const responder = responderWith(parts, { decide: async () => allowed }, nobody)
  return await framework(responder, forwardPlainly(parts.upstream))
}

async function deciding(parts: StepParts): Promise<Serving> {
  const services = await openStepServices(parts.settings)
  const responder = responderWith(parts, services.gateway, nobody)
  return await framework(responder, forwardPlainly(parts.upstream), () => services.close())
}

/** With the decision, its witnesses, and a way to the upstream. */
async function witnessed(
  parts: StepParts,
  forwardWith: (given: {
    readonly services: Awaited<ReturnType<typeof openStepServices>>
    readonly responder: Responder
  }) => Forward,
): Promise<Serving> {
  const services = await openStepServices(parts.settings)
  const seen = openWitnesses(parts.settings, services)
  const responder = responderWith(parts, services.gateway, seen.witness)
  const close = async () => {
    await seen.close()
    await services.close()
  }
  return await framework(responder, forwardWith({ services, responder }), close)
}

/** The header list for the upstream, and where it goes. */
function headersUp(
  context: RequestContext,
  { upstreamAuth }: Awaited<ReturnType<typeof openStepServices>>,
): { readonly headers: string[]; readonly origin: string; readonly path: string } {
  const { route } = context
  if ('outcome' in route) throw new Error('the upstream has no address')
  const { destination } = route.mapping
  const identity = upstreamAuth.authorize(context, destination)
  if (identity instanceof Promise) throw new Error('nothing has to be waited for')
  return { ...destination, headers: upstreamHeaders(route.headers, context, identity) }
}

function withHeadersUp(parts: StepParts): Promise<Serving> {
  const sockets = new PlainSockets(parts.upstream)
  return witnessed(parts, ({ services }) => (_, response, context) => {
    const { headers, path } = headersUp(context, services)
    sockets.forward(context.ask.method, path, headers, response)
  })
}

function overConnections(parts: StepParts): Promise<Serving> {
  const agents = createUpstreamAgents(parts.settings.upstream)
  return witnessed(parts, ({ services }) => (_, response, context) => {
    const method = context.ask.method as Dispatcher.HttpMethod // as in forward.ts
    const whole = { ...headersUp(context, services), method, body: null }
    agents.kept.dispatch(whole, new SmallHandler(response))
  })
}

/** The least that handles an answer. */
class SmallHandler implements Dispatcher.DispatchHandler {
  readonly #response: ServerResponse
  #body = ''

  constructor(response: ServerResponse) {
    this.#response = response
  }

  onRequestStart(): void {}

  onResponseStart({ rawHeaders }: Dispatcher.DispatchController, status: number): void {
    const raw = rawHeaders as readonly string[] // this leg gives them as they came, as text
    const headers: string[] = []
    for (let at = 0; at < raw.length; at += 2)
      if (raw[at]?.toLowerCase() !== 'connection') headers.push(raw[at] ?? '', raw[at + 1] ?? '')
    this.#response.writeHead(status, headers)
  }

  onResponseData(_: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#body += chunk.toString('latin1')
  }

  onResponseEnd(): void {
    this.#response.end(this.#body, 'latin1')
  }

  onResponseError(): void {
    this.#response.destroy()
  }
}

function withHeadersDown(parts: StepParts): Promise<Serving> {
  const { settings } = parts
  const agents: UpstreamAgents = createUpstreamAgents(settings.upstream)
  return witnessed(parts, ({ services, responder }) =>
    createForward({
      agents,
      shares: new FairShares({ perOrigin: 256, perUser: 128, waiting: 1000 }),
      authorize: services.upstreamAuth.authorize,
      naming: settings.accounts.naming,
      publicUrl: settings.publicUrl,
      answer: responder.answer,
      observer: {
        upstreamAnswered() {},
        upstreamFailed() {},
        signInNeeded() {},
        upstreamCrowded() {},
        outage() {},
        bug() {},
      },
    }),
  )
}

/** The way of a proxied request, from Node's server to all but what only a worker has. */
export const proxiedSteps: readonly Step[] = [
  { adds: 'node:http that answers by itself', serve: answering },
  { adds: 'forwarding over plain sockets', serve: overSockets },
  {
    adds: 'Fastify',
    serve: ({ upstream }) => framework(unread(upstream), forwardPlainly(upstream)),
  },
  { adds: 'reading what is asked', serve: reading },
  { adds: 'the decision, from memory', serve: deciding },
  {
    adds: 'audit line, metrics, last use',
    serve: parts => witnessed(parts, () => forwardPlainly(parts.upstream)),
  },
  { adds: 'headers for the upstream', serve: withHeadersUp },
  { adds: 'our connections in place of the sockets', serve: overConnections },
  { adds: 'screening and headers of the answer', serve: withHeadersDown },
]
