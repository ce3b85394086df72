import type { Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

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
