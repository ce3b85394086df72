import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http'
import type { Ask } from '../gateway/ask.ts'
import type { Ended } from '../gateway/decision.ts'
import { expectsContinue, hasBody } from '../requests/bodies.ts'
import type { Ending } from '../requests/request.ts'
import { type Asking, type Dialect, dialectOf, isForGit, soapVersion } from '../requests/tool.ts'
import {
  inHtml,
  inLfs,
  inRest,
  inSoap,
  inText,
  inTransfer,
  type Presented,
  type Presenter,
  type Setting,
} from './dialects.ts'
import { type Terms, termsOf } from './terms.ts'
import { besideTheBody, keepBoth, lastWord, loopsInLfs } from './tools.ts'

/** A whole answer that the gateway itself makes. */
export interface Answer {
  readonly status: number
  /** The reason phrase; the usual one if left out. */
  readonly reason?: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** What an answer says beside the ending. */
type Context = Omit<Setting, 'outcome' | 'soap'>

/** The answer to a request, in the dialect that its client understands. */
export function answerTo(asking: Asking, ending: Ending, context: Context): Answer {
  const told = termsOf(ending, context.publicUrl)
  let terms = loopsInLfs(ending, asking) ? lastWord(told) : told
  const dialect = dialectOf(asking)
  if (dialect === 'lfs' || isForGit(asking)) terms = keepBoth(terms, ending, context)
  const setting = {
    ...context,
    outcome: ending.outcome,
    ...(dialect === 'soap' && { soap: soapVersion(asking) }),
  }
  const whole = complete(terms, presenters[dialect](terms, setting), ending, context)
  const { headers, ...beside } = besideTheBody(asking, terms, context.requestId)
  return { ...whole, ...beside, headers: { ...whole.headers, ...headers } }
}

/**
 * The answer in plain text: for bytes that are no request, and for people who ask the command line what git would be
 * told. `naming`: left out where nothing could be read.
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
}

/** With what every answer carries, in every dialect. */
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
 * Sends an answer of our own at once, in one write, however much of the body is still to come: `refused-bodies.ts` reads
 * on. To HEAD go the same headers without the body.
 */
export function sendAnswer(response: ServerResponse, { status, reason, headers, body }: Answer): void {
  const withLength = { ...headers, 'Content-Length': Buffer.byteLength(body) }
  const all = mayHoldBack(response.req) ? { ...withLength, Connection: 'close' } : withLength
  response.writeHead(status, reason ?? STATUS_CODES[status], all)
  response.end(body)
}

/**
 * A client that waits for 100 Continue may send its body after a refusal, or the next request (RFC 9110, 10.1.1): which
 * of them follows on the connection cannot be told.
 */
function mayHoldBack(request: IncomingMessage): boolean {
  return hasBody(request) && !request.complete && expectsContinue(request)
}

/** What becomes of the head: 503 is `unavailable` to whoever reads outcomes, and there is nothing to wait for. */
const putOffHeaders = { 'X-Altgate-Outcome': 'unavailable', 'Retry-After': '1' }

/**
 * Whether an account moved while a clone, fetch or push was under way: these requests come after a GET of
 * `info/refs` that was let through with the same credential.
 */
export function movedMeanwhile({ outcome }: Ended, { method, target }: Ask): boolean {
  return outcome === 'reset-needed' && method === 'POST' && /\/git-(?:upload|receive)-pack$/.test(target)
}

/**
 * The same answer as 503: git shows no text here, and on 401 it would erase the password without a word. So it keeps
 * it, asks with it at the next command, and is told then, where it does show the text.
 */
export function putOff({ headers, body }: Answer): Answer {
  const rest = Object.entries(headers).filter(([name]) => name !== 'WWW-Authenticate')
  return { status: 503, headers: { ...Object.fromEntries(rest), ...putOffHeaders }, body }
}
