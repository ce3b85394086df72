import { setTimeout } from 'node:timers/promises'
import type { IncomingMessage } from 'node:http'
import { type Answer, answerTo, endedDuringTransfer, asUnavailable, leadingTo } from '../answers/answer.ts'
import type { AnswerBrand } from '../answers/dialects.ts'
import { type Naming, pagePath } from '../gateway/account.ts'
import type { Ask } from '../gateway/ask.ts'
import { type Allow, type Decision, type Ended, readOnly, type UnclearTarget } from '../gateway/decision.ts'
import type { Gateway } from '../gateway/gateway.ts'
import type { Witness } from '../gateway/ports.ts'
import { type Soon, whenThere } from '../gateway/soon.ts'
import { upstreamRouteOf } from '../proxying/addresses.ts'
import type { RequestContext } from '../proxying/headers.ts'
import type { BodyStart } from '../requests/bodies.ts'
import type { BodyFinding, BodyLook } from '../requests/body-start.ts'
import type { Client, ReadClient } from '../requests/client.ts'
import { type Ending, readAsk, type Received } from '../requests/request.ts'
import { asksForPage, pathOf } from '../requests/tool.ts'
import { writesUnseen, writingOf } from '../requests/writes.ts'
import { readingIn } from '../requests/writing-in-bodies.ts'

/** A request at a door. */
export interface DoorRequest extends Received {
  /** Reads the beginning of the body. Left out where a proxy keeps the body. */
  readBody?(look: BodyLook<Known>): Promise<BodyFinding<Known>>
}

/** What a body says of its request. */
type Known = 'reads' | 'writes'

export interface ResponderOptions {
  readonly gateway: Gateway
  readonly witness: Witness
  readonly naming: Naming
  /** The public address of the gateway, without a trailing slash. */
  readonly publicUrl: string
  readonly readClient: ReadClient
  /** What this door refuses before the gateway is asked. */
  readonly flawIn?: (request: DoorRequest, client: Client) => UnclearTarget | undefined
  /** Left out: there is no page that a browser could be led to. */
  readonly hasPage?: boolean
  /** Whose gateway browsers are told that it is. */
  readonly brand?: AnswerBrand | undefined
  /** Where allowed requests go. Left out: the upstream of their account. */
  readonly upstream?: string
}

/** What both doors do with a request, so that they cannot disagree. */
export interface Responder {
  /**
   * Reads what a request asks, decides, and records the decision. Returns what forwarding needs, or the answer to send: at
   * once if nothing has to be waited for. Throws, or rejects, only for a bug.
   */
  respond(request: DoorRequest): Soon<RequestContext | Answer>
  /** The answer to a request that ends without a decision, in the client's dialect. */
  readonly answer: (request: Pick<Received, 'raw' | 'id' | 'target'>, ending: Ending) => Answer
}

