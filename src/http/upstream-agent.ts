import { getCACertificates } from 'node:tls'
import { Agent, buildConnector, Pool, type Dispatcher } from 'undici'
import { watched } from './upstream-connection.ts'

/** The connections to the upstreams. */
export interface UpstreamOptions {
  /** TLS included. */
  readonly connectTimeoutSeconds: number
  /** From the end of the upload to the head of the answer. */
  readonly headersTimeoutSeconds: number
  /** How long an answer under way may pause. */
  readonly idleTimeoutSeconds: number
  readonly connectionsPerOrigin: number
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
