import { subscribe } from 'node:diagnostics_channel'
import type { Socket } from 'node:net'
import { getCACertificates } from 'node:tls'
import { Agent, buildConnector, type Dispatcher, errors, Pool } from 'undici'

/** The connections to the upstreams. */
export interface UpstreamOptions {
  /** TLS included. */
  readonly connectTimeoutSeconds: number
  /** From the end of the upload to the head of the answer. */
  readonly headersTimeoutSeconds: number
  /** How long an answer under way may pause. */
  readonly idleTimeoutSeconds: number
  readonly connectionsPerOrigin: number
  /** How many of them one user may have at once; `auto` is half of them. */
  readonly connectionsPerUser: number | 'auto'
  /** How long a connection is kept without a request. */
  readonly keepAliveSeconds: number
  /** How long the head of an answer may be, and all interim answers before it. */
  readonly maxHeaderBytes: number
  /** PEM certificates that are trusted besides the well-known ones. */
  readonly ca?: string
}

/** The ways to all upstreams. */
export interface UpstreamAgents {
  /** Keeps its connections. */
  readonly kept: Dispatcher
  /** Each request has a new connection of its own. */
  readonly fresh: Dispatcher
}

/**
 * The dispatchers for all upstreams. They are ours because @fastify/http-proxy's own does not verify certificates
 * (CVE-2026-107318); nothing in them retries, caches or speaks HTTP/2.
 */
export function createUpstreamAgents(options: UpstreamOptions): UpstreamAgents {
  // 0 is undici's word for connections that are not kept.
  return { kept: agentOf(options, { pipelining: 1 }), fresh: agentOf(options, { pipelining: 0 }) }
}

function agentOf(options: UpstreamOptions, { pipelining }: { readonly pipelining: 0 | 1 }): Dispatcher {
  const timeout = options.connectTimeoutSeconds * 1000
  const ca = options.ca === undefined ? {} : { ca: [...getCACertificates('default'), options.ca] }
  const pool: Pool.Options = {
    connections: options.connectionsPerOrigin,
    headersTimeout: options.headersTimeoutSeconds * 1000,
    bodyTimeout: options.idleTimeoutSeconds * 1000,
    // An upstream that announces a shorter time is believed, less this much for the way; a longer one is not needed.
    keepAliveTimeout: options.keepAliveSeconds * 1000,
    keepAliveMaxTimeout: options.keepAliveSeconds * 1000,
    keepAliveTimeoutThreshold: 2000,
    maxHeaderSize: options.maxHeaderBytes,
    pipelining,
    allowH2: false,
  }
  return new Agent({
    // A connector for each upstream, as undici has it: TLS sessions are remembered by the name of the host alone.
    factory(origin) {
      const connect = buildConnector({ timeout, rejectUnauthorized: true, allowH2: false, ...ca })
      return new Pool(origin, { ...pool, connect: watched(connect, options.maxHeaderBytes) })
    },
  })
}

/**
 * What undici does not say about a connection, and what it does not read: whether one that was kept has ended just as a
 * request came, and interim answers. Around each socket, so that undici's parser stays the only one.
 */
class Connection {
  readonly #socket: Socket
  readonly #interim: InterimAnswers
  /** Requests that it has carried. */
  #requests = 0
  /** Whether anything has come since the newest of them was sent. */
  #heard = false
  /** Whether an answer has yet to begin. */
  #waits = false

