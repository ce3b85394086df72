import { randomFillSync } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { type Ask, RequestHeaders } from '../gateway/ask.ts'
import { attached } from '../gateway/attached.ts'
import type { Ended, UpstreamFailed } from '../gateway/decision.ts'
import { Secret } from '../gateway/secret.ts'
import { endsChunked, isChunked } from './bodies.ts'
import type { Client } from './client.ts'

/** A request as a door received it. */
export interface Received {
  readonly raw: IncomingMessage
  readonly id: string
  /** As the client sent it, or as reported by a proxy that holds the request. */
  readonly method: string
  readonly target: string
}

/**
 * What a request asks, read in one pass over the raw header list. `method` and `target` are the client's own. Two `Host`
 * headers, or none in HTTP/1.1, are malformed (RFC 9112, 3.2), because the upstream might choose another one. HTTP/1.0 may
 * omit it; the host is then that of `publicUrl`, because links are built from it.
 */
export function readAsk(
  { raw: request, id, method, target }: Received,
  client: Client,
  publicUrl: string,
): Ask | Unreadable {
  const { rawHeaders } = request
  const authorization: Secret[] = []
  let hosts = 0
  let codings: string | undefined
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at] ?? ''
    // Compare lengths first: this loop runs over every header of every request.
    if (name.length === 4 && name.toLowerCase() === 'host') hosts++
    else if (name.length === 13 && name.toLowerCase() === 'authorization')
      authorization.push(presentedOn(request.socket, rawHeaders[at + 1] ?? ''))
    else if (name.length === 17 && name.toLowerCase() === 'transfer-encoding')
      codings = codings === undefined ? (rawHeaders[at + 1] ?? '') : `${codings},${rawHeaders[at + 1]}`
  }
  // Node's parser also accepts HTTP/0.9, which has no headers and so no credential.
  if (hosts > 1 || request.httpVersionMajor !== 1) return malformed
  const isOld = request.httpVersionMinor === 0
  if (hosts === 0 && !isOld) return malformed
  if (codings !== undefined) {
    // HTTP/1.0 has no codings, and a body whose last one is not chunked has no end (RFC 9112, 6.1 and 6.3).
    if (isOld || !endsChunked(codings)) return malformed
    if (!isChunked(codings)) return otherCoding
  }
  const { from, secure, lane } = client
  const host = client.host === '' && isOld ? new URL(publicUrl).host : client.host
  return {
    id,
    method,
    target,
    headers: new RequestHeaders(rawHeaders),
    host,
    authorization,
    from,
    secure,
    lane,
  }
}

/** The last `Authorization` of each connection. */
const lastPresented = attached<Socket, Secret>()

/**
 * The same object for the same bytes, so that what was decoded of them need not be decoded again for each request of a
 * connection. It says nothing about whether the password is right. The clients of a proxy share connections, so the time
 * must not show how much of another one's header was guessed.
 */
function presentedOn(socket: Socket, value: string): Secret {
  const last = lastPresented.get(socket)
  if (last?.is(value)) return last
  const presented = new Secret(value)
  lastPresented.set(socket, presented)
  return presented
}

/** Node decodes only chunked. Any other coding would stay on the body without the upstream being told. */
const otherCoding: Unreadable = { outcome: 'unclear-target', flaw: 'transfer-coding' }
const malformed: Unreadable = { outcome: 'unclear-target', flaw: 'malformed' }

/** Everything that ends in an answer of the gateway itself. */
export type Ending = Ended | UpstreamFailed | Unreadable | Unserved | Crowded

/** A request that is rejected at the level of HTTP, before any decision. */
export interface Unreadable {
  readonly outcome: 'unclear-target'
  readonly flaw:
    | 'malformed'
    | 'unencoded'
    | 'unknown-method'
    | 'oversized-head'
    | 'late-head'
    | 'late-body'
    | 'transfer-coding'
}

/** A method that is never forwarded: TRACE would echo the credential. */
export interface Unserved {
  readonly outcome: 'not-allowed'
  readonly cause: 'method'
}

/** Too many requests of this user are waiting for the upstream. `retryAfter` in seconds. */
interface Crowded {
  readonly outcome: 'busy'
  readonly cause: 'own-requests'
  readonly retryAfter: number
}

/** Bytes of one id: enough that ids of other requests cannot be guessed. */
const idBytes = 12

/** Random bytes for many ids, so that the generator is called rarely. */
const pool = Buffer.alloc(idBytes * 512)
let next = pool.length

/** A new id of 24 hexadecimal digits. A client's own id is not used: it would let clients write into logs and texts. */
export function newRequestId(): string {
  if (next === pool.length) {
    randomFillSync(pool)
    next = 0
  }
  const id = pool.toString('hex', next, next + idBytes)
  next += idBytes
  return id
}

/** Whether a request target belongs to the gateway itself. Any other spelling is an unknown account. */
export function isReserved(target: string): boolean {
  return target === '/_altgate' || target.startsWith('/_altgate/') || target.startsWith('/_altgate?')
}

/**
 * Turns a target in absolute form, which clients send to what they take for a proxy, into one that begins with a slash, if
 * it names the same host as the Host header (RFC 9112, 3.2.2). The gateway's own addresses are left out: something in front
 * may keep them from others by the beginning of the target.
 */
export function useOriginForm(request: IncomingMessage): void {
  const { url = '', headers } = request
  if (url.startsWith('/')) return
  const [, host, rest = '/'] = /^https?:\/\/([^/?#]+)([/?].*)?$/i.exec(url) ?? []
  if (host === undefined || host.toLowerCase() !== headers.host?.toLowerCase()) return
  const target = rest.startsWith('/') ? rest : `/${rest}`
  if (!isReserved(target)) request.url = target
}

/**
 * An escape in the first part below `/_altgate/`, which needs none, or a fragment. The router would decode the one and
 * cut off the other, so a proxy in front that keeps some addresses from `/_altgate/api/` would let `/_altgate/%61pi/` by.
 */
const oddlySpelled = /^\/_altgate\/[^/?]*%|#/

/** Fastify calls its `frameworkErrors` for it. */
const unroutable = '/_altgate/%'

/**
 * The URL by which Fastify finds a route: reserved ones as they are, `/` for everything that needs a decision. Routers
 * decode, ignore case and refuse escapes that are not UTF-8, so the gateway reads the original target.
 */
export function routeOf({ url = '/', headers }: IncomingMessage): string {
  if (isReserved(url)) return oddlySpelled.test(url) ? unroutable : url
  // Fastify refuses a media type that it cannot parse, and its text/plain parser buffers the body, stops at 1 MiB and
  // re-encodes it. Without a type, the body stays a stream. The upstream gets its headers from the raw list.
  if (headers['content-type'] !== undefined) delete headers['content-type']
  return '/'
}
