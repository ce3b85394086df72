import type { IncomingMessage, ServerResponse } from 'node:http'
import { STATUS_CODES } from '../engine/http.ts'
import type { Ask } from '../gateway/ask.ts'
import type { Ended } from '../gateway/decision.ts'
import { expectsContinue, hasBody } from '../requests/bodies.ts'
import type { Ending } from '../requests/request.ts'
import { type RequestHead, type Dialect, dialectOf, isForGit, soapVersion } from '../requests/tool.ts'
import {
  inComposer,
  inHtml,
  inLfs,
  inOci,
  inRest,
  inSoap,
  inText,
  inTransfer,
  type Presented,
  type Presenter,
  type AnswerContext,
} from './dialects.ts'
import { type Terms, termsOf } from './terms.ts'
import { outsideTheBody, keepBoth, asForbidden, isLfsLoop } from './tools.ts'

/** A complete answer that the gateway itself makes. */
export interface Answer {
  readonly status: number
  /** The reason phrase; left out: the standard one for the status. */
  readonly reason?: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** What an answer depends on besides the ending. */
type Context = Omit<AnswerContext, 'outcome' | 'soap'>

/** The answer to a request, in the dialect that its client understands. */
export function answerTo(head: RequestHead, ending: Ending, context: Context): Answer {
  const told = termsOf(ending, context.publicUrl)
  let terms = isLfsLoop(ending, head) ? asForbidden(told) : told
  const dialect = dialectOf(head)
  if (dialect === 'lfs' || isForGit(head)) terms = keepBoth(terms, ending, context)
  const setting = {
    ...context,
    outcome: ending.outcome,
    ...(dialect === 'soap' && { soap: soapVersion(head) }),
  }
  const whole = complete(terms, presenters[dialect](terms, setting), ending, context)
  const { headers, ...extra } = outsideTheBody(head, terms, context.requestId)
  return { ...whole, ...extra, headers: { ...whole.headers, ...headers } }
}

/**
 * The answer in plain text, for bytes that are not a request and for `altgate explain`. `naming`: left out where no
 * request could be parsed.
 */
export function answer(ending: Ending, context: Omit<Context, 'naming'> & Partial<Context>): Answer {
  const terms = keepBoth(termsOf(ending, context.publicUrl), ending, context)
  return complete(terms, inText(terms, context), ending, context)
}

const presenters: Readonly<Record<Dialect, Presenter>> = {
  text: inText,
  lfs: inLfs,
  soap: inSoap,
  transfer: inTransfer,
  rest: inRest,
  html: inHtml,
  oci: inOci,
  composer: inComposer,
}

/** The same answer, which leads a browser on to an address of this host. */
export function leadingTo(path: string, { headers, body }: Answer): Answer {
  return { status: 303, headers: { ...headers, Location: path, Vary: 'Authorization, Accept' }, body }
}

/** Adds the headers that every answer has, in every dialect. */
function complete(
  terms: Terms,
  presented: Presented,
  { outcome }: Ending,
  { requestId }: Pick<Context, 'requestId'>,
): Answer {
  return {
    status: presented.status ?? terms.status,
    headers: {
      'Content-Type': presented.contentType,
      'Cache-Control': 'no-store',
      Vary: 'Authorization',
      'X-Altgate-Outcome': outcome,
      'X-Request-Id': requestId,
      ...terms.headers,
      ...presented.headers,
    },
    body: presented.body,
  }
}

/**
 * Sends the answer at once, in one write, however much of the request body is still to come; `refused-bodies.ts` reads
 * the rest. HEAD gets the same headers without the body.
 */
export function sendAnswer(response: ServerResponse, { status, reason, headers, body }: Answer): void {
  const withLength = { ...headers, 'Content-Length': Buffer.byteLength(body) }
  const all = mayHoldBack(response.req) ? { ...withLength, Connection: 'close' } : withLength
  response.writeHead(status, reason ?? STATUS_CODES[status], all)
  response.end(body)
}

/**
 * After a refusal, a client that waits for 100 Continue may send its body or its next request (RFC 9110, 10.1.1). The
 * gateway cannot tell which of them follows on the connection.
 */
function mayHoldBack(request: IncomingMessage): boolean {
  return hasBody(request) && !request.complete && expectsContinue(request)
}

/** 503 means `unavailable` to programs that read outcomes; the client may retry at once. */
const unavailableHeaders = { 'X-Altgate-Outcome': 'unavailable', 'Retry-After': '1' }

/**
 * Whether an account moved or a password ended while a clone, fetch or push was under way: these requests follow a GET of
 * `info/refs` that was allowed with the same credential.
 */
export function endedDuringTransfer({ outcome }: Ended, { method, target }: Ask): boolean {
  return (
    (outcome === 'reset-needed' || outcome === 'expired') &&
    method === 'POST' &&
    /\/git-(?:upload|receive)-pack$/.test(target)
  )
}

/**
 * The same answer as 503. git shows no text at this point, and on 401 it would erase the password silently. With 503 it
 * keeps the password, presents it with the next command, and gets the answer where it shows the text.
 */
export function asUnavailable({ headers, body }: Answer): Answer {
  const rest = Object.entries(headers).filter(([name]) => name !== 'WWW-Authenticate')
  return { status: 503, headers: { ...Object.fromEntries(rest), ...unavailableHeaders }, body }
}
