import type { ServerResponse } from 'node:http'
import type { Dispatcher } from 'undici'
import type { Journey } from '../addresses.ts'
import { joined, type AnswerHead } from '../answer-head.ts'
import { Exchange, type ExchangeEvents } from '../exchange.ts'
import { isCarried } from '../transfer-coding.ts'

/** What becomes of the body of a batch answer; `undefined`: it stays as it is. */
export type Understand = (body: Buffer) => string | undefined

/** Longest batch answer that is read: git-lfs asks for 100 objects at a time, for which servers need 50 to 400 KiB. */
const mostBytes = 8 * 2 ** 20

/**
 * The way of a batch request of git-lfs through an upstream. Its answer is kept back until it is whole, because its
 * length may change. What is no batch answer, or too long for one, goes its way as it is.
 */
export class BatchExchange extends Exchange {
  readonly #understand: Understand
  /** Of the answer that is kept back. */
  #kept: AnswerHead | undefined
  #chunks: Buffer[] = []
  #bytes = 0

  constructor(response: ServerResponse, journey: Journey, events: ExchangeEvents, understand: Understand) {
    super(response, journey, events)
    this.#understand = understand
  }

  protected override begin(head: AnswerHead): void {
    if (isBatchAnswer(head)) this.#kept = head
    else super.begin(head)
  }

  protected override take(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#kept === undefined) return super.take(controller, chunk)
    this.#chunks.push(chunk)
    this.#bytes += chunk.length
    if (this.#bytes > mostBytes) this.#goOn(this.#kept, controller, this.#chunks.splice(0))
  }

  protected override finish(): void {
    if (this.#kept !== undefined) this.#finish(this.#kept)
    super.finish()
  }

  /** The whole answer is here, and nothing of it may hold up the next one on its connection. */
  #finish(head: AnswerHead): void {
    const whole = Buffer.concat(this.#chunks.splice(0))
    const controller = unhurried(head.controller)
    const understood = this.#understand(whole)
    if (understood === undefined) return this.#goOn(head, controller, [whole])
    const body = Buffer.from(understood)
    this.#goOn(withLength(head, body.length), controller, [body])
  }

  /** Sends what was kept back, and lets the rest follow. */
  #goOn(head: AnswerHead, controller: Dispatcher.DispatchController, chunks: readonly Buffer[]): void {
    this.#kept = undefined
    super.begin(head)
    for (const chunk of chunks) if (chunk.length > 0) super.take(controller, chunk)
  }
}

function isBatchAnswer({ status, headers }: AnswerHead): boolean {
  const { 'content-type': type, 'content-encoding': coding = 'identity', 'content-length': length } = headers
  return (
    status === 200 &&
    typeof type === 'string' &&
    /^\s*application\/(?:vnd\.git-lfs\+)?json\s*(?:;|$)/i.test(type) &&
    coding === 'identity' &&
    isCarried(joined(headers['transfer-encoding']) ?? 'identity') &&
    !(Number(length) > mostBytes)
  )
}

/** The same head for another body. */
function withLength(head: AnswerHead, bytes: number): AnswerHead {
  const length = String(bytes)
  return {
    ...head,
    headers: { ...head.headers, 'content-length': length },
    raw: [...head.raw.filter(isStillTrue), Buffer.from('Content-Length'), Buffer.from(length)],
  }
}

/** Lengths, digests and the name of a body that is no longer the upstream's. */
const ofTheBody = new Set([
  'content-length',
  'content-md5',
  'digest',
  'content-digest',
  'repr-digest',
  'etag',
])

/** Of a list of names and values. */
function isStillTrue(_: Buffer, at: number, raw: readonly Buffer[]): boolean {
  return !ofTheBody.has(raw[at - (at % 2)]?.toString('latin1').toLowerCase() ?? '')
}

/** A controller for what has been read already. */
function unhurried(controller: Dispatcher.DispatchController): Dispatcher.DispatchController {
  const { aborted, reason } = controller
  return { aborted, paused: false, reason, abort: why => controller.abort(why), pause() {}, resume() {} }
}
