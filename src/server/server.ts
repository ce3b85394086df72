import type { IncomingMessage, Server } from 'node:http'
import { Readable } from 'node:stream'
import fastify, {
  type FastifyInstance,
  type FastifyPluginAsync,
  type FastifyReply,
  type FastifyRequest,
  type RequestPayload,
} from 'fastify'
import { sendAnswer } from '../answers/answer.ts'
import type { AnswerBrand } from '../answers/dialects.ts'
import { METHODS } from '../engine/http.ts'
import type { Naming } from '../gateway/account.ts'
import type { Delegation } from '../gateway/delegation.ts'
import type { Gateway } from '../gateway/gateway.ts'
import type { Witness } from '../gateway/ports.ts'
import type { Authorize } from '../gateway/upstream-auth.ts'
import { FairShares } from '../proxying/fair-shares.ts'
import { createForward } from '../proxying/forward.ts'
import type { LfsOptions } from '../proxying/lfs.ts'
import type { MoveTeller } from '../proxying/move-teller.ts'
import { createUpstreamAgents, type UpstreamOptions } from '../proxying/upstream-connections.ts'
import type { UpstreamObserver } from '../proxying/upstream-reports.ts'
import { hasBody } from '../requests/bodies.ts'
import { createClientReader, type LoadTest } from '../requests/client.ts'
import type { RefusedBodies } from '../requests/refused-bodies.ts'
import { type Ending, isReserved, newRequestId, routeOf } from '../requests/request.ts'
import { Connections, unbounded } from './connections.ts'
import { type Behind, createPublicPort, type PortOptions } from './port.ts'
import { proxy } from './proxy.ts'
import { createResponder, delayThrottled } from './responder.ts'

export interface PublicServerOptions {
  readonly gateway: Gateway
  readonly witness: Witness
  readonly naming: Naming
  /** The public URL of the gateway, without a trailing slash. */
  readonly publicUrl: string
  /** Whose gateway browsers are told that it is. Left out: Altgate's. */
  readonly brand?: AnswerBrand | undefined
  /** Addresses and CIDR ranges whose `X-Forwarded-*` are trusted. */
  readonly trustedProxies: readonly string[]
  /** Left out: there is no load test. */
  readonly loadTest?: LoadTest
  readonly upstream: UpstreamOptions
  readonly refusedBodies: RefusedBodies
  /** What an address is counted under: itself, or its network. */
  readonly networkOf: (address: string) => string
  /** How the upstreams learn who the user is. */
  readonly authorize: Authorize
  /** Left out: no request acts as its user. */
  readonly delegation?: Delegation | undefined
  /** The keys at `/_altgate/keys`; left out: no key set is published. */
  readonly publicKeys?: KeySetOptions['publicKeys'] | undefined
  /** How the tokens of LFS servers are sealed. Left out: with a key of this process, for a day. */
  readonly lfs?: LfsOptions
  /** Left out: users are not told of planned moves. */
  readonly moves?: MoveTeller
  readonly observer: UpstreamObserver
  /** PEM; turns HTTPS on. */
  readonly tls?: { readonly cert: string; readonly key: string }
  /** Shared with the other ports of the process. Left out: unlimited. */
  readonly connections?: Connections
  /** Gives the routes to a port, and returns the server that Fastify is to hold. Left out: a port of its own. */
  readonly place?: (behind: Behind, options: Omit<PortOptions, 'behind'>) => Server
  /** The plugin below `/_altgate`. Left out: there is no page. */
  readonly selfService?: FastifyPluginAsync
  /** The plugin at `/_altgate/api/v1`. Left out: there is no API. */
  readonly api?: FastifyPluginAsync | undefined
  /** Where the metadata of its authorization server is asked for; `host` left out: on any host. */
  readonly metadataAt?: { readonly path: string; readonly host?: string }
}

/** Where there is one app for as long as the port is open. */
function onPortOfItsOwn(behind: Behind, options: Omit<PortOptions, 'behind'>): Server {
  return createPublicPort({ ...options, behind: () => behind })
}

