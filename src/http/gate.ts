import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Naming } from '../gateway/account.ts'
import type { Ask } from '../gateway/ask.ts'
import type { Allow, Decision } from '../gateway/decision.ts'
import type { Gateway } from '../gateway/gateway.ts'
import type { Witness } from '../gateway/ports.ts'
import { courseOf } from './addresses.ts'
import { answerTo, type Answer } from './answer.ts'
import { movedMeanwhile, putOff } from './during-a-push.ts'
import type { Ending } from './ending.ts'
import { readAsk } from './read-ask.ts'
import { mayRest, restAfter } from './rest.ts'
import { sendAnswer } from './send-answer.ts'
import type { ReadSender, Sender } from './sender.ts'
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

    const passage = embark(await gateway.decide(ask), { ask, sender, rawHeaders: raw.rawHeaders })
    const decision = 'outcome' in passage ? passage : passage.allowed
    witness.saw(decision, ask, performance.now() - began)
    if (!('outcome' in passage)) return void (request.passage = passage)
    if (decision.outcome === 'throttled' && mayRest(sender)) restAfter(reply.raw)
    const answer = told(request, passage)
    return send(reply, movedMeanwhile(passage, ask) ? putOff(answer) : answer)
  })

  /** What leads out of its account is not allowed after all. */
  function embark(
    decision: Decision,
    asked: { readonly ask: Ask; readonly sender: Sender; readonly rawHeaders: readonly string[] },
  ): Passage | Exclude<Decision, Allow> {
    if (decision.outcome !== 'allow') return decision
    const course = courseOf(asked, decision.account.upstream, { naming, publicUrl })
    if ('outcome' in course && course.outcome === 'unclear-target') return course
    return { allowed: decision, ask: asked.ask, sender: asked.sender, course }
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
