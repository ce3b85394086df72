import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Answer } from './answer.ts'
import { hasBody } from './upload.ts'

/** How much of an unread body is taken in before the connection is closed over it. */
const mostDrainedBytes = 1024 * 1024
const longestDrainMs = 2000

/** Sends an answer of our own, in one write. To HEAD go the same headers without the body. */
export function sendAnswer(response: ServerResponse, answer: Answer): void {
  if (response.req.complete || !hasBody(response.req)) return sendAndGoOn(response, answer)
  // A small body came in the same packet as the head, and the parser reaches its end in this turn.
  setImmediate(() => {
    if (response.req.complete) sendAndGoOn(response, answer)
    else sendAndClose(response, answer)
  })
}

/** The same for a peer that is a proxy of ours: closing on what it still sends would look like a failure to it. */
export function sendAndGoOn(response: ServerResponse, { status, headers, body }: Answer): void {
  response.writeHead(status, { ...headers, 'Content-Length': Buffer.byteLength(body) }).end(body)
}

/**
 * Closing on unread bytes makes the kernel send a reset, and the reset can overtake the text. So the whole answer
 * goes out, then the client gets a moment to notice and to stop.
 */
function sendAndClose(response: ServerResponse, { status, headers, body }: Answer): void {
  const length = Buffer.byteLength(body)
  response.writeHead(status, { ...headers, 'Content-Length': length, Connection: 'close' })
  response.write(body)
  drain(response.req, () => response.end())
}

/** Reads on until the body ends, the client leaves, or it has been enough; then calls `done`. */
function drain(request: IncomingMessage, done: () => void): void {
  let left = mostDrainedBytes
  const finish = (): void => {
    clearTimeout(timer)
    request.off('data', count).off('end', finish).off('close', finish)
    done()
  }
  const count = (chunk: Buffer): void => {
    left -= chunk.length
    if (left < 0) finish()
  }
  const timer = setTimeout(finish, longestDrainMs)
  request.on('data', count).on('end', finish).on('close', finish)
}
