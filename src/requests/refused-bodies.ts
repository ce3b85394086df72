import type { IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import type { Readable } from 'node:stream'
import { bodyPassed } from '../engine/memory.ts'
import { hasBody, pieceCame } from './bodies.ts'

/** How much is read of request bodies after an early answer. */
export interface RefusedBodies {
  /** Of one body, after the answer. */
  readonly maxBytes: number
  /** For one body, after the answer. */
  readonly maxSeconds: number
  /** Concurrent bodies from one address, and in this process. Beyond that, a body is read only for a moment. */
  readonly maxAtOncePerAddress: number
  readonly maxAtOnce: number
}

export interface RefusedBodiesOptions extends RefusedBodies {
  /** Name of the client; clients of the same name share `maxAtOncePerAddress`. */
  readonly clientOf: (request: IncomingMessage) => string
  /** The same for a connection on which no request could be parsed. */
  readonly networkOf: (address: string) => string
}

/** Reads the rest of a request body after an early answer. */
export interface RefusedBodyReader {
  /** Wraps `handler`, so that the rest of the body is read however early the request is answered. */
  wrap(handler: RequestListener): RequestListener
  /** Must be called before the server accepts connections. */
  watch(server: Server): void
  /** Ends a connection on which no request can be parsed: closes it for writing and reads on within the limits. */
  end(socket: Socket): void
  /** Whether an answer was sent and incoming data is being discarded. */
  isReading(socket: Socket): boolean
}

/** What is read if the limits are used up, and again after a limit was reached. */
const lastBytes = 1024 * 1024
const lastMs = 2000

/**
 * The HTTP stacks of Java, .NET and Team Explorer Everywhere write the whole body before they read anything. If a
 * connection is closed with unread bytes, the kernel sends a reset, and they show "Broken pipe" instead of the answer. So
 * the answer is sent at once, and then the body is read to its end within limits, after which the connection can be
 * reused. If it has to be closed, it is closed for writing first and for reading last (RFC 9112, 9.6).
 */
export function createRefusedBodyReader(options: RefusedBodiesOptions): RefusedBodyReader {
  const rests = new Map<Socket, Rest>()
  const places = new Places(options)

  const read = (socket: Socket, source: Readable, network: string): Rest => {
    const hasPlace = places.take(network)
    const rest = new Rest(socket, source, {
      bytes: hasPlace ? options.maxBytes : lastBytes,
      ms: hasPlace ? options.maxSeconds * 1000 : lastMs,
      over() {
        rests.delete(socket)
        if (hasPlace) places.leave(network)
      },
    })
    rests.set(socket, rest)
    return rest
  }
  /** Node calls this method after the last answer, even if more of the body is still to come. */
  function closeWhenRead(this: Socket): void {
    const rest = rests.get(this)
    if (rest === undefined) closeNow(this)
    else rest.close()
  }

  return {
    wrap: handler => (request, response) => {
      // This request follows one after which the connection is to be closed.
      if (rests.get(request.socket)?.isClosing === true) return
      if (hasBody(request)) beforeNodeEnds(response, () => readRest(request))
      handler(request, response)
    },
    watch(server) {
      for (const event of ['connection', 'secureConnection'])
        server.on(event, (socket: Socket) => (socket.destroySoon = closeWhenRead))
    },
    end(socket) {
      // Otherwise the parser would report an error for every packet.
      socket.removeAllListeners('data')
      read(socket, socket, options.networkOf(socket.remoteAddress ?? '')).close()
    },
    isReading: socket => rests.has(socket),
  }

  function readRest(request: IncomingMessage): void {
    if (request.complete || request.socket.destroyed) return
    read(request.socket, request, options.clientOf(request))
    // Node discards a body that has no reader without any event.
    request.read(0)
  }
}

/** Runs before Node's own listener, which closes the connection if this was the last answer. */
function beforeNodeEnds(response: ServerResponse, then: () => void): void {
  response.prependOnceListener('finish', then)
}

function closeNow(socket: Socket): void {
  Socket.prototype.destroySoon.call(socket)
}

interface Allowance {
  readonly bytes: number
  readonly ms: number
  /** Called once, when nothing is read any more. */
  readonly over: () => void
}

/** The rest of the body on one connection after an early answer. */
class Rest {
  readonly #socket: Socket
  readonly #source: Readable
  readonly #over: () => void
  #left: number
  #timer: NodeJS.Timeout
  #closing = false

  constructor(socket: Socket, source: Readable, { bytes, ms, over }: Allowance) {
    this.#socket = socket
    this.#source = source
    this.#over = over
    this.#left = bytes
    this.#timer = setTimeout(this.#onLimit, ms)
    source.on('data', this.#onData).on('end', this.#onEnd).resume()
    socket.on('close', this.#stop)
  }

  get isClosing(): boolean {
    return this.#closing
  }

  /** Closes the connection for writing; it ends when the rest has arrived. */
  close(): void {
    this.#closing = true
    this.#socket.end()
  }

  readonly #onData = (chunk: Buffer): void => {
    bodyPassed(chunk.length)
    pieceCame(this.#socket)
    this.#left -= chunk.length
    if (this.#left < 0) this.#onLimit()
  }

  readonly #onEnd = (): void => {
    this.#stop()
    if (this.#closing) closeNow(this.#socket)
  }

  /** Closes the connection for writing, and gives the client a moment to notice. */
  readonly #onLimit = (): void => {
    if (this.#closing) return void this.#socket.destroy()
    clearTimeout(this.#timer)
    this.#left = lastBytes
    this.#timer = setTimeout(this.#onLimit, lastMs)
    this.close()
  }

  readonly #stop = (): void => {
    clearTimeout(this.#timer)
    this.#source.off('data', this.#onData).off('end', this.#onEnd)
    this.#socket.off('close', this.#stop)
    this.#over()
  }
}

/** Limits how many bodies are read at once. */
class Places {
  readonly #limits: RefusedBodies
  readonly #taken = new Map<string, number>()
  #inAll = 0

  constructor(limits: RefusedBodies) {
    this.#limits = limits
  }

  /** Whether a place was free. */
  take(network: string): boolean {
    const here = this.#taken.get(network) ?? 0
    if (here >= this.#limits.maxAtOncePerAddress || this.#inAll >= this.#limits.maxAtOnce) return false
    this.#taken.set(network, here + 1)
    this.#inAll++
    return true
  }

  leave(network: string): void {
    const here = (this.#taken.get(network) ?? 0) - 1
    if (here <= 0) this.#taken.delete(network)
    else this.#taken.set(network, here)
    this.#inAll--
  }
}
