import { getCACertificates } from 'node:tls'
import { Agent, type Dispatcher } from 'undici'

/** The connections to the upstreams. */
export interface UpstreamOptions {
  /** TLS included. */
  readonly connectTimeoutSeconds: number
  /** From the end of the upload to the head of the answer. */
  readonly headersTimeoutSeconds: number
  /** How long an answer under way may pause. */
  readonly idleTimeoutSeconds: number
  readonly connectionsPerOrigin: number
  /** PEM certificates that are trusted besides the well-known ones. */
  readonly ca?: string
}

/**
 * The one dispatcher for all upstreams. It is ours because @fastify/http-proxy's own does not verify certificates
 * (CVE-2026-107318); nothing in it retries, caches or speaks HTTP/2.
 */
export function createUpstreamAgent(options: UpstreamOptions): Dispatcher {
  const timeout = options.connectTimeoutSeconds * 1000
  const ca = options.ca === undefined ? {} : { ca: [...getCACertificates('default'), options.ca] }
  return new Agent({
    connect: { timeout, rejectUnauthorized: true, ...ca },
    connections: options.connectionsPerOrigin,
    headersTimeout: options.headersTimeoutSeconds * 1000,
    bodyTimeout: options.idleTimeoutSeconds * 1000,
    pipelining: 1,
    allowH2: false,
  })
}
