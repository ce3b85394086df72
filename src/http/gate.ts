import type { FastifyInstance } from 'fastify'
import type { Gateway } from '../gateway/gateway.ts'
import type { Witness } from '../gateway/ports.ts'
import { answer } from './answer.ts'
import type { Ending } from './ending.ts'
import { readAsk } from './read-ask.ts'
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
  readonly publicUrl: string
  readonly readSender: ReadSender
}

/**
 * Puts the gate before every route of this scope: no route runs, and nothing of a body is read, before the gateway
 * has allowed the request. Whatever it does not allow is answered here.
 */
export function addGate(
  app: FastifyInstance,
  { gateway, witness, publicUrl, readSender }: GateOptions,
): void {
  app.decorateRequest('passage', null)
  app.addHook('onRequest', async (request, reply) => {
    const { raw, id } = request
    const end = (ending: Ending) => {
      reply.hijack()
      sendAnswer(reply.raw, answer(ending, { requestId: id, publicUrl }))
      return reply
    }

    const began = performance.now()
    const sender = readSender(raw)
    const ask = readAsk(raw, { id, target: request.originalUrl, sender })
    if ('outcome' in ask) return end(ask)

    const decision = await gateway.decide(ask)
    witness.saw(decision, ask, performance.now() - began)
    if (decision.outcome !== 'allow') return end(decision)
    request.passage = { allowed: decision, ask, sender }
  })
}
