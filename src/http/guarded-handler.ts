import type { ServerResponse } from 'node:http'
import type { Dispatcher } from 'undici'
import type { AnswerHead } from './answer-head.ts'

type Controller = Dispatcher.DispatchController

/**
 * All that undici and Node call while a request is with an upstream, with one end for whatever throws: `broke`. A throw
 * would else be lost in undici, or end the process, and the client would wait for ever. Nothing is called any more once
 * `over` is set. Subclasses override what is protected, and leave the rest: it is what holds the promise.
 */
export abstract class GuardedHandler implements Dispatcher.DispatchHandler {
  protected over = false

  protected constructor(response: ServerResponse) {
    // After the answer has been sent 'close' comes as well, and means nothing.
    response.on('close', this.#onClientClose)
  }

  /** The request is about to be written, or the client is gone and `over` is set: the one call that comes even then. */
  protected abstract started(controller: Controller): void
  /** The head of the answer is there. */
  protected abstract begin(head: AnswerHead): void
  /** A piece of the body is there. */
  protected abstract take(controller: Controller, chunk: Buffer): void
  /** All of the body is there. */
  protected abstract finish(): void
  /** The connection failed, or there never was one. */
  protected abstract lost(error: Error): void
  /** The client has taken what was written, or the turn has come to go on. */
  protected abstract drained(): void
  protected abstract clientLeft(): void
  /** One of these threw. Must not throw itself. */
  protected abstract broke(error: unknown): void

  onRequestStart(controller: Controller): void {
    try {
      this.started(controller)
    } catch (error) {
      this.broke(error)
    }
  }

  onResponseStart(
    controller: Controller,
    status: number,
    headers: Record<string, string | string[] | undefined>,
    reason?: string,
  ): void {
    // Interim answers are passed over (RFC 9110, 15.2); what is below 100 is none, and undici ends it.
    if (status < 200 || this.over) return
    try {
      const raw = controller.rawHeaders as readonly Buffer[] // undici's HTTP/1 parser gives nothing else
      this.begin({ controller, status, headers, raw, reason })
    } catch (error) {
      this.broke(error)
    }
  }

  onResponseData(controller: Controller, chunk: Buffer): void {
    if (this.over) return
    try {
      this.take(controller, chunk)
    } catch (error) {
      this.broke(error)
    }
  }

  onResponseEnd(): void {
    if (this.over) return
    try {
      this.finish()
    } catch (error) {
      this.broke(error)
    }
  }

  onResponseError(_: Controller | null, error: Error): void {
    if (this.over) return
    try {
      this.lost(error)
    } catch (bug) {
      this.broke(bug)
    }
  }

  protected readonly onDrain = (): void => {
    if (this.over) return
    try {
      this.drained()
    } catch (error) {
      this.broke(error)
    }
  }

  readonly #onClientClose = (): void => {
    if (this.over) return
    try {
      this.clientLeft()
    } catch (error) {
      this.broke(error)
    }
  }
}
