import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Naming } from '../gateway/account.ts'
import type { Gateway } from '../gateway/gateway.ts'
import type { Witness } from '../gateway/ports.ts'
import { answerTo, type Answer } from './answer.ts'
import { movedMeanwhile, putOff } from './during-a-push.ts'
import type { Ending } from './ending.ts'
import { readAsk } from './read-ask.ts'
import { mayRest, restAfter } from './rest.ts'
import { sendAnswer } from './send-answer.ts'
import type { ReadSender } from './sender.ts'
import type { Passage } from './upstream-headers.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** Set by the gate on an allowed request; `null` before it. */
    passage: Passage | null
  }
}

export interface GateOptions {
  readonly gateway: Gateway
  readonly witness: Witness
  readonly naming: Naming
  readonly publicUrl: string
  readonly readSender: ReadSender
}

/**
 * Puts the gate before every route of this scope: no route runs, and nothing of a body is read, before the gateway
 * has allowed the request. Whatever it does not allow is answered here.
 */
export function addGate(
  app: FastifyInstance,
  { gateway, witness, naming, publicUrl, readSender }: GateOptions,
): void {
  app.decorateRequest('passage', null)
  app.addHook('onRequest', async (request, reply) => {
    const { raw, id } = request
    const began = performance.now()
    const sender = readSender(raw)
    const ask = readAsk(raw, { id, target: request.originalUrl, sender, publicUrl })
    if ('outcome' in ask) return send(reply, told(request, ask))

    const decision = await gateway.decide(ask)
    witness.saw(decision, ask, performance.now() - began)
    if (decision.outcome === 'throttled' && mayRest(sender)) restAfter(reply.raw)
    if (decision.outcome !== 'allow') {
      const answer = told(request, decision)
      return send(reply, movedMeanwhile(decision, ask) ? putOff(answer) : answer)
    }
    request.passage = { allowed: decision, ask, sender }
  })

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
