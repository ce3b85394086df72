import { createRequire } from 'node:module'
import { errors } from 'undici'

/** The head of an answer, an interim one too. */
export interface ParsedHead {
  readonly status: number
  readonly reason: string
  /** Names and values in turn, one character a byte. */
  readonly raw: string[]
  /** Whether the connection can carry another request after this answer. */
  readonly keeps: boolean
  /** Whether what follows is not HTTP. */
  readonly upgrades: boolean
}

/** Receives what a parser reads. */
export interface ParserEvents {
  /** An answer begins. */
  begun(): Verdict
  headed(head: ParsedHead): Verdict
  /** A piece of the body. Its bytes are valid only during the call. */
  body(piece: Buffer): Verdict
  /** The whole answer was read. */
  ended(): Verdict
}

/** How the parser goes on, in llhttp's numbers. */
export const goOn = 0
/** Only after a head: it has no body, whatever it says. */
export const noBody = 1
/** Nothing more is read before `resume`. */
export const pause = 21
export const fail = -1
export type Verdict = typeof goOn | typeof noBody | typeof pause | typeof fail

/** llhttp as undici builds it for WebAssembly. */
interface Llhttp {
  readonly memory: { readonly buffer: ArrayBuffer }
  llhttp_alloc(type: number): number
  llhttp_free(parser: number): void
  llhttp_execute(parser: number, at: number, bytes: number): number
  llhttp_finish(parser: number): number
  llhttp_resume(parser: number): void
  llhttp_get_error_pos(parser: number): number
  llhttp_get_error_reason(parser: number): number
  malloc(bytes: number): number
}

/** TypeScript knows it only together with the whole of a browser. */
declare const WebAssembly: {
  readonly Module: new (bytes: Uint8Array) => object
  readonly Instance: new (module: object, imports: object) => { readonly exports: unknown }
}

const typeResponse = 2
const executed = 0

/** A longer piece is read in parts. */
export const mostAtOnce = 65_536

const nothing = Buffer.alloc(0)

/** The parser that reads now, and what it reads. There is one input for all, so reads never overlap. */
let reading: AnswerParser | undefined
let part: Buffer = nothing

/** Where the texts of a head are in that part: start, end and kind of each in turn. */
const spans: number[] = []
let noted = 0
const name = 0
const value = 1
const phrase = 2

const callbacks = {
  wasm_on_url: () => executed,
  wasm_on_status: (_: number, at: number, bytes: number) => reading?.onStatus(at, bytes) ?? fail,
  wasm_on_message_begin: () => reading?.onBegin() ?? fail,
  wasm_on_header_field: (_: number, at: number, bytes: number) => reading?.onName(at, bytes) ?? fail,
  wasm_on_header_value: (_: number, at: number, bytes: number) => reading?.onValue(at, bytes) ?? fail,
  wasm_on_headers_complete: (_: number, status: number, upgrades: number, keeps: number) =>
    reading?.onHead(status, upgrades === 1, keeps === 1) ?? fail,
  wasm_on_body: (_: number, at: number, bytes: number) => reading?.onBody(at, bytes) ?? fail,
  wasm_on_message_complete: () => reading?.onEnd() ?? fail,
}

class Library {
  readonly llhttp: Llhttp
  /** Where llhttp reads. */
  readonly input: number
  #view: Uint8Array

  constructor() {
    const file = createRequire(import.meta.url)('undici/lib/llhttp/llhttp_simd-wasm.js') as Uint8Array
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(file), { env: callbacks })
    this.llhttp = exports as Llhttp
    this.input = this.llhttp.malloc(mostAtOnce)
    this.#view = new Uint8Array(this.llhttp.memory.buffer, this.input, mostAtOnce)
  }

  put(bytes: Buffer): void {
    const { buffer } = this.llhttp.memory
    // Memory that has grown is another buffer.
    if (this.#view.buffer !== buffer) this.#view = new Uint8Array(buffer, this.input, mostAtOnce)
    this.#view.set(bytes)
  }

  /** The text that begins there and ends with a zero. */
  textAt(at: number): string {
    const bytes = Buffer.from(this.llhttp.memory.buffer)
    return at === 0 ? '' : bytes.toString('latin1', at, bytes.indexOf(0, at))
  }
}

let library: Library | undefined

/** Whether this undici has llhttp where `AnswerParser` finds it. */
export function hasLlhttp(): boolean {
  try {
    library ??= new Library()
    return true
  } catch {
    return false
  }
}

/** Whether a parser is reading, so that no other may begin. */
export function isReading(): boolean {
  return reading !== undefined
}

function startReading(parser: AnswerParser, bytes: Buffer): void {
  if (reading !== undefined) throw new Error('two answers are read at once')
  reading = parser
  part = bytes
}

function stopReading(): void {
  reading = undefined
  part = nothing
  noted = 0
}

/** Reads the answers of one connection. Every byte is judged by llhttp; this only cuts the text where llhttp says. */
export class AnswerParser {
  readonly #events: ParserEvents
  readonly #mostHeadBytes: number
  readonly #library: Library
  readonly #parser: number
  #reason = ''
  #raw: string[] = []
  /** Of the answer before, most of whose names come again. */
  #rawBefore: readonly string[] = []
  #headBytes = 0
  /** By a callback. Nothing is thrown through llhttp, which would not give back its part of the stack. */
  #thrown: unknown

