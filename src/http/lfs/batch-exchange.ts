import type { ServerResponse } from 'node:http'
import type { Dispatcher } from 'undici'
import { Exchange, type ExchangeEvents } from '../exchange.ts'
import type { Journey } from '../addresses.ts'

/** What becomes of the body of a batch answer; `undefined`: it stays as it is. */
export type Understand = (body: Buffer) => string | undefined

/** Longest batch answer that is read: git-lfs asks for 100 objects at a time, for which servers need 50 to 400 KiB. */
const mostBytes = 8 * 2 ** 20

type Start = Parameters<Exchange['onResponseStart']>

/**
 * The way of a batch request of git-lfs through an upstream. Its answer is kept back until it is whole, because its
 * length may change. What is no batch answer, or too long for one, goes its way as it is.
 */
export class BatchExchange extends Exchange {
  readonly #understand: Understand
  #start: Start | undefined
  #chunks: Buffer[] = []
  #bytes = 0

  constructor(response: ServerResponse, journey: Journey, events: ExchangeEvents, understand: Understand) {
    super(response, journey, events)
    this.#understand = understand
  }

  override onResponseStart(...start: Start): void {
    const [, status, headers] = start
    if (isBatchAnswer(status, headers)) this.#start = start
    else super.onResponseStart(...start)
  }

  override onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#start === undefined) return super.onResponseData(controller, chunk)
    this.#chunks.push(chunk)
    this.#bytes += chunk.length
    if (this.#bytes > mostBytes) this.#goOn(controller)
  }

  override onResponseEnd(...end: Parameters<Exchange['onResponseEnd']>): void {
    if (this.#start !== undefined) this.#finish(...this.#start)
    super.onResponseEnd(...end)
  }

  /** The whole answer is here. */
  #finish(...[controller, status, headers, reason]: Start): void {
    const understood = this.#understand(Buffer.concat(this.#chunks))
    const raw = controller.rawHeaders as Buffer[] // see `Exchange`
    if (understood === undefined) return this.#goOn(afterwards(controller, raw))
    const body = Buffer.from(understood)
    const length = String(body.length)
    const rawHeaders = [...raw.filter(isStillTrue), Buffer.from('Content-Length'), Buffer.from(length)]
    const rewritten = afterwards(controller, rawHeaders)
    super.onResponseStart(rewritten, status, { ...headers, 'content-length': length }, reason)
    super.onResponseData(rewritten, body)
  }

  /** Sends what was kept back, and lets the rest follow. */
  #goOn(controller: Dispatcher.DispatchController): void {
    if (this.#start === undefined) return
    const start = this.#start
    this.#start = undefined
    super.onResponseStart(...start)
    for (const chunk of this.#chunks.splice(0)) super.onResponseData(controller, chunk)
  }
}

function isBatchAnswer(status: number, headers: Start[2]): boolean {
  const { 'content-type': type, 'content-encoding': coding = 'identity', 'content-length': length } = headers
  return (
    status === 200 &&
    typeof type === 'string' &&
    /^\s*application\/(?:vnd\.git-lfs\+)?json\s*(?:;|$)/i.test(type) &&
    coding === 'identity' &&
    !(Number(length) > mostBytes)
  )
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

/** The controller of an answer that has been read to its end: nothing of it may hold up the next one. */
function afterwards(
  controller: Dispatcher.DispatchController,
  rawHeaders: Buffer[],
): Dispatcher.DispatchController {
  const { aborted, reason } = controller
  return {
    aborted,
    paused: false,
    reason,
    rawHeaders,
    abort: why => controller.abort(why),
    pause() {},
    resume() {},
  }
}
