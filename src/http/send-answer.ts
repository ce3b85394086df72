import { STATUS_CODES, type IncomingMessage, type ServerResponse } from 'node:http'
import type { Answer } from './answer.ts'
import { expectsContinue, hasBody } from './upload.ts'

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
