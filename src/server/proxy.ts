import httpProxy from '@fastify/http-proxy'
import type { FastifyInstance, FastifyReply, FastifyRequest, HookHandlerDoneFunction } from 'fastify'
import type { IncomingMessage } from 'node:http'
import type { Dispatcher } from 'undici'
import { type Answer, sendAnswer } from '../answers/answer.ts'
import { whenDone } from '../gateway/soon.ts'
import type { Forward } from '../proxying/forward.ts'
import type { RequestContext } from '../proxying/headers.ts'
import { type BodyFinding, type BodyLook, readBodyStart } from '../requests/body-start.ts'
import { markAllowed } from './conversation.ts'
import type { DoorRequest, Responder } from './responder.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** Set on a request that is allowed; `null` before it. */
    requestContext: RequestContext | null
  }
}

interface ProxyOptions {
  readonly agent: Dispatcher
  readonly forward: Forward
  readonly responder: Responder
}

/**
 * The door to the upstreams: the decision, then @fastify/http-proxy, whose `preHandler` gives each request to `forward`.
 * The plugin's own forwarding retries, buffers text and does not verify certificates; none of it is reached, nor its
 * check of the path against a prefix, which `gateway/ask.ts` does. The only route is `/`: `server.ts` rewrites every URL
 * but the reserved ones to it, so that no router decodes or compares a path that only the gateway should parse.
 */
export async function proxy(
  app: FastifyInstance,
  { agent, forward, responder }: ProxyOptions,
): Promise<void> {
  addDecisionHook(app, responder)
  await app.register(httpProxy, {
    // Required by the plugin, but never used: every account has its own upstream.
    upstream: 'http://upstream.invalid',
    // The plugin only checks for `request`.
    undici: agent as object,
    routes: ['/'],
    httpMethods: app.supportedMethods.filter(method => method !== 'TRACE' && method !== 'CONNECT'),
    preHandler(request, reply) {
      if (request.requestContext === null) throw new Error('a request reached forwarding without a decision')
      markAllowed(request.raw)
      forward(request.raw, reply.raw, request.requestContext)
      reply.hijack()
    },
  })
}

/**
 * Decides before every route of this scope: no route runs, and no body is read, before the gateway has allowed the
 * request or needs to see what it does. All other requests are answered here. A decision from memory waits for nothing, so
 * the hook has a callback instead of a promise.
 */
function addDecisionHook(app: FastifyInstance, responder: Responder): void {
  app.decorateRequest('requestContext', null)
  const respond = (asked: ProxiedRequest) => responder.respond(asked)
  app.addHook('onRequest', (request, reply, done) => {
    void whenDone(respond, goOn, fail, new ProxiedRequest(request, reply, done))
  })
}

function goOn(responded: RequestContext | Answer, { request, reply, done }: ProxiedRequest): void {
  if ('allowed' in responded) {
    request.requestContext = responded
    return done()
  }
  reply.hijack()
  sendAnswer(reply.raw, responded)
}

function fail(error: unknown, { done }: ProxiedRequest): void {
  done(error instanceof Error ? error : new Error(String(error)))
}

/** One request at this door. */
class ProxiedRequest implements DoorRequest {
  readonly raw: IncomingMessage
  readonly id: string
  readonly method: string
  readonly target: string
  readonly request: FastifyRequest
  readonly reply: FastifyReply
  /** Goes on to the route. */
  readonly done: HookHandlerDoneFunction

  constructor(request: FastifyRequest, reply: FastifyReply, done: HookHandlerDoneFunction) {
    const { raw, id, originalUrl } = request
    this.raw = raw
    this.id = id
    this.method = raw.method ?? ''
    this.target = originalUrl
    this.request = request
    this.reply = reply
    this.done = done
  }

  /** It is asked for only after the password was found right. */
  readBody<T>(look: BodyLook<T>): Promise<BodyFinding<T>> {
    markAllowed(this.raw)
    return readBodyStart(this.raw, this.reply.raw, look)
  }
}