  constructor(socket: Socket, maxHeaderBytes: number) {
    this.#socket = socket
    this.#interim = new InterimAnswers(maxHeaderBytes)
    const read = socket.read.bind(socket) as (size?: number) => Buffer | null // no encoding is set
    // Node itself asks for 0 bytes, to make the socket read on.
    socket.read = size => (size === undefined ? this.#read(read) : read(size))
    // Before undici's own listeners, which are added when it gets the socket.
    socket.on('end', this.#onEnd).on('error', this.#onError)
  }

  /** undici is about to write a request, which it does when all of the answer before has been read. */
  sends(): void {
    this.#requests++
    this.#heard = false
    this.#waits = true
    this.#interim.begin()
  }

  #read(read: () => Buffer | null): Buffer | null {
    for (;;) {
      const chunk = read()
      if (chunk === null || !this.#waits) return chunk
      this.#heard = true
      const rest = this.#interim.pass(chunk)
      this.#waits = !this.#interim.over
      if (this.#interim.tooLong) this.#socket.destroy(new errors.HeadersOverflowError())
      if (rest.length > 0) return rest
    }
  }

  get #endedUnheard(): boolean {
    return this.#waits && !this.#heard && this.#requests > 1 && this.#socket.readableLength === 0
  }

  readonly #onEnd = (): void => {
    if (!this.#endedUnheard) return
    const error = new errors.SocketError('closed as the request came')
    unheard.add(error)
    this.#socket.destroy(error)
  }

  readonly #onError = (error: Error & { code?: string }): void => {
    if ((error.code === 'ECONNRESET' || error.code === 'EPIPE') && this.#endedUnheard) unheard.add(error)
  }
}

const connections = new WeakMap<Socket, Connection>()

/** Errors by which a kept connection ended before the first byte of an answer. */
const unheard = new WeakSet<Error>()

// Published before the first byte of each request. No handler of a request is told on which connection it goes.
subscribe('undici:client:sendHeaders', message => {
  const { socket } = message as { readonly socket: Socket } // undici's DiagnosticsChannel.ClientSendHeadersMessage
  connections.get(socket)?.sends()
})

/** The same connector, whose sockets pass interim answers over and know whether they ended unheard. */
function watched(connect: buildConnector.connector, maxHeaderBytes: number): buildConnector.connector {
  return (options, callback) => {
    connect(options, (...[error, socket]) => {
      if (error !== null) return callback(error, null)
      connections.set(socket, new Connection(socket, maxHeaderBytes))
      callback(null, socket)
    })
  }
}

/**
 * Whether this is how a kept connection ended before any of an answer came: the upstream gave it up as the request was
 * under way, and has most likely not seen it.
 */
export function endedUnheard(error: unknown): boolean {
  return error instanceof Error && unheard.has(error)
}

/**
 * Passes interim answers over on the way to undici's parser, which ends a connection on a 100 that it has not asked for and
 * on whatever follows an interim answer that says `Connection: close` or HTTP/1.0. They may come unasked (RFC 9110, 15.2).
 *
 * It looks at status lines only, and only where one must be: from the first byte of an answer on, and behind the
 * empty line that ends each interim answer, for those have no body. The first status line that is not one of theirs ends it,
 * so no byte of a body is ever looked at. For each interim answer the parser gets a 102 without headers, which it
 * passes over and takes as a sign of life.
 */
export class InterimAnswers {
  readonly #mostBytes: number
  /** The beginning of a status line that came in pieces. */
  #held: Buffer = nothing
  /** How many bytes of the empty line that ends an interim answer there have been; -1 outside of one. */
  #ending = -1
  #bytes = 0
  #over = true

  /** `mostBytes`: how long all interim answers before one answer may be together. */
  constructor(mostBytes: number) {
    this.#mostBytes = mostBytes
  }

  /** Whether the answer itself has begun. */
  get over(): boolean {
    return this.#over
  }

  get tooLong(): boolean {
    return this.#bytes > this.#mostBytes
  }

  /** The next byte is the first of an answer. */
  begin(): void {
    this.#over = false
    this.#held = nothing
    this.#ending = -1
    this.#bytes = 0
  }

  /** What the parser is to have in the place of this piece. Not to be called when it is over. */
  pass(chunk: Buffer): Buffer {
    // Most answers: `HTTP/1.1 2`, and no interim one before.
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
      if (kind === 'answer') return this.#end(joined(signs, rest))
      signs.push(signOfLife)
      this.#ending = 0
    }
  }

  #end(rest: Buffer): Buffer {
    this.#over = true
    this.#held = nothing
    return rest
  }

  /** Looks for the end of an interim answer; gives what follows it. */
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
/** Where the first digit of a status stands. */
const digit = 9
/** Both line ends of `\n\r\n` or `\n\n` have been there. */
const ended = 3

/** Empty lines before a status line, which parsers pass over (RFC 9112, 2.2). */
function emptyLines(bytes: Buffer): number {
  let at = 0
  while (bytes[at] === lf || bytes[at] === cr) at++
  return at
}

/** 101 is an answer: what follows it is no HTTP. */
function kindOf(bytes: Buffer): 'interim' | 'answer' | 'unclear' {
  const line = bytes.toString('latin1', 0, wholeStatus.length)
  if (line.length === wholeStatus.length)
    return /^HTTP\/\d\.\d 1(?!01)\d\d[ \r\n]$/.test(line) ? 'interim' : 'answer'
  const completed = line + wholeStatus.slice(line.length)
  return /^HTTP\/\d\.\d 1\d\d $/.test(completed) ? 'unclear' : 'answer'
}

/** As long as what has to be there before an interim answer can be told from another one. */
const wholeStatus = 'HTTP/1.1 100 '

function joined(signs: readonly Buffer[], rest: Buffer): Buffer {
  return signs.length === 0 ? rest : Buffer.concat([...signs, rest])
}
