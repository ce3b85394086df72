import type { IncomingMessage, ServerResponse } from 'node:http'
import { Upload } from '../requests/bodies.ts'
import { pathOf } from '../requests/tool.ts'
import type { AddressMapping } from './addresses.ts'
import { Exchange, type ExchangeEvents } from './exchange.ts'
import type { AnswerHead } from './guarded-handler.ts'

/** Longest first line that is buffered; git's contains the name of one ref. */
const longestLine = 4096

/** The body of a push, streamed unchanged. The client's capabilities are read as it passes. */
export class Push extends Upload {
  #head = Buffer.alloc(0)
  #parsed = false
  #hasSideBand = false

  /** Whether the client shows what comes on the second band (gitprotocol-capabilities, side-band-64k). */
  get hasSideBand(): boolean {
    return this.#hasSideBand
  }

  protected override pass(chunk: Buffer): void {
    if (!this.#parsed) this.#parse(chunk)
    super.pass(chunk)
  }

  /** The first pkt-line: its length in four hex digits, two ids, a ref, a zero byte, capabilities. */
  #parse(chunk: Buffer): void {
    this.#head = Buffer.concat([this.#head, chunk])
    const length = Number.parseInt(this.#head.toString('latin1', 0, 4), 16)
    if (this.#head.length < 4 || (this.#head.length < length && this.#head.length < longestLine)) return
    this.#parsed = true
    const [, capabilities = ''] = this.#head.toString('latin1', 0, length).split('\0')
    this.#hasSideBand = capabilities.split(/[ \n]/).includes('side-band-64k')
  }
}

/** A notice that is shown during a push. */
export interface PushNotice {
  readonly push: Push
  /** Lines, each with its line end; git shows them as `remote:`. */
  readonly lines: string
  /** They are on their way to the client. */
  readonly said?: () => void
}

/** A push at an upstream, with a notice of the gateway before the upstream's report. */
export class PushExchange extends Exchange {
  readonly #notice: PushNotice

  constructor(response: ServerResponse, mapping: AddressMapping, events: ExchangeEvents, notice: PushNotice) {
    super(response, mapping, events)
    this.#notice = notice
  }

  protected override begin(head: AnswerHead): void {
    const { push, lines, said } = this.#notice
    if (!push.hasSideBand || !isReport(head)) return super.begin(head)
    // The body gets longer; without a length, Node uses chunked.
    const { 'content-length': _, ...headers } = head.headers
    super.begin({ ...head, headers, raw: withoutLength(head.raw) })
    this.onResponseData(head.controller, onSideBand(lines))
    said?.()
  }
}

function isReport({ status, headers }: AnswerHead): boolean {
  return (
    status === 200 &&
    headers['content-encoding'] === undefined &&
    headers['content-type'] === 'application/x-git-receive-pack-result'
  )
}

/** One pkt-line on the band for messages to the user. */
function onSideBand(lines: string): Buffer {
  const text = Buffer.from(lines, 'utf8')
  const length = (4 + 1 + text.length).toString(16).padStart(4, '0')
  return Buffer.concat([Buffer.from(`${length}\x02`, 'latin1'), text])
}

function withoutLength(raw: readonly string[]): readonly string[] {
  return raw.filter((_, at) => !isLength(raw[at - (at % 2)]))
}

function isLength(name: string | undefined): boolean {
  return name?.toLowerCase() === 'content-length'
}

/** A push whose body can be parsed: git compresses its fetch requests, but never a push. */
export function isPush({ method, headers }: IncomingMessage, { target }: AddressMapping): boolean {
  const plain = headers['content-encoding'] === undefined
  return method === 'POST' && plain && pathOf(target).endsWith('/git-receive-pack')
}
