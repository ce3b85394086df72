import { randomFillSync } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { Ask } from '../gateway/ask.ts'
import type { Ended, UpstreamFailed } from '../gateway/decision.ts'
import { Secret } from '../gateway/secret.ts'
import { endsChunked, isChunked } from './bodies.ts'
import type { Client } from './client.ts'

/**
 * What a request asks, read in one pass over the raw header list. `method` and `target`: the client's own. Two `Host`
 * headers, or none where HTTP/1.1 demands one, are malformed (RFC 9112, 3.2): one host to us, another to the upstream.
 * HTTP/1.0 may leave it out, and then means the host of `publicUrl`: links are made of it, so it is never empty.
 */
export function readAsk(
  request: IncomingMessage,
  {
    id,
    method,
    target,
    client,
    publicUrl,
  }: {
    readonly id: string
    readonly method: string
    readonly target: string
    readonly client: Client
    readonly publicUrl: string
  },
): Ask | Unreadable {
  const { rawHeaders } = request
  const authorization: Secret[] = []
  let hosts = 0
  let codings: string | undefined
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at] ?? ''
    // The lengths first: this loop runs over every header of every request.
    if (name.length === 4 && name.toLowerCase() === 'host') hosts++
    else if (name.length === 13 && name.toLowerCase() === 'authorization')
      authorization.push(new Secret(rawHeaders[at + 1] ?? ''))
    else if (name.length === 17 && name.toLowerCase() === 'transfer-encoding')
      codings = codings === undefined ? (rawHeaders[at + 1] ?? '') : `${codings},${rawHeaders[at + 1]}`
  }
  // Node's parser also takes HTTP/0.9, which has no headers and so no credential.
  if (hosts > 1 || request.httpVersionMajor !== 1) return malformed
  const isOld = request.httpVersionMinor === 0
  if (hosts === 0 && !isOld) return malformed
  if (codings !== undefined) {
    // HTTP/1.0 has no codings, and a body whose last one is not chunked has no end (RFC 9112, 6.1 and 6.3).
    if (isOld || !endsChunked(codings)) return malformed
    if (!isChunked(codings)) return uncarried
  }
  const { from, secure, lane } = client
  const host = client.host === '' && isOld ? new URL(publicUrl).host : client.host
  return { id, method, target, host, authorization, from, secure, lane }
}

/** Node takes the chunks apart and leaves any other coding on the bytes, of which the upstream would not be told. */
const uncarried: Unreadable = { outcome: 'unclear-target', flaw: 'transfer-coding' }
const malformed: Unreadable = { outcome: 'unclear-target', flaw: 'malformed' }

/** Everything that ends in an answer of our own. */
export type Ending = Ended | UpstreamFailed | Unreadable | Unserved | Crowded

/** A request that HTTP itself ends, before anything was asked. */
export interface Unreadable {
  readonly outcome: 'unclear-target'
  readonly flaw: 'malformed' | 'oversized-head' | 'late-head' | 'late-body' | 'transfer-coding'
}

/** A method that is never forwarded: TRACE would echo the credential. */
export interface Unserved {
  readonly outcome: 'not-allowed'
  readonly cause: 'method'
}

/** So many requests of this user wait for the upstream that no more may. `retryAfter` in seconds. */
interface Crowded {
  readonly outcome: 'busy'
  readonly cause: 'own-requests'
  readonly retryAfter: number
}

/** Bytes of one id: nobody can guess another caller's reference. */
const idBytes = 12

/** One call of the random generator serves many ids. */
const pool = Buffer.alloc(idBytes * 512)
let next = pool.length

/** A fresh id of 24 hexadecimal digits. Never the client's own: that would let it write into logs and texts. */
export function newRequestId(): string {
  if (next === pool.length) {
    randomFillSync(pool)
    next = 0
  }
  const id = pool.toString('hex', next, next + idBytes)
  next += idBytes
  return id
}

/** Whether a request target belongs to the gateway itself. In any other spelling it is an account that nobody has. */
export function isReserved(target: string): boolean {
  return target === '/_altgate' || target.startsWith('/_altgate/') || target.startsWith('/_altgate?')
}

/**
 * The address by which Fastify finds a route: the reserved ones as they are, `/` for all that goes to the gate.
 * Routers decode, compare without case and refuse escapes that are no UTF-8; the gateway reads the original.
 */
export function routeOf({ url = '/', headers }: IncomingMessage): string {
  if (isReserved(url)) return url
  // Fastify would refuse a media type that it cannot read, and its parser for text/plain buffers, stops at 1 MiB and
  // re-encodes. Without a type a body is a stream. The upstream gets its headers from the raw list.
  delete headers['content-type']
  return '/'
}
