import { subscribe } from 'node:diagnostics_channel'
import type { Socket } from 'node:net'
import { errors, type buildConnector } from 'undici'
import { InterimAnswers } from './interim-answers.ts'

/**
 * What undici does not say about a connection, and what it does not read: whether one that was kept has ended just as a
 * request came, and interim answers. Around each socket, so that undici's parser stays the only one.
 */
class Connection {
  readonly #socket: Socket
  readonly #interim: InterimAnswers
  /** Requests that it has carried. */
  #requests = 0
  /** Whether anything has come since the newest of them was sent. */
  #heard = false
  /** Whether an answer has yet to begin. */
  #waits = false

  constructor(socket: Socket, maxHeaderBytes: number) {
    this.#socket = socket
    this.#interim = new InterimAnswers(maxHeaderBytes)
    const read = socket.read.bind(socket) as (size?: number) => Buffer | null // no encoding is set
    // Node itself asks for 0 bytes, to make the socket read on.
    socket.read = size => (size === undefined ? this.#read(read) : read(size))
    // Before undici's own listeners, which are added when it gets the socket.
    socket.on('end', this.#onEnd).on('error', this.#onError)
  }

  /** undici is about to write a request, which it does when all of the answer before has been read. */
  sends(): void {
    this.#requests++
    this.#heard = false
    this.#waits = true
    this.#interim.begin()
  }

  #read(read: () => Buffer | null): Buffer | null {
    for (;;) {
      const chunk = read()
      if (chunk === null || !this.#waits) return chunk
      this.#heard = true
      const rest = this.#interim.pass(chunk)
      this.#waits = !this.#interim.over
      if (this.#interim.tooLong) this.#socket.destroy(new errors.HeadersOverflowError())
      if (rest.length > 0) return rest
    }
  }

  get #endedUnheard(): boolean {
    return this.#waits && !this.#heard && this.#requests > 1 && this.#socket.readableLength === 0
  }

  readonly #onEnd = (): void => {
    if (!this.#endedUnheard) return
    const error = new errors.SocketError('closed as the request came')
    unheard.add(error)
    this.#socket.destroy(error)
  }

  readonly #onError = (error: Error & { code?: string }): void => {
    if ((error.code === 'ECONNRESET' || error.code === 'EPIPE') && this.#endedUnheard) unheard.add(error)
  }
}

const connections = new WeakMap<Socket, Connection>()

/** Errors by which a kept connection ended before the first byte of an answer. */
const unheard = new WeakSet<Error>()

// Published before the first byte of each request. No handler of a request is told on which connection it goes.
subscribe('undici:client:sendHeaders', message => {
  const { socket } = message as { readonly socket: Socket } // undici's DiagnosticsChannel.ClientSendHeadersMessage
  connections.get(socket)?.sends()
})

/** The same connector, whose sockets pass interim answers over and know whether they ended unheard. */
export function watched(connect: buildConnector.connector, maxHeaderBytes: number): buildConnector.connector {
  return (options, callback) => {
    connect(options, (...[error, socket]) => {
      if (error !== null) return callback(error, null)
      connections.set(socket, new Connection(socket, maxHeaderBytes))
      callback(null, socket)
    })
  }
}

/**
 * Whether this is how a kept connection ended before any of an answer came: the upstream gave it up as the request was
 * under way, and has most likely not seen it.
 */
export function endedUnheard(error: unknown): boolean {
  return error instanceof Error && unheard.has(error)
}
