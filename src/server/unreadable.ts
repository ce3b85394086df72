import { type Server, type ServerResponse, STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import { answer } from '../answers/answer.ts'
import { newRequestId, type Unreadable } from '../requests/request.ts'

/** A peer whose bytes were no request. */
interface Malformed {
  readonly error: Error & { code?: string }
  readonly socket: Socket
  readonly publicUrl: string
  /** Closes the connection when all that was written has left. */
  readonly end: (socket: Socket) => void
}

/**
 * Answers bytes that are no request and closes the connection: whatever follows them cannot be told apart from
 * what they smuggle (RFC 9112, 11.2). For Node's 'clientError' event.
 */
export function answerMalformed({ error, socket, publicUrl, end }: Malformed): void {
  if (isSpeechless(error.code) || !socket.writable || isAnswering(socket)) {
    socket.destroy()
    return
  }
  const requestId = newRequestId()
  const { status, headers, body } = answer(flawOf(error.code), { requestId, publicUrl })
  const lines = Object.entries({ ...headers, 'Content-Length': Buffer.byteLength(body) }).map(
    ([name, value]) => `${name}: ${value}\r\n`,
  )
  socket.write(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines.join('')}\r\n${body}`)
  end(socket)
}

/** Nobody is there to be answered, or there is no TLS yet to answer through: Node would keep the text for ever. */
function isSpeechless(code = ''): boolean {
  return code === 'ECONNRESET' || /^ERR_(?:TLS|SSL)_/.test(code)
}

function flawOf(code: string | undefined): Unreadable {
  if (code === 'HPE_HEADER_OVERFLOW') return { outcome: 'unclear-target', flaw: 'oversized-head' }
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return { outcome: 'unclear-target', flaw: 'late-head' }
  if (code === 'ERR_BODY_STOOD_STILL') return { outcome: 'unclear-target', flaw: 'late-body' }
  return { outcome: 'unclear-target', flaw: 'malformed' }
}

/** A second answer in the middle of the first would be read as a part of it. Node guards its own in this way. */
function isAnswering(socket: Socket): boolean {
  // Node keeps the answer under way here and offers no other way to ask.
  const { _httpMessage: under } = socket as { _httpMessage?: { headersSent: boolean } | null }
  return under?.headersSent === true
}

/** When it is looked whether the client is still there, in milliseconds after the look before. */
const looks = [0, 20, 100, 400, 1000]
const everyMs = 10_000

/** How long a client may stand still that has closed its side in the middle of an answer. */
const graceMs = 1000

/**
 * Lets a client close its side of the connection after its request and still get the answer, as RFC 9112, 9.6 and
 * HAProxy have it. nginx and Go's servers take the FIN for the end of the client.
 *
 * A client that has gone altogether sends the same FIN, and then the upstream request must end. Only new bytes tell the
 * two apart: the kernel of the one that has gone answers them with a reset.
 */
export function serveHalfClosed(server: Server): void {
  // Node's own switch, which has no type: without it a FIN ends the connection, whatever is still owed.
  Object.assign(server, { httpAllowHalfOpen: true })
  const watch = (socket: Socket): void => void socket.once('end', () => lookAfter(socket))
  server.on('connection', watch).on('secureConnection', watch)
}

/** Looks again and again until the last answer is out or the connection is gone. */
function lookAfter(socket: Socket): void {
  const closedAt = performance.now()
  const sent = socket.bytesWritten
  let timer: NodeJS.Timeout | undefined
  let count = 0

  const look = (): void => {
    const response = responseOn(socket)
    if (response === undefined || socket.destroyed) return
    const standsStill = socket.bytesWritten === sent && performance.now() - closedAt >= graceMs
    if (response.headersSent && standsStill) return void socket.destroy()
    if (count === 0 || count >= looks.length) probe(response)
    // A reset is noticed by the write that comes after it, even if that one is empty.
    if (socket.writableLength === 0) socket.write(nothing)
    timer = setTimeout(look, looks[count++] ?? everyMs)
  }
  socket.once('close', () => clearTimeout(timer))
  look()
}

const nothing = new Uint8Array(0)

/** New bytes that mean nothing: every HTTP/1.1 client reads over them (RFC 9110, 15.2). HTTP/1.0 has none. */
function probe(response: ServerResponse): void {
  if (!response.headersSent && response.req.httpVersion === '1.1') response.writeContinue()
}

function responseOn(socket: Socket): ServerResponse | undefined {
  // Node keeps the answer under way here and offers no other way to ask.
  const { _httpMessage: under } = socket as { _httpMessage?: ServerResponse | null }
  return under ?? undefined
}