/** The public port. It does not listen yet; `close` waits for requests under way. */
export function createPublicServer(options: PublicServerOptions): FastifyInstance {
  const { gateway, witness, naming, publicUrl, observer, selfService, api, authorize, publicKeys } = options
  const { connections = new Connections(unbounded), metadataAt } = options
  const agents = createUpstreamAgents(options.upstream)
  const readClient = createClientReader(options.trustedProxies, options.loadTest)
  const { networkOf, place = onPortOfItsOwn } = options
  const hasPage = selfService !== undefined
  const responder = createResponder({
    gateway,
    witness,
    naming,
    publicUrl,
    readClient,
    hasPage,
    brand: options.brand,
  })
  const clientOf = (request: IncomingMessage) => networkOf(readClient(request).from)
  const end = (reply: FastifyReply, ending: Ending): void => {
    reply.hijack()
    if (reply.raw.headersSent) reply.raw.destroy()
    else {
      const { id, originalUrl: target, raw } = reply.request
      sendAnswer(reply.raw, responder.answer({ raw, id, target }, ending))
    }
  }

  const isForMetadata = (request: IncomingMessage): boolean => {
    const { url = '' } = request
    if (metadataAt === undefined || !url.startsWith(metadataAt.path)) return false
    if (url.length > metadataAt.path.length && url[metadataAt.path.length] !== '?') return false
    return metadataAt.host === undefined || readClient(request).host.toLowerCase() === metadataAt.host
  }

  const app = fastify({
    serverFactory: route => place({ route, publicUrl, clientOf, networkOf }, { ...options, connections }),
    genReqId: newRequestId,
    rewriteUrl: request => (isForMetadata(request) ? '/_altgate/oauth/metadata' : routeOf(request)),
    clientErrorHandler() {}, // `port.ts` has its own
    frameworkErrors: (_error, _request, reply) =>
      end(reply, { outcome: 'unclear-target', flaw: 'bad-escape' }),
    schemaController: { compilersFactory: noSchemas },
    // A user name has 320 characters, each of which may be three escaped bytes in a path of the API.
    routerOptions: { maxParamLength: 3000 },
    // While the server closes, requests on open connections are still served, and then the connections close.
    return503OnClosing: false,
  })
  app.setErrorHandler((error, request, reply) => {
    if (isCallersFault(error)) return end(reply, { outcome: 'unclear-target', flaw: 'malformed' })
    observer.bug(error, request.id)
    end(reply, { outcome: 'unavailable', part: 'gateway', retryAfter: bugRetryAfter })
  })
  app.setNotFoundHandler((request, reply) =>
    end(
      reply,
      isReserved(request.originalUrl)
        ? { outcome: 'no-account' }
        : { outcome: 'not-allowed', cause: 'method' },
    ),
  )
  // All methods that Node's parser knows, including WebDAV's. Fastify parses only bodies of POST, for the page's forms;
  // in the proxy they are streams like all others.
  for (const method of METHODS)
    if (method !== 'POST') app.addHttpMethod(method, { hasBody: false, overrideExisting: true })
  // The responder delays the answers to requests that it throttles. This is for the page's 429.
  app.addHook('onSend', async (request, reply) => {
    if (reply.statusCode === 429) await delayThrottled(readClient(request.raw))
  })
  if (publicKeys !== undefined) app.register(keySet, { prefix: '/_altgate', publicKeys })
  app.removeAllContentTypeParsers()
  app.register(async ours => {
    ours.addHook('preParsing', emptyWithoutBody)
    if (selfService !== undefined) ours.register(selfService, { prefix: '/_altgate' })
    if (api !== undefined) ours.register(api, { prefix: '/_altgate/api/v1' })
  })
  const shares = sharesOf(options.upstream)
  const forward = createForward({
    agents,
    shares,
    authorize,
    naming,
    publicUrl,
    answer: responder.answer,
    observer,
    ...(options.delegation && { delegation: options.delegation }),
    ...(options.lfs && { lfs: options.lfs }),
    ...(options.moves && { moves: options.moves }),
  })
  app.register(proxy, { agent: agents.fresh, forward, responder })
  endGently(app)
  app.addHook('onClose', async () => void (await Promise.all([agents.kept.close(), agents.fresh.close()])))
  return app
}

/** Requests of one user that may wait for one upstream. More than this is a client error. */
const mostWaiting = 1000

function sharesOf({ connectionsPerOrigin: perOrigin, connectionsPerUser }: UpstreamOptions): FairShares {
  const perUser = connectionsPerUser === 'auto' ? Math.ceil(perOrigin / 2) : connectionsPerUser
  return new FairShares({ perOrigin, perUser, waiting: mostWaiting })
}

/** Routes with a schema, those of the API, bring compilers: those that Fastify would load cost ten megabytes in every worker. */
const noSchemas = { buildValidator: neverAsked, buildSerializer: neverAsked }

function neverAsked(): never {
  throw new Error('a route has a schema, but the server has no schema compiler')
}

/** Fastify's parsers wait for the end of a body, which nothing tells where there is none (`port.ts`). */
function emptyWithoutBody(
  { raw }: FastifyRequest,
  _: FastifyReply,
  body: RequestPayload,
  done: (error: null, body: RequestPayload) => void,
): void {
  done(null, hasBody(raw) ? body : Readable.from([]))
}

/** `closeGently` for a port that Fastify closes. */
function endGently(app: FastifyInstance): void {
  let sweep: NodeJS.Timeout | undefined
  app.addHook('preClose', async () => {
    sweep = setInterval(() => app.server.closeIdleConnections(), 50)
  })
  app.addHook('onClose', async () => clearInterval(sweep))
}

/** Seconds after which a client should retry after a bug. */
const bugRetryAfter = 5

function isCallersFault(error: unknown): boolean {
  const status = error instanceof Error && 'statusCode' in error ? error.statusCode : undefined
  return typeof status === 'number' && status >= 400 && status < 500
}

interface KeySetOptions {
  /** Keys as a JSON Web Key Set has them (RFC 7517). */
  readonly publicKeys: () => readonly object[]
}

/** Seconds for which the set may be cached. A key is published at least a day before it is used. */
const maxAge = 3600

/** `keys`: the public keys with which upstreams verify the gateway's assertions. They need no password. */
async function keySet(app: FastifyInstance, { publicKeys }: KeySetOptions): Promise<void> {
  app.get(
    '/keys',
    async (_, reply) =>
      reply
        .header('Cache-Control', `public, max-age=${maxAge}`)
        .type('application/jwk-set+json')
        .send(Buffer.from(JSON.stringify({ keys: publicKeys() }))), // Fastify would add a charset to text
  )
}