export function createResponder(options: ResponderOptions): Responder {
  const { gateway, witness, naming, publicUrl, readClient, flawIn } = options

  function respond(request: DoorRequest): Soon<RequestContext | Answer> {
    const began = performance.now()
    const client = readClient(request.raw)
    const ask = readAsk(request, client, publicUrl)
    if ('outcome' in ask) return answer(request, ask)

    const judged = flawIn?.(request, client) ?? gateway.decide(ask)
    return whenThere(judged, afterDecision, { request, client, ask, began, tookMs: 0 })
  }

  function afterDecision(decision: Decision, asked: Asked): Soon<RequestContext | Answer> {
    // Without the time in which a client sends the beginning of its body.
    asked.tookMs = performance.now() - asked.began
    if (!mayNotWrite(decision)) return conclude(decision, asked)
    return judgeBody(decision, asked).then(({ decision, begun }) => conclude(decision, asked, begun))
  }

  /** Adds the route, and records the decision. */
  function conclude(decision: Decision, asked: Asked, begun?: BodyStart): Soon<RequestContext | Answer> {
    const { request, client, ask, tookMs } = asked
    const context = withRoute(decision, ask, client, request.raw)
    witness.saw('outcome' in context ? context : context.allowed, ask, tookMs)
    if (!('outcome' in context)) return begun === undefined ? context : { ...context, begun }
    return context.outcome === 'throttled' ? endingLater(context, asked) : ending(context, ask, request)
  }

  async function endingLater(ended: Ended, { request, client, ask }: Asked): Promise<Answer> {
    await delayThrottled(client)
    return ending(ended, ask, request)
  }

  function ending(ended: Ended, ask: Ask, request: DoorRequest): Answer {
    const whole = answer(request, ended)
    if (ended.outcome === 'no-account' && isForStart(request, ask)) return leadingTo(pagePath, whole)
    return endedDuringTransfer(ended, ask) ? asUnavailable(whole) : whole
  }

  /** Whether a user has typed the address of the gateway alone. A host that is an account's has this path as well. */
  function isForStart({ raw, method, target }: DoorRequest, { host }: Ask): boolean {
    if (options.hasPage !== true || pathOf(target) !== '/') return false
    const isOurs = naming.by === 'path' || host.toLowerCase() === new URL(publicUrl).host
    return isOurs && asksForPage({ target, rawHeaders: raw.rawHeaders }, method)
  }

  /**
   * Refuses a request of a read-only password that is a write by its body, or may be one because a proxy has the body. The gateway
   * has refused those that are writes by their head.
   */
  async function judgeBody(allowed: Allow, { ask, request }: Asked): Promise<Judged> {
    if (request.readBody === undefined) return { decision: writesUnseen(ask) ? readOnly(allowed) : allowed }
    const writing = writingOf(ask)
    if (typeof writing === 'string') return { decision: allowed }
    const { found, start } = await request.readBody(readingIn(writing))
    if (found === 'full') return { decision: { outcome: 'busy', retryAfter: fullRetryAfter } }
    return found === 'reads' ? { decision: allowed, begun: start } : { decision: readOnly(allowed) }
  }

  /** Adds the route. An allowed request is still refused if a header of it has an address outside the account. */
  function withRoute(decision: Decision, ask: Ask, client: Client, { rawHeaders }: IncomingMessage) {
    if (decision.outcome !== 'allow') return decision
    const upstream = options.upstream ?? decision.account.upstream
    const route = upstreamRouteOf({ ask, client, rawHeaders }, upstream, { naming, publicUrl })
    if ('outcome' in route && route.outcome === 'unclear-target') return route
    return { allowed: decision, ask, client, route }
  }

  function answer({ raw, id, target }: Pick<Received, 'raw' | 'id' | 'target'>, ending: Ending): Answer {
    const context = { requestId: id, publicUrl, naming, brand: options.brand }
    return answerTo({ target, rawHeaders: raw.rawHeaders }, ending, context)
  }

  return { respond, answer }
}

/** Seconds after which a client should retry for whose body there was no room. */
const fullRetryAfter = 1

/** A request on its way through the responder. */
interface Asked {
  readonly request: DoorRequest
  readonly client: Client
  readonly ask: Ask
  /** By `performance.now`. */
  readonly began: number
  /** How long the decision took, once it is made. */
  tookMs: number
}

/** A decision, and what was read of the body for it. */
interface Judged {
  readonly decision: Decision
  readonly begun?: BodyStart
}

function mayNotWrite(decision: Decision): decision is Allow {
  return decision.outcome === 'allow' && decision.password?.readOnly === true
}

/** Milliseconds for which the answer to a throttled request is held back. */
export const throttledMs = 250

/**
 * Waits before a throttled request is answered. A client that guesses as fast as it is refused would take the time of all
 * others, on one connection or on a new one each time. The waits differ, or all who began together would come back
 * together. Answers to trusted proxies are sent at once, because their
 * connections carry requests of other users, and so are those of a load test, which would measure the waiting.
 */
export async function delayThrottled({ trusted, lane }: Client): Promise<void> {
  if (!trusted && lane === 'production') await setTimeout(throttledMs * (1 + Math.random()))
}
