import type { IncomingMessage, ServerResponse } from 'node:http'
import { Upload } from '../requests/bodies.ts'
import { pathOf } from '../requests/tool.ts'
import type { AddressMapping } from './addresses.ts'
import { type AnswerHead, Exchange, type ExchangeEvents } from './exchange.ts'

/** Longest first line that is waited for; git's has the name of one ref in it. */
const longestLine = 4096

/** The body of a push. It travels as it comes; what the client says it can do is heard on the way. */
export class Push extends Upload {
  #head = Buffer.alloc(0)
  #heard = false
  #hasSideBand = false

  /** Whether the client shows what comes on the second band (gitprotocol-capabilities, side-band-64k). */
  get hasSideBand(): boolean {
    return this.#hasSideBand
  }

  protected override pass(chunk: Buffer): void {
    if (!this.#heard) this.#hear(chunk)
    super.pass(chunk)
  }

  /** The first pkt-line: its length in four hex digits, two ids, a ref, a zero byte, capabilities. */
  #hear(chunk: Buffer): void {
    this.#head = Buffer.concat([this.#head, chunk])
    const length = Number.parseInt(this.#head.toString('latin1', 0, 4), 16)
    if (this.#head.length < 4 || (this.#head.length < length && this.#head.length < longestLine)) return
    this.#heard = true
    const [, capabilities = ''] = this.#head.toString('latin1', 0, length).split('\0')
    this.#hasSideBand = capabilities.split(/[ \n]/).includes('side-band-64k')
  }
}

/** What is said during a push. */
export interface Said {
  readonly push: Push
  /** Lines, each with its end; git shows them as `remote:`. */
  readonly lines: string
}

/** The way of a push through an upstream, with a word of ours before the upstream's report. */
export class PushExchange extends Exchange {
  readonly #said: Said

  constructor(response: ServerResponse, mapping: AddressMapping, events: ExchangeEvents, said: Said) {
    super(response, mapping, events)
    this.#said = said
  }

  protected override begin(head: AnswerHead): void {
    const { push, lines } = this.#said
    if (!push.hasSideBand || !isReport(head)) return super.begin(head)
    // It gets longer: without a length Node frames it anew.
    const { 'content-length': _, ...headers } = head.headers
    super.begin({ ...head, headers, raw: withoutLength(head.raw) })
    this.onResponseData(head.controller, onSideBand(lines))
  }
}

function isReport({ status, headers }: AnswerHead): boolean {
  return (
    status === 200 &&
    headers['content-encoding'] === undefined &&
    headers['content-type'] === 'application/x-git-receive-pack-result'
  )
}

/** One pkt-line on the band for messages to people. */
function onSideBand(lines: string): Buffer {
  const text = Buffer.from(lines, 'utf8')
  const length = (4 + 1 + text.length).toString(16).padStart(4, '0')
  return Buffer.concat([Buffer.from(`${length}\x02`, 'latin1'), text])
}

function withoutLength(raw: readonly Buffer[]): readonly Buffer[] {
  return raw.filter((_, at) => !isLength(raw[at - (at % 2)]))
}

function isLength(name: Buffer | undefined): boolean {
  return name?.toString('latin1').toLowerCase() === 'content-length'
}

/** A push whose answer may be spoken into: git compresses what it asks for, never what it pushes. */
export function isPush({ method, headers }: IncomingMessage, { target }: AddressMapping): boolean {
  const plain = headers['content-encoding'] === undefined
  return method === 'POST' && plain && pathOf(target).endsWith('/git-receive-pack')
}
