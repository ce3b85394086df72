import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { Readable } from 'node:stream'
import { bodyPassed } from '../engine/memory.ts'

/** Whether a request has a body (RFC 9112, 6.3), whatever its method. */
export function hasBody({ headers }: IncomingMessage): boolean {
  const length = headers['content-length']
  return headers['transfer-encoding'] !== undefined || (length !== undefined && length !== '0')
}

/** What was read of a request body before the request is forwarded. */
export interface BodyStart {
  readonly bytes: Buffer
  /** Nothing follows. */
  readonly isWhole: boolean
}

/**
 * A request body that undici can own. undici destroys the stream it is given when an exchange fails, and destroying the
 * IncomingMessage would close the client's connection before the answer that explains the failure. Destroying this
 * stream only detaches it: the rest of the body is read and discarded.
 */
export class Upload extends Readable {
  readonly #request: IncomingMessage
  readonly #response: ServerResponse
  readonly #broke: (error: unknown) => void
  readonly #begun: BodyStart | undefined
  #started = false

  /**
   * `broke` is called for a bug in this class, which ends the upload. It must not throw. `begun`: what was read of the body
   * before.
   */
  constructor(
    request: IncomingMessage,
    response: ServerResponse,
    broke: (error: unknown) => void,
    begun?: BodyStart,
  ) {
    super()
    this.#request = request
    this.#response = response
    this.#broke = broke
    this.#begun = begun
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
    // The error is not passed on: its cause is handled where the stream was destroyed, and the event has no listener.
    callback()
  }

  /** Called when an upstream connection is ready to take the body, so 100 Continue is sent only then. */
  #start(): void {
    this.#started = true
    if (this.#begun !== undefined) this.push(this.#begun.bytes)
    // It was sent before the beginning was read.
    else if (expectsContinue(this.#request)) this.#response.writeContinue()
    // Nothing tells the end of what is not there.
    if (this.#begun?.isWhole || !hasBody(this.#request)) return this.#onEnd()
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

  /** A chunk of the body has arrived. */
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

/** Matches Node's own check. HTTP/1.0 has no 100 (RFC 9110, 10.1.1). */
export function expectsContinue({ headers, httpVersion }: IncomingMessage): boolean {
  return httpVersion === '1.1' && headers.expect !== undefined && /\b100-continue\b/i.test(headers.expect)
}

/** Chunks after which the connection that sent the last one waits for the next turn of the event loop. */
const piecesATurn = 1000

let pieces = 0

const waiting = new WeakSet<Socket>()

/**
 * Counts a body chunk that has arrived on a connection. Node reads up to 2 MB from a socket in one turn of the event
 * loop, 64 KiB at a time. In chunks of one byte that is 350,000 chunks: seconds in which no other connection is served.
 * So after a fixed number of chunks, from all connections together, the last connection waits for the next turn.
 */
export function pieceCame(socket: Socket): void {
  if (++pieces < piecesATurn) return
  pieces = 0
  if (waiting.has(socket)) return
  waiting.add(socket)
  stopReading(socket)
  setImmediate(() => {
    waiting.delete(socket)
    readOn(socket)
  })
}

/** Stops reading from a connection, although Node resumes it whenever a body is read. `readOn` undoes one call. */
export function stopReading(socket: Socket): void {
  socket.on('resume', pause)
  socket.pause()
}

export function readOn(socket: Socket): void {
  socket.off('resume', pause)
  socket.resume()
}

function pause(this: Socket): void {
  this.pause()
}

/** Milliseconds between two looks at a connection that is held. */
const lookMs = 5000

/**
 * Stops reading a request whose body is not wanted yet. Read into the request's buffer, a byte costs as much as a chunk,
 * and thousands of waiting clients could send one each in the same turn. That a client has left is seen only by reading,
 * so a little is read every few seconds. Returns how to read on; calling it again does nothing.
 */
export function holdBody({ socket }: IncomingMessage): () => void {
  stopReading(socket)
  const looking = setInterval(() => {
    readOn(socket)
    setImmediate(() => held && stopReading(socket))
  }, lookMs)
  let held = true
  return () => {
    if (!held) return
    held = false
    clearInterval(looking)
    readOn(socket)
  }
}

/**
 * Whether `chunked` is the only coding. `codings`: all `Transfer-Encoding` lines, joined with commas. Parsers disagree
 * about parameters, empty elements and repeats (RFC 9112, 6.1), and llhttp does not accept `chunked` followed by a tab,
 * so none of these count as chunked.
 */
export function isChunked(codings: string): boolean {
  return /^[ \t]*chunked *$/i.test(codings)
}

/** Whether chunked is the outermost coding, so that the end of the body can be found. */
export function endsChunked(codings: string): boolean {
  return /(?:^|,)[ \t]*chunked *$/i.test(codings)
}

/** Whether the body has no coding but chunked. `identity`, which older servers send, means the same. */
export function isUnencoded(codings: string): boolean {
  return isChunked(codings) || /^[ \t]*identity *$/i.test(codings)
}
