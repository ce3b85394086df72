import { subscribe } from 'node:diagnostics_channel'
import type { Socket } from 'node:net'
import { getCACertificates } from 'node:tls'
import { Agent, buildConnector, type Dispatcher, errors, Pool } from 'undici'
import { AnswerHeads } from './answer-heads.ts'

/** Settings of the connections to the upstreams. */
export interface UpstreamOptions {
  /** Including TLS. */
  readonly connectTimeoutSeconds: number
  /** From the end of the upload to the head of the answer. */
  readonly headersTimeoutSeconds: number
  /** How long an answer under way may pause. */
  readonly idleTimeoutSeconds: number
  readonly connectionsPerOrigin: number
  /** How many of them one user may use at once; `auto` is half of them. */
  readonly connectionsPerUser: number | 'auto'
  /** How long an idle connection is kept. */
  readonly keepAliveSeconds: number
  /** Maximum size of the head of an answer, and of all interim answers before it. */
  readonly maxHeaderBytes: number
  /** PEM certificates that are trusted in addition to the default ones. */
  readonly ca?: string
}

/** The dispatchers for all upstreams. */
export interface UpstreamAgents {
  /** Reuses connections. */
  readonly kept: Dispatcher
  /** Opens a new connection for each request. */
  readonly fresh: Dispatcher
}

/**
 * Creates the dispatchers for all upstreams. They replace that of @fastify/http-proxy, which does not verify certificates
 * (CVE-2026-107318). They do not retry, cache or use HTTP/2.
 */
export function createUpstreamAgents(options: UpstreamOptions): UpstreamAgents {
  // In undici, 0 means that connections are not kept.
  return { kept: agentOf(options, { pipelining: 1 }), fresh: agentOf(options, { pipelining: 0 }) }
}

function agentOf(options: UpstreamOptions, { pipelining }: { readonly pipelining: 0 | 1 }): Dispatcher {
  const timeout = options.connectTimeoutSeconds * 1000
  const ca = options.ca === undefined ? {} : { ca: [...getCACertificates('default'), options.ca] }
  const pool: Pool.Options = {
    connections: options.connectionsPerOrigin,
    headersTimeout: options.headersTimeoutSeconds * 1000,
    bodyTimeout: options.idleTimeoutSeconds * 1000,
    // A shorter time that the upstream announces is used, minus the threshold; a longer one is not needed.
    keepAliveTimeout: options.keepAliveSeconds * 1000,
    keepAliveMaxTimeout: options.keepAliveSeconds * 1000,
    keepAliveTimeoutThreshold: 2000,
    maxHeaderSize: options.maxHeaderBytes,
    pipelining,
    allowH2: false,
  }
  return new Agent({
    // One connector per upstream, as in undici, because it caches TLS sessions by host name only.
    factory(origin) {
      const connect = buildConnector({ timeout, rejectUnauthorized: true, allowH2: false, ...ca })
      return new Pool(origin, { ...pool, connect: instrumented(connect, options.maxHeaderBytes) })
    },
  })
}

/**
 * Wraps a socket to learn what undici does not tell, whether a kept connection was closed just as a request came, and to
 * handle what it does not read, interim answers. undici's parser stays the only one.
 */
class Connection {
  readonly #socket: Socket
  readonly #interim: InterimAnswers
  /** Requests on this connection. */
  #requests = 0
  /** Whether anything was received since the last request was sent. */
  #received = false
  /** Whether the answer has not begun yet. */
  #waits = false

