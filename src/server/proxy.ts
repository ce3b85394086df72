import httpProxy from '@fastify/http-proxy'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Dispatcher } from 'undici'
import { type Answer, answerTo, movedMeanwhile, putOff, sendAnswer } from '../answers/answer.ts'
import type { Naming } from '../gateway/account.ts'
import type { Ask } from '../gateway/ask.ts'
import type { Allow, Decision } from '../gateway/decision.ts'
import type { Gateway } from '../gateway/gateway.ts'
import type { Witness } from '../gateway/ports.ts'
import { upstreamRouteOf } from '../proxying/addresses.ts'
import type { Forward } from '../proxying/forward.ts'
import type { RequestContext } from '../proxying/headers.ts'
import { mayRest, restAfter } from '../requests/bodies.ts'
import type { ReadClient, Client } from '../requests/client.ts'
import { type Ending, readAsk } from '../requests/request.ts'
import { markLetIn } from './conversation.ts'

interface ProxyOptions extends GateOptions {
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
      if (request.context === null) throw new Error('a request came past the gate')
      markLetIn(request.raw)
      forward(request.raw, reply.raw, request.context)
      reply.hijack()
    },
  })
}

declare module 'fastify' {
  interface FastifyRequest {
    /** Set by the gate on an allowed request; `null` before it. */
    context: RequestContext | null
  }
}

interface GateOptions {
  readonly gateway: Gateway
  readonly witness: Witness
  readonly naming: Naming
  readonly publicUrl: string
  readonly readClient: ReadClient
}

/**
 * Puts the gate before every route of this scope: no route runs, and nothing of a body is read, before the gateway
 * has allowed the request. Whatever it does not allow is answered here.
 */
function addGate(
  app: FastifyInstance,
  { gateway, witness, naming, publicUrl, readClient }: GateOptions,
): void {
  app.decorateRequest('passage', null)
  app.addHook('onRequest', async (request, reply) => {
    const { raw, id } = request
    const began = performance.now()
    const client = readClient(raw)
    const ask = readAsk(raw, { id, target: request.originalUrl, client, publicUrl })
    if ('outcome' in ask) return send(reply, told(request, ask))

    const context = embark(await gateway.decide(ask), { ask, client, rawHeaders: raw.rawHeaders })
    const decision = 'outcome' in context ? context : context.allowed
    witness.saw(decision, ask, performance.now() - began)
    if (!('outcome' in context)) return void (request.context = context)
    if (decision.outcome === 'throttled' && mayRest(client)) restAfter(reply.raw)
    const answer = told(request, context)
    return send(reply, movedMeanwhile(context, ask) ? putOff(answer) : answer)
  })

  /** What leads out of its account is not allowed after all. */
  function embark(
    decision: Decision,
    asked: { readonly ask: Ask; readonly client: Client; readonly rawHeaders: readonly string[] },
  ): RequestContext | Exclude<Decision, Allow> {
    if (decision.outcome !== 'allow') return decision
    const route = upstreamRouteOf(asked, decision.account.upstream, { naming, publicUrl })
    if ('outcome' in route && route.outcome === 'unclear-target') return route
    return { allowed: decision, ask: asked.ask, client: asked.client, route }
  }

  function told({ originalUrl, raw, id }: FastifyRequest, ending: Ending): Answer {
    const asking = { target: originalUrl, rawHeaders: raw.rawHeaders }
    return answerTo(asking, ending, { requestId: id, publicUrl, naming })
  }
}

function send(reply: FastifyReply, whole: Answer): FastifyReply {
  reply.hijack()
  sendAnswer(reply.raw, whole)
  return reply
}
