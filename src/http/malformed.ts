import { STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import { answer } from './answer.ts'
import type { Unreadable } from './ending.ts'
import { newRequestId } from './request-id.ts'

/** A peer whose bytes were no request. */
export interface Malformed {
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
