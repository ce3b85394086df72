import { subscribe } from 'node:diagnostics_channel'
import type { OnReadOpts, Socket } from 'node:net'
import { getCACertificates } from 'node:tls'
import { Agent, buildConnector, type Dispatcher, errors, Pool } from 'undici'
import { attached } from '../gateway/attached.ts'
import { hasLlhttp } from './answer-parser.ts'
import { closedEarly } from './closed-unanswered.ts'
import { InterimAnswers } from './interim-answers.ts'
import { KeptConnections } from './kept-connections.ts'

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
  readonly kept: Pick<Dispatcher, 'dispatch' | 'close'>
  /** Opens a new connection for each request. */
  readonly fresh: Dispatcher
}

/**
 * Creates the dispatchers for all upstreams. They replace that of @fastify/http-proxy, which does not verify certificates
 * (CVE-2026-107318). They do not retry, cache or use HTTP/2.
 */
export function createUpstreamAgents(options: UpstreamOptions): UpstreamAgents {
  const connector = connectorsOf(options)
  // In undici, 0 means that connections are not kept.
  const fresh = agentOf(options, () => connector(), { pipelining: 0 })
  if (!hasLlhttp()) return { kept: agentOf(options, () => connector(), { pipelining: 1 }), fresh }
  const counts = new Map<string, number>()
  const undici = agentOf(
    options,
    origin => counted(connector(), counts, origin, () => kept.makeRoomAt(origin)),
    {
      pipelining: 1,
    },
  )
  const kept: KeptConnections = new KeptConnections(undici, {
    ...boundsOf(options),
    connector,
    ofUndici: origin => counts.get(origin) ?? 0,
  })
  return { kept, fresh }
}

/** The same connector, which counts the connections that are open or being opened. */
function counted(
  connect: buildConnector.connector,
  counts: Map<string, number>,
  origin: string,
  onOpening: () => void,
): buildConnector.connector {
  const add = (more: 1 | -1) => {
    const count = (counts.get(origin) ?? 0) + more
    if (count > 0) counts.set(origin, count)
    else counts.delete(origin)
  }
  return (options, callback) => {
    add(1)
    onOpening()
    connect(options, (...[error, socket]) => {
      if (error !== null) {
        add(-1)
        return callback(error, null)
      }
      socket.once('close', () => add(-1))
      callback(null, socket)
    })
  }
}

/** In milliseconds and bytes, as undici calls them. */
function boundsOf(options: UpstreamOptions) {
  return {
    connections: options.connectionsPerOrigin,
    headersTimeout: options.headersTimeoutSeconds * 1000,
    bodyTimeout: options.idleTimeoutSeconds * 1000,
    // A shorter time that the upstream announces is used, minus the threshold; a longer one is not needed.
    keepAliveTimeout: options.keepAliveSeconds * 1000,
    keepAliveTimeoutThreshold: 2000,
    maxHeaderSize: options.maxHeaderBytes,
  }
}

/** With `onBytes`, connections are no streams. */
type Connectors = (onBytes?: (bytes: Buffer) => void) => buildConnector.connector

function connectorsOf({ connectTimeoutSeconds, ca }: UpstreamOptions): Connectors {
  const connecting = {
    timeout: connectTimeoutSeconds * 1000,
    rejectUnauthorized: true,
    allowH2: false,
    ...(ca !== undefined && { ca: [...getCACertificates('default'), ca] }),
  }
  return onBytes => buildConnector({ ...connecting, ...(onBytes && { onread: intoInput(onBytes) }) })
}

/** Where sockets read to. All share it, because everything that is kept of it is copied. */
const input = Buffer.alloc(65_536)

function intoInput(onBytes: (bytes: Buffer) => void): OnReadOpts {
  return {
    buffer: input,
    callback(bytes) {
      onBytes(input.subarray(0, bytes))
      return true
    },
  }
}

function agentOf(
  options: UpstreamOptions,
  connectorTo: (origin: string) => buildConnector.connector,
  { pipelining }: { readonly pipelining: 0 | 1 },
): Dispatcher {
  const bounds = boundsOf(options)
  const pool = { ...bounds, keepAliveMaxTimeout: bounds.keepAliveTimeout, pipelining, allowH2: false }
  return new Agent({
    // One connector per upstream, as in undici, because it caches TLS sessions by host name only.
    factory(origin) {
      const connect = instrumented(connectorTo(String(origin)), options.maxHeaderBytes)
      return new Pool(origin, { ...pool, connect })
    },
  })
}

/**
 * Wraps a socket of undici to learn what it does not tell, whether a kept connection was closed just as a request came, and
 * to handle what it does not read, interim answers. llhttp stays the only parser.
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

const connections = attached<Socket, Connection>()

// Published before the first byte of each request. Handlers do not learn which connection a request uses.
subscribe('undici:client:sendHeaders', message => {
  // undici's DiagnosticsChannel.ClientSendHeadersMessage, also of Node's own undici, which may be another version
  const { socket } = message as { readonly socket: Socket | undefined }
  if (socket) connections.get(socket)?.sends()
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
