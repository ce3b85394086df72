import type { Socket } from 'node:net'
import { errors } from 'undici'
import {
  AnswerParser,
  fail,
  goOn,
  isReading,
  noBody,
  type ParsedHead,
  type ParserEvents,
  pause,
  type Verdict,
} from './answer-parser.ts'
import { closedEarly } from './closed-unanswered.ts'
import { InterimAnswers } from './interim-answers.ts'
import { dueIn, never, unwatch, watch } from './kept-clock.ts'
import { knownOf, type KnownHeaders } from './known-headers.ts'
import type { Sending } from './sending.ts'

/** How a connection behaves, in milliseconds and bytes. */
export interface KeptOptions {
  readonly headersTimeout: number
  readonly bodyTimeout: number
  readonly keepAliveTimeout: number
  /** How much earlier than the upstream announces the connection is given up. */
  readonly keepAliveTimeoutThreshold: number
  readonly maxHeaderSize: number
}

/** What a connection belongs to. */
export interface KeptOwner {
  /** The connection can take a request. */
  rests(connection: KeptConnection): void
  /** `unwritten`: a request that it had taken, and that goes over another one. */
  closed(connection: KeptConnection, unwritten: Sending | undefined): void
}

/** A connection to an upstream, which carries one request after the other. */
export class KeptConnection implements ParserEvents {
  readonly #socket: Socket
  readonly #owner: KeptOwner
  readonly #options: KeptOptions
  readonly #parser: AnswerParser
  readonly #interim: InterimAnswers
  /** The request that is about to be written, or whose answer is being read. */
  #sending: Sending | undefined
  /** Whether what comes is an answer: from writing a request until the end of the piece that ends its answer. */
  #isAsked = false
  #requests = 0
  /** Whether anything came since the request was written. */
  #received = false
  /** The request whose answer has just been read to its end, until that is told. */
  #answered: Sending | undefined
  /** Of the answer under way; 0 before its head. */
  #status = 0
  /** Whether the answer ends before the connection does. */
  #keeps = false
  /** Whether the connection carries no other request, whatever the answer says. */
  #isLast = false
  /** Content-Length of the answer under way; -1 without one. */
  #length = -1
  #bodyBytes = 0
  /** What came while the handler takes nothing. */
  #unread: Buffer | undefined
  #keepAlive = 0
  #restsUntil = 0
  #dueAt = never
  /** Why the connection is being closed. */
  #error: Error | undefined

