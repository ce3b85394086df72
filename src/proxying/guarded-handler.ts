import type { Dispatcher } from 'undici'
import type { KnownHeaders } from './known-headers.ts'

/** The head of an upstream's answer. */
export interface AnswerHead {
  readonly controller: Dispatcher.DispatchController
  readonly status: number
  readonly headers: Readonly<KnownHeaders>
  /** Names and values in turn, as on the wire, one character a byte. */
  readonly raw: readonly string[]
  readonly reason: string | undefined
}

type Controller = Dispatcher.DispatchController

/**
 * Everything that a leg and Node call while a request is with an upstream, guarded so that anything thrown ends in
 * `broke`. Otherwise a throw would be lost in the leg, or end the process, and the client would wait for ever. Nothing is
 * called once `over` is set. Subclasses override only the protected methods.
 */
export abstract class GuardedHandler implements Dispatcher.DispatchHandler {
  protected over = false

  /** The request is about to be written. The only method that is also called when `over` is set. */
  protected abstract started(controller: Controller): void
  /** The head of the answer has arrived. */
  protected abstract begin(head: AnswerHead): void
  /** A chunk of the body has arrived. */
  protected abstract take(controller: Controller, chunk: Buffer): void
  /** The whole body has arrived. */
  protected abstract finish(): void
  /** The connection failed, or could not be opened. */
  protected abstract lost(error: Error): void
  /** The client can take more, or the next turn has begun. */
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

  onResponseStart(controller: Controller, status: number, headers: KnownHeaders, reason?: string): void {
    // Interim answers are skipped (RFC 9110, 15.2). A status below 100 fails the exchange before.
    if (status < 200 || this.over) return
    try {
      const raw = textOf(controller.rawHeaders)
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

  /** The response has closed. After its end, that is not news. */
  onClientClose(): void {
    if (this.over) return
    try {
      this.clientLeft()
    } catch (error) {
      this.broke(error)
    }
  }
}

/** undici gives the bytes of a list of names and values. Latin-1 in both directions preserves every byte. */
function textOf(raw: Controller['rawHeaders']): readonly string[] {
  const list = raw as readonly Buffer[] | readonly string[] // from HTTP/1, never an object
  return typeof list[0] === 'string' ? (list as readonly string[]) : list.map(each => each.toString('latin1'))
}
