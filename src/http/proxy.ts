import httpProxy from '@fastify/http-proxy'
import type { FastifyInstance } from 'fastify'
import type { Dispatcher } from 'undici'
import { markLetIn } from './connections/conversation.ts'
import type { Forward } from './forward.ts'
import { addGate, type GateOptions } from './gate.ts'

export interface ProxyOptions extends GateOptions {
  readonly agent: Dispatcher
  readonly forward: Forward
}

/**
 * The door to the upstreams: the gate, then @fastify/http-proxy, whose `preHandler` gives each request to `forward`.
 * Its own way of forwarding retries, buffers text and does not verify certificates; none of that is reached, nor the
 * three URLs that it would make of each path in case it leads out of a prefix, which is what `gateway/target.ts` judges.
 * The one route is `/`: `server.ts` rewrites every address but the reserved ones to it, so that no router decodes
 * or compares a path that the gateway alone should read.
 */
export async function proxy(app: FastifyInstance, { agent, forward, ...gate }: ProxyOptions): Promise<void> {
  addGate(app, gate)
  await app.register(httpProxy, {
    // Never asked: every account names its own upstream. The plugin insists on one.
    upstream: 'http://upstream.invalid',
    // Duck-typed there: it only looks for `request`.
    undici: agent as object,
    routes: ['/'],
    httpMethods: app.supportedMethods.filter(method => method !== 'TRACE' && method !== 'CONNECT'),
    preHandler(request, reply) {
      if (request.passage === null) throw new Error('a request came past the gate')
      markLetIn(request.raw)
      forward(request.raw, reply.raw, request.passage)
      reply.hijack()
    },
  })
}
