import type { IncomingMessage, ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import { bodyPassed } from '../engine/memory.ts'
import { pieceCame } from './small-pieces.ts'

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
