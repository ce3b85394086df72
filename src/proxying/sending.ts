import type { Dispatcher } from 'undici'
import { fail, goOn, pause, type Verdict } from './answer-parser.ts'
import type { KeptConnection } from './kept-connection.ts'
import type { KnownHeaders } from './known-headers.ts'

/** One request without a body, and what its handler controls it with. Only its own answer ever reaches the handler. */
export class Sending implements Dispatcher.DispatchController {
  /** All that is written. */
  readonly bytes: string
  readonly isHead: boolean
  readonly #handler: Dispatcher.DispatchHandler
  /** From before the request is written until its answer was read. */
  connection: KeptConnection | undefined
  #isOver = false
  paused = false
  aborted = false
  reason: Error | null = null
  rawHeaders: string[] | null = null

  constructor(bytes: string, isHead: boolean, handler: Dispatcher.DispatchHandler) {
    this.bytes = bytes
    this.isHead = isHead
    this.#handler = handler
  }

  /** Returns whether the request is still to be written. */
  start(connection: KeptConnection): boolean {
    if (this.#isOver) return false
    this.connection = connection
    this.#handler.onRequestStart?.(this, null)
    return !this.aborted
  }

  begin(status: number, headers: KnownHeaders, raw: string[], reason: string): Verdict {
    this.rawHeaders = raw
    this.#handler.onResponseStart?.(this, status, headers, reason)
    return this.#verdict
  }

  take(chunk: Buffer): Verdict {
    this.#handler.onResponseData?.(this, chunk)
    return this.#verdict
  }

  end(): void {
    this.#over()
    this.#handler.onResponseEnd?.(this, {})
  }

  lose(error: Error): void {
    this.#over()
    this.#handler.onResponseError?.(this, error)
  }

  abort(reason: Error): void {
    if (this.#isOver) return
    this.aborted = true
    this.reason = reason
    const { connection } = this
    this.#over()
    connection?.drop(this)
    this.#handler.onResponseError?.(this, reason)
  }

  pause(): void {
    this.paused = true
  }

  resume(): void {
    if (!this.paused) return
    this.paused = false
    this.connection?.goOn(this)
  }

  /** The handler hears nothing more, and a later call of its own means no other request. */
  #over(): void {
    this.#isOver = true
    this.connection = undefined
  }

  get #verdict(): Verdict {
    if (this.aborted) return fail
    return this.paused ? pause : goOn
  }
}
