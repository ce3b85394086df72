import type { Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { answer } from '../answers/answer.ts'
import { STATUS_CODES } from '../engine/http.ts'
import { type Ending, newRequestId, type Unreadable } from '../requests/request.ts'

/** A peer that sent something other than a request. */
interface Malformed {
  readonly error: Error & { code?: string }
  readonly socket: Socket
  readonly publicUrl: string
  /** Closes the connection when all that was written has left. */
  readonly end: (socket: Socket) => void
}

/**
 * Answers bytes that are not a request and closes the connection, because what follows them may be smuggled (RFC 9112,
 * 11.2). For Node's 'clientError' event.
 */
export function answerMalformed({ error, socket, publicUrl, end }: Malformed): void {
  if (isNotTls(error.code)) return answerPlainHttp(socket, publicUrl)
  if (cannotAnswer(error.code) || !socket.writable || isAnswering(socket)) {
    socket.destroy()
    return
  }
  socket.write(answerText(flawOf(error.code), publicUrl))
  end(socket)
}

/** Refuses a CONNECT, which has no path and so no account. For Node's 'connect' event, after which the socket is ours. */
export function answerConnect(socket: Socket, publicUrl: string): void {
  socket.on('error', () => {})
  socket.end(answerText({ outcome: 'not-allowed', cause: 'method' }, publicUrl))
  socket.destroySoon()
}

/** The bytes of an answer to a peer that has no response object. */
function answerText(ending: Ending, publicUrl: string): string {
  const { status, headers, body } = answer(ending, { requestId: newRequestId(), publicUrl })
  const lines = Object.entries({
    ...headers,
    'Content-Length': Buffer.byteLength(body),
    Connection: 'close',
  }).map(([name, value]) => `${name}: ${value}\r\n`)
  return `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines.join('')}\r\n${body}`
}

/**
 * What OpenSSL calls first bytes that are no TLS record: the methods that it knows have a name of their own, and the
 * others, such as OPTIONS of Subversion, look like a version that does not exist.
 */
function isNotTls(code = ''): boolean {
  return /^ERR_SSL_(?:HTTP_REQUEST|HTTPS_PROXY_REQUEST|WRONG_VERSION_NUMBER)$/.test(code)
}

/** Plain http on a TLS port: without an answer, the client would show only that the connection was reset. */
function answerPlainHttp(socket: Socket, publicUrl: string): void {
  // Node offers no other way to the connection below TLS, and the TLS socket is destroyed already.
  const { _parent: below } = socket as { _parent?: Socket | null }
  // Bytes were sent if TLS was established before; then the peer speaks TLS, and nothing plain may follow.
  if (below?.writable === true && below.bytesWritten === 0)
    below.end(answerText({ outcome: 'not-allowed', cause: 'plain-http' }, publicUrl))
  socket.destroy()
}

/** The peer is gone, or TLS is not established, in which case Node would keep the text for ever. */
function cannotAnswer(code = ''): boolean {
  return code === 'ECONNRESET' || /^ERR_(?:TLS|SSL)_/.test(code)
}

function flawOf(code: string | undefined): Unreadable {
  if (code === 'HPE_HEADER_OVERFLOW') return { outcome: 'unclear-target', flaw: 'oversized-head' }
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return { outcome: 'unclear-target', flaw: 'late-head' }
  if (code === 'ERR_BODY_STOOD_STILL') return { outcome: 'unclear-target', flaw: 'late-body' }
  // A space in a URL ends it, and what follows is not the version.
  if (code === 'HPE_INVALID_URL' || code === 'HPE_INVALID_CONSTANT')
    return { outcome: 'unclear-target', flaw: 'unencoded' }
  if (code === 'HPE_INVALID_METHOD') return { outcome: 'unclear-target', flaw: 'unknown-method' }
  return { outcome: 'unclear-target', flaw: 'malformed' }
}

/** A second answer in the middle of the first would be read as part of it. Node checks its own in the same way. */
function isAnswering(socket: Socket): boolean {
  // Node keeps the answer under way here and offers no other way to ask.
  const { _httpMessage: under } = socket as { _httpMessage?: { headersSent: boolean } | null }
  return under?.headersSent === true
}

/** Delays between checks whether the client is still there, in milliseconds. */
const probeDelays = [0, 20, 100, 400, 1000]
const everyMs = 10_000

/** How long a client that has closed its side in the middle of an answer may make no progress. */
const graceMs = 1000

/**
 * Lets a client close its side of the connection after its request and still get the answer, as RFC 9112, 9.6 and
 * HAProxy do. nginx and Go's servers treat the FIN as the end of the client.
 *
 * A client that has exited sends the same FIN, and then the upstream request must end. Only sending new bytes tells the
 * two apart: the kernel of a client that has exited answers them with a reset.
 */
export function serveHalfClosed(server: Server): void {
  // Node's own option, which has no type: without it a FIN ends the connection before the answer.
  Object.assign(server, { httpAllowHalfOpen: true })
  const watch = (socket: Socket): void => void socket.once('end', () => probeUntilDone(socket))
  server.on('connection', watch).on('secureConnection', watch)
}

/** Checks repeatedly until the last answer is sent or the connection is closed. */
function probeUntilDone(socket: Socket): void {
  const closedAt = performance.now()
  const sent = socket.bytesWritten
  let timer: NodeJS.Timeout | undefined
  let count = 0

  const look = (): void => {
    const response = responseOn(socket)
    if (response === undefined || socket.destroyed) return
    const standsStill = socket.bytesWritten === sent && performance.now() - closedAt >= graceMs
    if (response.headersSent && standsStill) return void socket.destroy()
    if (count === 0 || count >= probeDelays.length) probe(response)
    // A reset is noticed by the next write, even an empty one.
    if (socket.writableLength === 0) socket.write(nothing)
    timer = setTimeout(look, probeDelays[count++] ?? everyMs)
  }
  socket.once('close', () => clearTimeout(timer))
  look()
}

const nothing = new Uint8Array(0)

/** Sends bytes that every HTTP/1.1 client ignores (RFC 9110, 15.2). HTTP/1.0 has no interim answers. */
function probe(response: ServerResponse): void {
  if (!response.headersSent && response.req.httpVersion === '1.1') response.writeContinue()
}

function responseOn(socket: Socket): ServerResponse | undefined {
  // Node keeps the answer under way here and offers no other way to ask.
  const { _httpMessage: under } = socket as { _httpMessage?: ServerResponse | null }
  return under ?? undefined
}
