import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import { Busy } from '../administration/credentials.ts'
import { NotFound } from '../administration/explanation.ts'
import { Unusable } from '../administration/given.ts'
import { doubtSentence, NotMade, outageSentence, Refused } from '../administration/problems.ts'
import { Failure } from '../common/failure.ts'
import { STATUS_CODES } from '../engine/http.ts'
import { InDoubt, Outage } from '../gateway/outage.ts'
import { TooManyRequests } from '../throttling/windows.ts'
import { sentenceOf } from './sentences.ts'

/** The API refuses a request, for a reason in how it was sent. */
export class Rejected extends Error {
  readonly status: number
  readonly code: string
  readonly retryAfter: number | undefined
  /** Members of the answer beside the usual ones. */
  readonly more: object

  constructor(
    status: number,
    code: string,
    sentence: string,
    { retryAfter, more = {} }: { readonly retryAfter?: number; readonly more?: object } = {},
  ) {
    super(sentence)
    this.name = 'Rejected'
    this.status = status
    this.code = code
    this.retryAfter = retryAfter
    this.more = more
  }
}

/** Told of errors that an operator should know of. Must not throw. */
export interface ApiObserver {
  outage(outage: Outage): void
  bug(error: unknown, requestId: string): void
}

/** An error as the API answers it (RFC 9457). */
interface Problem {
  readonly status: number
  /** What programs tell it by. */
  readonly code: string
  /** What happened, and what to do next. */
  readonly detail: string
  readonly retryAfter?: number | undefined
  readonly more?: object
}

/** Bytes of a body, except where a route takes more: a list of a thousand members is shorter. */
export const mostBytes = 64 * 1024

/** Seconds after which a retry makes sense when a part is down. */
const outageRetryAfter = 5

/** Sends an error as `application/problem+json`. */
export function sendProblem(
  error: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
  observer: ApiObserver,
): FastifyReply {
  const { status, code, detail, retryAfter, more } = problemOf(error, request, observer)
  if (retryAfter !== undefined) reply.header('retry-after', retryAfter)
  if (status === 401) reply.header('www-authenticate', challenges[code] ?? 'Bearer')
  if (code === 'insufficient-scope')
    reply.header('www-authenticate', 'Bearer error="insufficient_scope", scope="write"')
  // What remains of a body is not read.
  const { headers } = request
  if (headers['transfer-encoding'] !== undefined || (headers['content-length'] ?? '0') !== '0')
    reply.header('connection', 'close')
  const title = STATUS_CODES[status] ?? 'Error'
  return reply
    .code(status)
    .type('application/problem+json')
    .send(JSON.stringify({ title, status, code, detail, reference: request.id, ...more }))
}

const lookFirst = 'Ask whether it is, then try again.'

const challenges: Readonly<Record<string, string>> = { 'invalid-token': 'Bearer error="invalid_token"' }

function problemOf(error: unknown, request: FastifyRequest, observer: ApiObserver): Problem {
  if (error instanceof Rejected) {
    const { status, code, message: detail, retryAfter, more } = error
    return { status, code, detail, retryAfter, more }
  }
  if (error instanceof TooManyRequests)
    return {
      status: 429,
      code: 'too-many-requests',
      detail: `Too many requests. Wait ${error.retryAfter} seconds, as Retry-After says.`,
      retryAfter: error.retryAfter,
    }
  if (error instanceof Refused) {
    const { problem } = error.problem
    return {
      status: problem.startsWith('no-such-') ? 404 : 409,
      code: problem,
      detail: sentenceOf(error.problem),
    }
  }
  if (error instanceof NotMade) {
    observer.outage(error.outage)
    return { ...unavailable, detail: error.message }
  }
  if (error instanceof Busy) return { ...unavailable, code: 'busy', detail: error.message }
  if (error instanceof InDoubt) {
    observer.outage(error)
    return { ...unavailable, code: 'in-doubt', detail: doubtSentence(error, lookFirst) }
  }
  if (error instanceof Outage) {
    observer.outage(error)
    return { ...unavailable, detail: `${outageSentence(error)} Nothing was changed. Try again.` }
  }
  if (error instanceof Unusable) return { status: 400, code: 'invalid', detail: error.message }
  if (error instanceof NotFound) return { status: 404, code: 'not-found', detail: error.message }
  if (error instanceof Failure) return { status: 422, code: 'not-possible', detail: error.message }
  const fault = ofHttp(error, request)
  if (fault !== undefined) return fault
  observer.bug(error, request.id)
  return {
    ...unavailable,
    detail: 'The gateway failed. The change may or may not be in force: look before you try again.',
  }
}

const unavailable = { status: 503, code: 'unavailable', retryAfter: outageRetryAfter } as const

/** What Fastify finds wrong with a request. Nothing of what was sent is repeated. */
function ofHttp(error: unknown, { routeOptions }: FastifyRequest): Problem | undefined {
  if (!(error instanceof Error) || !('statusCode' in error)) return undefined
  const { statusCode, validation, validationContext } = error as FastifyError
  if (validation !== undefined) {
    const [first] = validation
    const where = first?.instancePath.slice(1).replaceAll('/', '.')
    const fault =
      first?.keyword === 'additionalProperties'
        ? 'has a field that is not known here'
        : (first?.message ?? 'is not valid')
    const what = `${where === undefined || where === '' ? '' : `${where} `}${fault}`
    const part = validationContext === 'querystring' ? 'query' : (validationContext ?? 'request')
    return {
      status: 400,
      code: 'invalid',
      detail: `The ${part} cannot be used: ${where === undefined || where === '' ? 'it ' : ''}${what}. Nothing was changed. The OpenAPI document says what is expected: /_altgate/api/v1/openapi.json`,
    }
  }
  if (statusCode === 413)
    return {
      status: 413,
      code: 'too-large',
      detail: `The body is too large: ${(routeOptions.bodyLimit ?? mostBytes) / 1024} KiB at most. Nothing was changed.`,
    }
  if (statusCode === 415)
    return {
      status: 415,
      code: 'wrong-type',
      detail: 'Send the body as application/json, in UTF-8. Nothing was changed.',
    }
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500)
    return { status: 400, code: 'malformed', detail: 'The request cannot be read. Nothing was changed.' }
  return undefined
}
