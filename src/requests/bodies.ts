import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { Readable } from 'node:stream'
import { bodyPassed } from '../engine/memory.ts'
import type { Client } from './client.ts'

/** Whether a request has a body (RFC 9112, 6.3), whatever its method. */
export function hasBody({ headers }: IncomingMessage): boolean {
  const length = headers['content-length']
  return headers['transfer-encoding'] !== undefined || (length !== undefined && length !== '0')
}

/**
 * A request's body as undici may have it. undici destroys the stream it is given when an exchange fails, and a
 * destroyed IncomingMessage takes the client's connection along, with the answer that should explain the failure.
 * Destroying this one lets go of the request; whatever is still to come is read and forgotten.
 */
export class Upload extends Readable {
  readonly #request: IncomingMessage
  readonly #response: ServerResponse
  readonly #broke: (error: unknown) => void
  #started = false

  /** `broke` is told of a bug in here, which ends the upload. It must not throw. */
  constructor(request: IncomingMessage, response: ServerResponse, broke: (error: unknown) => void) {
    super()
    this.#request = request
    this.#response = response
    this.#broke = broke
  }

  override _read(): void {
    try {
      if (!this.#started) this.#start()
      this.#request.resume()
    } catch (error) {
      this.#fail(error)
    }
  }

  override _destroy(_error: Error | null, callback: (error?: Error | null) => void): void {
    this.#request.off('data', this.#onData).off('end', this.#onEnd).resume()
    // Whoever destroyed it knows why; as an event it would only be an error that nobody listens to.
    callback()
  }

  /** First read at the moment an upstream connection is ready for it: 100 Continue means what it says. */
  #start(): void {
    this.#started = true
    if (expectsContinue(this.#request)) this.#response.writeContinue()
    this.#request.on('data', this.#onData).on('end', this.#onEnd)
  }

  readonly #onData = (chunk: Buffer): void => {
    try {
      this.pass(chunk)
    } catch (error) {
      this.#fail(error)
    }
  }

  readonly #onEnd = (): void => {
    this.push(null)
  }

  /** A piece of the body is there. */
  protected pass(chunk: Buffer): void {
    bodyPassed(chunk.length)
    pieceCame(this.#request.socket)
    if (!this.push(chunk)) this.#request.pause()
  }

  #fail(error: unknown): void {
    this.#broke(error)
    this.destroy()
  }
}

/** As Node itself reads it; HTTP/1.0 has no 100 (RFC 9110, 10.1.1). */
export function expectsContinue({ headers, httpVersion }: IncomingMessage): boolean {
  return httpVersion === '1.1' && headers.expect !== undefined && /\b100-continue\b/i.test(headers.expect)
}

/** Pieces of bodies after which the connection that brought the last one waits for its next turn. */
const piecesATurn = 1000

let pieces = 0

const waiting = new WeakSet<Socket>()

/**
 * Told that a piece of a body has come on a connection. One read brings 64 KiB, and as long as there is more it is read
 * on, 2 MB in one turn of the event loop. In chunks of one byte those are 350,000 pieces: seconds in which no other
 * connection is served. So nothing more is read after every so many pieces, whoever sent the others, until the next turn.
 */
export function pieceCame(socket: Socket): void {
  if (++pieces < piecesATurn) return
  pieces = 0
  if (waiting.has(socket)) return
  waiting.add(socket)
  // Node resumes a socket whenever a body is read.
  socket.on('resume', pause)
  socket.pause()
  setImmediate(goOn, socket)
}

function goOn(socket: Socket): void {
  waiting.delete(socket)
  socket.off('resume', pause)
  if (restLeft(socket) === 0) socket.resume()
}

function pause(this: Socket): void {
  this.pause()
}

/** Milliseconds in which nothing is read from a connection that was told to come later. */
const restMs = 100

/** Until when connections rest. */
const resting = new WeakMap<Socket, number>()

/**
 * Whether a connection is one caller's own. A proxy's carries other people's requests, too, and a load test would
 * measure its own rest.
 */
export function mayRest({ trusted, lane }: Client): boolean {
  return !trusted && lane === 'production'
}

/**
 * The answer leaves at once; the next request on its connection is looked at a moment later. Refusing costs little, but
 * somebody who guesses as fast as he is refused would take the time of everybody else.
 */
export function restAfter(response: ServerResponse): void {
  response.once('finish', () => {
    const { socket } = response.req
    resting.set(socket, performance.now() + restMs)
    socket.pause()
    setTimeout(() => socket.resume(), restMs)
  })
}

/** Milliseconds for which the connection still rests: requests that it sent ahead are not begun either. */
export function restLeft(socket: Socket): number {
  return Math.max(0, (resting.get(socket) ?? 0) - performance.now())
}

/**
 * Whether a message is chunked and nothing else. `codings`: all of its `Transfer-Encoding`, joined with commas. Parsers differ
 * in what they make of parameters, empty places and repeats (RFC 9112, 6.1), and llhttp does not take `chunked` with a tab
 * behind it for chunked, so those are something else.
 */
export function isChunked(codings: string): boolean {
  return /^[ \t]*chunked *$/i.test(codings)
}

/** Whether the chunks are the outermost coding, so that the end of the body can be found. */
export function endsChunked(codings: string): boolean {
  return /(?:^|,)[ \t]*chunked *$/i.test(codings)
}

/** Whether the bytes of a body mean what they are. `identity`, which older servers send, says just that. */
export function isCarried(codings: string): boolean {
  return isChunked(codings) || /^[ \t]*identity *$/i.test(codings)
}