  constructor(socket: Socket, owner: KeptOwner, options: KeptOptions) {
    this.#socket = socket
    this.#owner = owner
    this.#options = options
    this.#parser = new AnswerParser(this, options.maxHeaderSize)
    this.#interim = new InterimAnswers(options.maxHeaderSize)
    socket.on('end', this.#onEnd).on('error', this.#onError).on('close', this.#onClose)
    // Whatever waits for an answer keeps the process alive itself.
    socket.unref()
    watch(this)
  }

  /** Whether a resting connection can take a request. */
  get isGood(): boolean {
    return !this.#socket.destroyed && performance.now() < this.#restsUntil
  }

  /** Takes the first request of a new connection. */
  begin(sending: Sending): void {
    this.#sending = sending
    this.write()
  }

  /**
   * Takes another request. It is written once the event loop has polled: what the upstream has sent unasked, or that it has
   * closed the connection, is then known, and the request goes over another one (GHSA-35p6-xmwp-9g52).
   */
  take(sending: Sending): void {
    this.#sending = sending
    if (toWrite.push(this) === 1) setImmediate(writeAll)
  }

  /** @internal Writes the request that was taken. */
  write(): void {
    const sending = this.#sending
    if (sending === undefined || this.#isAsked || this.#socket.destroyed) return
    try {
      if (!sending.start(this)) return this.drop(sending)
    } catch (error) {
      return sending.abort(error as Error)
    }
    this.#isAsked = true
    this.#requests += 1
    this.#received = false
    this.#status = 0
    this.#length = -1
    this.#bodyBytes = 0
    this.#interim.begin()
    this.#dueAt = dueIn(this.#options.headersTimeout)
    this.#socket.write(sending.bytes, 'latin1')
  }

  /** The upstream has sent this. The bytes are valid only during the call. */
  received(bytes: Buffer): void {
    if (this.#socket.destroyed) return
    // It would be taken for the next answer.
    if (!this.#isAsked) return this.destroy(new errors.SocketError('unasked bytes'))
    if (this.#unread !== undefined) return void (this.#unread = Buffer.concat([this.#unread, bytes]))
    let piece = bytes
    if (!this.#interim.over) {
      this.#received = true
      piece = this.#interim.pass(bytes)
      if (this.#interim.tooLong) return this.destroy(new errors.HeadersOverflowError())
      if (piece.length === 0) return
    }
    this.#read(piece)
  }

  #read(piece: Buffer): void {
    let rest: Buffer | Error | undefined
    try {
      rest = this.#parser.read(piece)
    } catch (error) {
      return this.destroy(error as Error)
    }
    // Only now it is known whether anything follows the answer.
    if (this.#sending === undefined && rest === undefined) this.#rest()
    else if (this.#sending === undefined) this.destroy()
    else if (rest instanceof Error) this.destroy(this.#reasonOf(rest))
    else if (rest !== undefined) {
      this.#unread = Buffer.from(rest)
      this.#socket.pause()
    }
    // Only then: the request that this end lets in may go over this connection.
    this.#tellEnd()
  }

  #tellEnd(): void {
    const answered = this.#answered
    this.#answered = undefined
    try {
      answered?.end()
    } catch {
      // The answer was complete, so there is nothing to tell. A request that was let in has not been written yet.
      this.destroy()
    }
  }

  #rest(): void {
    this.#isAsked = false
    this.#restsUntil = performance.now() + this.#keepAlive
    this.#dueAt = dueIn(this.#keepAlive)
    this.#owner.rests(this)
  }

  /** The handler of this request takes more again. */
  goOn(sending: Sending): void {
    if (this.#sending !== sending || sending.paused || this.#unread === undefined) return
    if (isReading()) return void setImmediate(() => this.goOn(sending))
    const unread = this.#unread
    this.#unread = undefined
    this.#dueAt = dueIn(this.#options.bodyTimeout)
    this.#parser.resume()
    this.#read(unread)
    if (this.#unread === undefined) this.#socket.resume()
  }

  /** The handler does not want an answer any more. */
  drop(sending: Sending): void {
    if (this.#sending !== sending) return
    this.#sending = undefined
    if (this.#isAsked) return this.destroy()
    // A used one rests no longer than it would have: the upstream counts from its last answer.
    if (this.#requests > 0) return this.#owner.rests(this)
    this.#keepAlive = this.#options.keepAliveTimeout
    this.#rest()
  }

  destroy(error?: Error): void {
    this.#socket.destroy(error)
  }

  /** @internal Twice a second. */
  tick(now: number): void {
    if (now < this.#dueAt) return
    if (!this.#isAsked) return this.destroy()
    if (this.#status < 200) return this.destroy(new errors.HeadersTimeoutError())
    // A client that does not read is timed by its own connection.
    if (this.#unread === undefined) this.destroy(new errors.BodyTimeoutError())
  }

  /** @internal As all that follows, called by the parser. */
  begun(): Verdict {
    return this.#sending === undefined || this.#socket.destroyed ? fail : goOn
  }

  headed({ status, reason, raw, keeps, upgrades }: ParsedHead): Verdict {
    const sending = this.#sending
    if (sending === undefined) return fail
    if (status < 100) return this.#fail(new errors.HTTPParserError('the status is below 100'))
    if (upgrades) return this.#fail(new errors.SocketError('an upgrade that was not asked for'))
    this.#status = status
    if (status < 200) {
      this.#dueAt = dueIn(this.#options.headersTimeout)
      return noBody
    }
    this.#dueAt = dueIn(this.#options.bodyTimeout)
    const headers = this.#understand(raw, status, keeps, sending.isHead)
    const verdict = sending.begin(status, headers, raw, reason)
    return sending.isHead && verdict !== fail ? noBody : verdict
  }

  body(piece: Buffer): Verdict {
    const sending = this.#sending
    if (sending === undefined) return fail
    this.#dueAt = dueIn(this.#options.bodyTimeout)
    this.#bodyBytes += piece.length
    return sending.take(Buffer.from(piece))
  }

  ended(): Verdict {
    const sending = this.#sending
    if (sending === undefined) return fail
    if (this.#status < 200) return goOn
    const mismatch = this.#mismatch()
    if (mismatch !== undefined) return this.#fail(mismatch)
    this.#sending = undefined
    this.#answered = sending
    return this.#keeps && !this.#isLast ? goOn : pause
  }

  /** Why the answer is none, if its parser says that it is none. */
  #reasonOf(error: Error): Error {
    return error instanceof errors.HTTPParserError ? (this.#error ?? this.#mismatch() ?? error) : error
  }

  #fail(error: Error): Verdict {
    this.#error = error
    return fail
  }

  /** Gathers the headers that are looked at, and what they say about the connection. */
  #understand(raw: readonly string[], status: number, keeps: boolean, isHead: boolean): KnownHeaders {
    const headers = knownOf(raw)
    const { 'keep-alive': announced, 'content-length': length, 'transfer-encoding': coding } = headers
    this.#keepAlive =
      announced === undefined ? this.#options.keepAliveTimeout : this.#keepAliveOf(String(announced))
    const isBare = isHead || status === 204 || status === 304
    this.#length = isBare ? -1 : Number(length ?? -1)
    // It may come with a body nevertheless, which would be taken for the next answer.
    this.#keeps = keeps && (isHead || !isBare || (!(Number(length ?? 0) > 0) && coding === undefined))
    this.#isLast = isHead || this.#keepAlive <= 0
    return headers
  }

  #keepAliveOf(announced: string): number {
    const { keepAliveTimeout: longest, keepAliveTimeoutThreshold: threshold } = this.#options
    const [, seconds] = /(?:^|,)[\t ]*timeout=(\d+)/i.exec(announced) ?? []
    return seconds === undefined ? longest : Math.min(Number(seconds) * 1000 - threshold, longest)
  }

  #mismatch(): Error | undefined {
    if (this.#length === -1 || this.#length === this.#bodyBytes) return undefined
    return new errors.ResponseContentLengthMismatchError()
  }

  /** The end of the connection may be the end of the answer. */
  get #mayEnd(): boolean {
    return this.#sending !== undefined && this.#status >= 200 && !this.#keeps
  }

  get #isUnanswered(): boolean {
    return this.#isAsked && this.#requests > 1 && !this.#received
  }

  readonly #onEnd = (): void => {
    if (this.#mayEnd) return this.destroy(this.#finish())
    const error = new errors.SocketError('the upstream closed the connection')
    if (this.#isUnanswered) closedEarly.add(error)
    this.destroy(error)
  }

  readonly #onError = (error: Error & { code?: string }): void => {
    const isReset = error.code === 'ECONNRESET'
    if (isReset && this.#mayEnd) return void (this.#error = this.#finish())
    if ((isReset || error.code === 'EPIPE') && this.#isUnanswered) closedEarly.add(error)
    this.#error ??= error
  }

  #finish(): Error | undefined {
    try {
      const error = this.#parser.finish()
      this.#tellEnd()
      return error === undefined ? undefined : this.#reasonOf(error)
    } catch (error) {
      return error as Error
    }
  }

  readonly #onClose = (): void => {
    unwatch(this)
    this.#parser.free()
    const sending = this.#sending
    this.#sending = undefined
    if (!this.#isAsked) return this.#owner.closed(this, sending)
    this.#owner.closed(this, undefined)
    sending?.lose(this.#error ?? new errors.SocketError('the connection was closed'))
  }
}

/** Connections with a request to write. */
let toWrite: KeptConnection[] = []

function writeAll(): void {
  const due = toWrite
  toWrite = []
  for (const connection of due) connection.write()
}
