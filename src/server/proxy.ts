import httpProxy from '@fastify/http-proxy'
import type { FastifyInstance } from 'fastify'
import type { Dispatcher } from 'undici'
import { sendAnswer } from '../answers/answer.ts'
import type { Forward } from '../proxying/forward.ts'
import type { RequestContext } from '../proxying/headers.ts'
import { markLetIn } from './conversation.ts'
import type { Responder } from './responder.ts'

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
 * The door to the upstreams: the gate, then @fastify/http-proxy, whose `preHandler` gives each request to `forward`.
 * Its own way of forwarding retries, buffers text and does not verify certificates; none of that is reached, nor the
 * three URLs that it would make of each path in case it leads out of a prefix, which is what `gateway/ask.ts` judges.
 * The one route is `/`: `server.ts` rewrites every address but the reserved ones to it, so that no router decodes
 * or compares a path that the gateway alone should read.
 */
export async function proxy(
  app: FastifyInstance,
  { agent, forward, responder }: ProxyOptions,
): Promise<void> {
  addGate(app, responder)
  await app.register(httpProxy, {
    // Never asked: every account names its own upstream. The plugin insists on one.
    upstream: 'http://upstream.invalid',
    // Duck-typed there: it only looks for `request`.
    undici: agent as object,
    routes: ['/'],
    httpMethods: app.supportedMethods.filter(method => method !== 'TRACE' && method !== 'CONNECT'),
    preHandler(request, reply) {
      if (request.requestContext === null) throw new Error('a request came past the gate')
      markLetIn(request.raw)
      forward(request.raw, reply.raw, request.requestContext)
      reply.hijack()
    },
  })
}

/**
 * Decides before every route of this scope: no route runs, and nothing of a body is read, before the gateway has
 * allowed the request. Whatever it does not allow is answered here.
 */
function addGate(app: FastifyInstance, responder: Responder): void {
  app.decorateRequest('requestContext', null)
  app.addHook('onRequest', async (request, reply) => {
    const { raw, id, originalUrl: target } = request
    const response = reply.raw
    const responded = await responder.respond({ raw, response, id, method: raw.method ?? '', target })
    if ('allowed' in responded) return void (request.requestContext = responded)
    reply.hijack()
    sendAnswer(response, responded)
    return reply
  })
}
