import type { IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import type { Readable } from 'node:stream'
import { bodyPassed } from '../engine/memory.ts'
import { hasBody, pieceCame } from './bodies.ts'

/** How much is read of bodies that were answered before they had come. */
export interface RefusedBodies {
  /** Of one body, after its answer. */
  readonly maxBytes: number
  /** For one body, after its answer. */
  readonly maxSeconds: number
  /** Bodies at once from one address, and in this process. What comes beyond them is read for a moment only. */
  readonly maxAtOncePerAddress: number
  readonly maxAtOnce: number
}

export interface RefusedBodiesOptions extends RefusedBodies {
  /** Whose request it is: senders of the same name share `maxAtOncePerAddress`. */
  readonly clientOf: (request: IncomingMessage) => string
  /** The same for a connection on which no request could be read. */
  readonly networkOf: (address: string) => string
}

/** Reads what is still to come after an answer. */
export interface RefusedBodyReader {
  /** Serves requests as `handler` does. Whatever answers, and however early, the rest of the body is read. */
  wrap(handler: RequestListener): RequestListener
  /** Has to see every connection before it sends anything. */
  watch(server: Server): void
  /** Ends a connection with nothing readable on it: says that no more will come, and reads on for as long as allowed. */
  end(socket: Socket): void
  /** Whether an answer has gone out and what comes now is read and forgotten. */
  isReading(socket: Socket): boolean
}

/** What is read where nothing is left of the limits, and once more after a limit was reached. */
const lastBytes = 1024 * 1024
const lastMs = 2000

/**
 * The HTTP stacks of Java, .NET and Team Explorer Everywhere write all of a body before they read anything. Closing a
 * connection on unread bytes makes the kernel send a reset, and they show "Broken pipe" in place of the answer. So the
 * answer goes out at once, and then the body is read to its end within limits: after that the connection is as good
 * as any other. Where it has to end, it is closed for writing first and for reading last (RFC 9112, 9.6).
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
  /** Node ends the connection with this method once it has sent the last answer, whatever is still to come. */
  function closeWhenRead(this: Socket): void {
    const rest = rests.get(this)
    if (rest === undefined) closeNow(this)
    else rest.close()
  }

  return {
    wrap: handler => (request, response) => {
      // It follows a request after which the connection was to be closed.
      if (rests.get(request.socket)?.isClosing === true) return
      if (hasBody(request)) beforeNodeEnds(response, () => readRest(request))
      handler(request, response)
    },
    watch(server) {
      for (const event of ['connection', 'secureConnection'])
        server.on(event, (socket: Socket) => (socket.destroySoon = closeWhenRead))
    },
    end(socket) {
      // What cannot be parsed would be complained about with every packet.
      socket.removeAllListeners('data')
      read(socket, socket, options.networkOf(socket.remoteAddress ?? '')).close()
    },
    isReading: socket => rests.has(socket),
  }

  function readRest(request: IncomingMessage): void {
    if (request.complete || request.socket.destroyed) return
    read(request.socket, request, options.clientOf(request))
    // Node discards unseen what nobody has begun to read.
    request.read(0)
  }
}

/** Node's own listener closes the connection if this was the last answer: it must find out that more is to come. */
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

/** What is still to come on one connection after an answer. */
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

  /** Nothing more is said on the connection, and it ends when the rest has come. */
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

  /** Told that it is over, the client gets a moment to notice. */
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

/** How many bodies are read at once. */
class Places {
  readonly #limits: RefusedBodies
  readonly #taken = new Map<string, number>()
  #inAll = 0

  constructor(limits: RefusedBodies) {
    this.#limits = limits
  }

  /** Whether there was one. */
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