  constructor(events: ParserEvents, mostHeadBytes: number) {
    library ??= new Library()
    this.#events = events
    this.#mostHeadBytes = mostHeadBytes
    this.#library = library
    this.#parser = library.llhttp.llhttp_alloc(typeResponse)
  }

  /** Reads a piece. Returns what remains unread after a pause, an error if this is not HTTP, `undefined` otherwise. */
  read(piece: Buffer): Buffer | Error | undefined {
    let at = 0
    // Also without a byte: something may be due since a pause.
    do {
      const next = piece.length <= mostAtOnce ? piece : piece.subarray(at, at + mostAtOnce)
      const rest = this.#execute(next)
      at += next.length
      if (rest instanceof Error) return rest
      if (rest !== undefined) return piece.subarray(at - rest.length)
    } while (at < piece.length)
    return undefined
  }

  #execute(next: Buffer): Buffer | Error | undefined {
    const { llhttp, input } = this.#library
    startReading(this, next)
    this.#library.put(next)
    let result: number
    try {
      result = llhttp.llhttp_execute(this.#parser, input, next.length)
      // The rest of a name or value comes with the next part.
      this.#cut()
    } finally {
      stopReading()
    }
    if (result === executed) return undefined
    if (result !== pause) return this.#error(result)
    return next.subarray(llhttp.llhttp_get_error_pos(this.#parser) - input)
  }

  /** After a pause. What was returned as unread has to be read again. */
  resume(): void {
    this.#library.llhttp.llhttp_resume(this.#parser)
  }

  /** The connection has ended. Returns an error if the answer is not complete. */
  finish(): Error | undefined {
    startReading(this, nothing)
    try {
      const result = this.#library.llhttp.llhttp_finish(this.#parser)
      return result === executed ? undefined : this.#error(result)
    } finally {
      stopReading()
    }
  }

  /** Nothing else may be called afterwards. */
  free(): void {
    this.#library.llhttp.llhttp_free(this.#parser)
  }

  #error(code: number): Error {
    if (this.#thrown !== undefined) return this.#thrown instanceof Error ? this.#thrown : new Error('thrown')
    if (this.#headBytes >= this.#mostHeadBytes) return new errors.HeadersOverflowError()
    const reason = this.#library.textAt(this.#library.llhttp.llhttp_get_error_reason(this.#parser))
    return new errors.HTTPParserError(`the answer is not HTTP/1.1 (${code}, ${reason})`)
  }

  /** @internal As all that follows: called by llhttp. */
  onBegin(): Verdict {
    this.#reason = ''
    this.#startHead()
    try {
      return this.#events.begun()
    } catch (error) {
      return this.#threw(error)
    }
  }

  onStatus(at: number, bytes: number): Verdict {
    return this.#note(at, bytes, phrase)
  }

  onName(at: number, bytes: number): Verdict {
    this.#headBytes += bytes
    return this.#note(at, bytes, name)
  }

  onValue(at: number, bytes: number): Verdict {
    this.#headBytes += bytes
    return this.#note(at, bytes, value)
  }

  onHead(status: number, upgrades: boolean, keeps: boolean): Verdict {
    this.#cut()
    const raw = this.#raw
    if (raw.length > 0) this.#rawBefore = raw
    // What follows are trailers, which are dropped.
    this.#startHead()
    try {
      return this.#events.headed({ status, reason: this.#reason, raw, keeps, upgrades })
    } catch (error) {
      return this.#threw(error)
    }
  }

  onBody(at: number, bytes: number): Verdict {
    // After a pause at the end of a piece, its rest is nothing: who pauses at each piece would never get the next one.
    if (bytes === 0) return goOn
    const start = at - this.#library.input
    try {
      return this.#events.body(part.subarray(start, start + bytes))
    } catch (error) {
      return this.#threw(error)
    }
  }

  onEnd(): Verdict {
    try {
      return this.#events.ended()
    } catch (error) {
      return this.#threw(error)
    }
  }

  #threw(error: unknown): Verdict {
    this.#thrown = error
    return fail
  }

  #startHead(): void {
    this.#raw = []
    this.#headBytes = 0
  }

  #note(at: number, bytes: number, kind: number): Verdict {
    const start = at - this.#library.input
    spans[noted] = start
    spans[noted + 1] = start + bytes
    spans[noted + 2] = kind
    noted += 3
    return this.#headBytes >= this.#mostHeadBytes ? fail : goOn
  }

  /** Makes text of what was noted, all of it at once: each call into Node costs more than a cut. */
  #cut(): void {
    if (noted === 0) return
    const raw = this.#raw
    const first = spans[0] ?? 0
    const text = part.toString('latin1', first, spans[noted - 2])
    for (let n = 0; n < noted; n += 3) {
      const from = (spans[n] ?? 0) - first
      const to = (spans[n + 1] ?? 0) - first
      const kind = spans[n + 2]
      if (kind === phrase) this.#reason += text.slice(from, to)
      // A name stands at an even place. Whatever stands at the wrong one continues the last one, across two parts.
      else if (kind !== raw.length % 2) raw[raw.length - 1] += text.slice(from, to)
      else raw.push(kind === name ? this.#nameIn(text, from, to) : text.slice(from, to))
    }
    noted = 0
  }

  /** The same string as in the answer before, if it is there at the same place: V8 has looked that one up already. */
  #nameIn(text: string, from: number, to: number): string {
    const before = this.#rawBefore[this.#raw.length]
    return before?.length === to - from && text.startsWith(before, from) ? before : text.slice(from, to)
  }
}