  constructor(socket: Socket, maxHeaderBytes: number) {
    this.#socket = socket
    this.#interim = new InterimAnswers(maxHeaderBytes)
    const read = socket.read.bind(socket) as (size?: number) => Buffer | null // no encoding is set
    // Node itself reads 0 bytes to start the next read of the socket.
    socket.read = size => (size === undefined ? this.#read(read) : read(size))
    // Added before undici's own listeners.
    socket.on('end', this.#onEnd).on('error', this.#onError)
  }

  /** undici is about to write a request, after it has read the whole previous answer. */
  sends(): void {
    this.#requests++
    this.#received = false
    this.#waits = true
    this.#interim.begin()
  }

  #read(read: () => Buffer | null): Buffer | null {
    for (;;) {
      const chunk = read()
      if (chunk === null || !this.#waits) return chunk
      this.#received = true
      const rest = this.#interim.pass(chunk)
      this.#waits = !this.#interim.over
      if (this.#interim.tooLong) this.#socket.destroy(new errors.HeadersOverflowError())
      if (rest.length > 0) return rest
    }
  }

  get #closedUnanswered(): boolean {
    return this.#waits && !this.#received && this.#requests > 1 && this.#socket.readableLength === 0
  }

  readonly #onEnd = (): void => {
    if (!this.#closedUnanswered) return
    const error = new errors.SocketError('the upstream closed the connection as the request was sent')
    closedEarly.add(error)
    this.#socket.destroy(error)
  }

  readonly #onError = (error: Error & { code?: string }): void => {
    if ((error.code === 'ECONNRESET' || error.code === 'EPIPE') && this.#closedUnanswered)
      closedEarly.add(error)
  }
}

const connections = new WeakMap<Socket, Connection>()

/** Errors of kept connections that ended before the first byte of an answer. */
const closedEarly = new WeakSet<Error>()

// Published before the first byte of each request. Handlers do not learn which connection a request uses.
subscribe('undici:client:sendHeaders', message => {
  const { socket } = message as { readonly socket: Socket } // undici's DiagnosticsChannel.ClientSendHeadersMessage
  connections.get(socket)?.sends()
})

/** The same connector, with each socket wrapped in a `Connection`. */
function instrumented(connect: buildConnector.connector, maxHeaderBytes: number): buildConnector.connector {
  return (options, callback) => {
    connect(options, (...[error, socket]) => {
      if (error !== null) return callback(error, null)
      connections.set(socket, new Connection(socket, maxHeaderBytes))
      callback(null, socket)
    })
  }
}

/**
 * Whether this error ended a kept connection before any byte of an answer: the upstream closed it while the request was
 * being sent, and has most likely not seen the request.
 */
export function closedUnanswered(error: unknown): boolean {
  return error instanceof Error && closedEarly.has(error)
}

/**
 * Filters interim answers before undici's parser, which fails on an unsolicited 100, and on anything after an interim
 * answer with `Connection: close` or HTTP/1.0. Interim answers may come unsolicited (RFC 9110, 15.2).
 *
 * It reads only status lines, and only where one must be: at the first byte of an answer, and after the empty line that
 * ends each interim answer, because those have no body. It stops at the first other status line, so it never reads a
 * body. The parser gets a 102 without headers for each interim answer, which it ignores except as a sign of life.
 */
export class InterimAnswers {
  readonly #mostBytes: number
  /** The beginning of a status line that arrived in several chunks. */
  #held: Buffer = nothing
  /** How much of the empty line that ends an interim answer was read; -1 outside of interim answers. */
  #ending = -1
  #bytes = 0
  #over = true
  /** Whether the answer itself has begun. */
  #begun = false
  readonly #heads = new AnswerHeads()

  /** `mostBytes`: maximum size of all interim answers before one answer. */
  constructor(mostBytes: number) {
    this.#mostBytes = mostBytes
  }

  /** Whether the head of the answer itself has passed. */
  get over(): boolean {
    return this.#over
  }

  get tooLong(): boolean {
    // The parser counts no line ends.
    return this.#bytes > this.#mostBytes || this.#heads.bytes > 2 * this.#mostBytes
  }

  /** The next byte is the first of an answer. */
  begin(): void {
    this.#over = false
    this.#begun = false
    this.#held = nothing
    this.#ending = -1
    this.#bytes = 0
  }

  /** What the parser gets instead of this chunk. Must not be called when it is over. */
  pass(chunk: Buffer): Buffer {
    if (this.#begun) return this.#passHead(chunk)
    // The common case: `HTTP/1.1 2`, without an interim answer.
    if (this.#held.length === 0 && this.#ending === -1 && chunk.length > digit && chunk[digit] !== one)
      if (chunk[0] === letterH) return this.#end(chunk)

    const signs: Buffer[] = []
    let rest = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk])
    this.#held = nothing
    for (;;) {
      if (this.#ending !== -1) rest = this.#skip(rest)
      if (this.#ending === -1) rest = rest.subarray(emptyLines(rest))
      if (rest.length === 0) return joined(signs, nothing)
      const kind = kindOf(rest)
      if (kind === 'unclear') {
        this.#held = rest
        return joined(signs, nothing)
      }
      if (kind === 'answer') return joined(signs, this.#end(rest))
      signs.push(signOfLife)
      this.#ending = 0
    }
  }

  #end(rest: Buffer): Buffer {
    this.#begun = true
    this.#held = nothing
    this.#heads.begin()
    return this.#passHead(rest)
  }

  #passHead(chunk: Buffer): Buffer {
    const passed = this.#heads.pass(chunk)
    this.#over = this.#heads.over
    return passed
  }

  /** Skips to the end of an interim answer; returns what follows it. */
  #skip(bytes: Buffer): Buffer {
    let at = 0
    for (; at < bytes.length && this.#ending !== ended; at++) {
      if (bytes[at] === lf) this.#ending = this.#ending > 0 ? ended : 1
      else this.#ending = bytes[at] === cr && this.#ending === 1 ? 2 : 0
    }
    this.#bytes += at
    if (this.#ending === ended) this.#ending = -1
    return bytes.subarray(at)
  }
}

const nothing = Buffer.alloc(0)
const signOfLife = Buffer.from('HTTP/1.1 102 Processing\r\n\r\n', 'latin1')

const [lf, cr, one, letterH] = [0x0a, 0x0d, 0x31, 0x48] as const
/** Position of the first digit of the status. */
const digit = 9
/** Both line ends of `\n\r\n` or `\n\n` were read. */
const ended = 3

/** Empty lines before a status line, which parsers skip (RFC 9112, 2.2). */
function emptyLines(bytes: Buffer): number {
  let at = 0
  while (bytes[at] === lf || bytes[at] === cr) at++
  return at
}

/** 101 is a final answer: what follows it is not HTTP. */
function kindOf(bytes: Buffer): 'interim' | 'answer' | 'unclear' {
  const line = bytes.toString('latin1', 0, wholeStatus.length)
  if (line.length === wholeStatus.length)
    return /^HTTP\/\d\.\d 1(?!01)\d\d[ \r\n]$/.test(line) ? 'interim' : 'answer'
  const completed = line + wholeStatus.slice(line.length)
  return /^HTTP\/\d\.\d 1\d\d $/.test(completed) ? 'unclear' : 'answer'
}

/** Has the length that is needed to tell an interim answer from a final one. */
const wholeStatus = 'HTTP/1.1 100 '

function joined(signs: readonly Buffer[], rest: Buffer): Buffer {
  return signs.length === 0 ? rest : Buffer.concat([...signs, rest])
}
