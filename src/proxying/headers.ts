import { remembered } from '../engine/memory.ts'
import type { Ask } from '../gateway/ask.ts'
import type { Allow, UpstreamFailed } from '../gateway/decision.ts'
import type { BodyStart } from '../requests/bodies.ts'
import type { Client } from '../requests/client.ts'
import { answerHeader, pathOutside, placeOf, type UpstreamRoute, type AddressMapping } from './addresses.ts'
import { answerFate, requestFate } from './header-rules.ts'

/** An allowed request, with everything that the upstream is told about it. */
export interface RequestContext {
  readonly allowed: Allow
  readonly ask: Ask
  readonly client: Client
  /** A failure if the URL of the account's upstream is invalid. */
  readonly route: UpstreamRoute | UpstreamFailed
  /** What was read of the body to decide. */
  readonly begun?: BodyStart
}

/**
 * The headers for the upstream, as a flat list of names and values: the client's in their order, then ours, then
 * `identity`, which tells who the user is. Headers that clients must not set are removed here, for every method of
 * upstream authentication.
 */
export function upstreamHeaders(
  raw: readonly string[],
  context: RequestContext,
  identity: readonly string[],
): string[] {
  const headers: string[] = []
  const { trusted, from } = context.client
  let options = ''
  for (let at = 0; at < raw.length; at += 2) {
    const name = raw[at] ?? ''
    const value = raw[at + 1] ?? ''
    const fate = requestFate(name)
    if (fate === 'travels') headers.push(name, value)
    else if (fate === 'cookie') addCookies(headers, name, value)
    else if (fate === 'connection') options += `,${value}`
    else if (fate === 'from-proxies' && trusted) headers.push(name, value)
    else if (fate === 'client-address' && trusted) headers.push(name, from)
  }
  // Ours are added after the Connection header is applied, so it can never remove them (CVE-2026-33805).
  const whole = addForwardingHeaders(withoutNamed(headers, namesOf(options)), context)
  whole.push(...identity)
  return whole
}

function addCookies(headers: string[], name: string, value: string): void {
  const rest = withoutPageCookies(value)
  if (rest !== '') headers.push(name, rest)
}

const none: ReadonlySet<string> = new Set()

/** The headers that a Connection header names, without the two options that are not header names. */
const namesOf = remembered((connection): ReadonlySet<string> => {
  if (connection === '') return none
  const words = connection.toLowerCase().split(',')
  return new Set(
    words.map(word => word.trim()).filter(word => word !== '' && word !== 'keep-alive' && word !== 'close'),
  )
})

/** Content-Length always stays: without it, the body would be framed differently. */
function withoutNamed(headers: string[], names: ReadonlySet<string>): string[] {
  if (names.size === 0) return headers
  return headers.filter((_, at) => {
    const name = (headers[at - (at % 2)] ?? '').toLowerCase()
    return name === 'content-length' || !names.has(name)
  })
}

/** Appends what every upstream is told about the origin of the request. */
function addForwardingHeaders(headers: string[], { ask, client }: RequestContext): string[] {
  headers.push(
    'X-Forwarded-For',
    client.forwardedFor,
    'X-Forwarded-Proto',
    ask.secure ? 'https' : 'http',
    'X-Forwarded-Host',
    ask.host,
    'X-Request-Id',
    ask.id,
  )
  if (client.port !== '') headers.push('X-Forwarded-Port', client.port)
  return headers
}

/**
 * An upstream's headers as a flat list of names and values for the client: the same bytes in the same order, including
 * repeats, without hop-by-hop headers, and with addresses in the account translated for the client.
 */
export function clientHeaders(
  raw: readonly string[],
  connection: string | undefined,
  mapping: AddressMapping,
): string[] {
  const named = namesOf(connection ?? '')
  const headers: string[] = []
  for (let at = 0; at < raw.length; at += 2) {
    const name = raw[at] ?? ''
    const value = raw[at + 1] ?? ''
    const fate = answerFate(name)
    if (fate === 'dropped' || (named.size > 0 && named.has(name.toLowerCase()))) continue
    if (fate === 'travels') headers.push(name, answerHeader(name, value, mapping))
    else if (fate === 'host-wide') addHostWide(headers, name, value, mapping)
    else if (!setsPageCookie(value)) headers.push(name, cookieForClient(value, mapping))
  }
  return headers
}

/** The headers of a 204, which has no body and so no length (RFC 9110, 8.6): Safari fails, and other clients wait for it. */
export function withoutLength(headers: readonly string[]): string[] {
  return headers.filter((_, at) => headers[at - (at % 2)]?.toLowerCase() !== 'content-length')
}

function addHostWide(headers: string[], name: string, value: string, mapping: AddressMapping): void {
  if (mapping.publicAddress === undefined) return void headers.push(name, value)
  // Within the account, a service worker is like the account's other scripts.
  const scope = /^service-worker-allowed$/i.test(name) ? placeOf(value, mapping) : undefined
  if (scope !== undefined) headers.push(name, new URL(scope).pathname)
}

/** The page's own cookies. Browsers send them with every path of this host, but only the page may see or set them. */
const pageCookie = /^(?:__Host-)?altgate(?:-|$)/i

/** A `Cookie` header without the page's cookies, with which an upstream could act as the user. */
export function withoutPageCookies(header: string): string {
  if (!/altgate/i.test(header)) return header
  return header
    .split(';')
    .map(pair => pair.trim())
    .filter(pair => pair !== '' && !pageCookie.test(nameOf(pair)))
    .join('; ')
}

/**
 * Whether a `Set-Cookie` header would replace one of the page's cookies, by which an upstream could plant a session.
 * Browsers send a cookie without a name as its value alone, so `=altgate=x` comes back as `altgate=x`.
 */
function setsPageCookie(header: string): boolean {
  return pageCookie.test(nameOf(header.replace(/^\s*=/, '')))
}

/**
 * A cookie for the upstream's own host or path becomes one for the gateway's, or clients would not keep it, or not send it
 * back. Everything else in it stays as it is.
 */
function cookieForClient(header: string, { address, destination }: AddressMapping): string {
  return header.replace(cookiePlace, (whole, before: string, name: string, value: string) => {
    if (/^path$/i.test(name)) {
      const path =
        destination.inner === destination.outer ? undefined : pathOutside(value.trim(), destination)
      return path === undefined ? whole : before + path
    }
    const domain = value.trim().toLowerCase().replace(/^\./, '')
    const isForeign = covers(domain, destination.origin) && !covers(domain, address)
    return isForeign ? '' : whole
  })
}

const cookiePlace = /(;[ \t]*(path|domain)[ \t]*=)([^;]*)/gi

/** Whether clients send a cookie of this domain to this address (RFC 6265, 5.1.3). */
function covers(domain: string, address: string): boolean {
  const { hostname } = new URL(address)
  return hostname === domain || hostname.endsWith(`.${domain}`)
}

function nameOf(pair: string): string {
  return (pair.split(/[=;]/, 1)[0] ?? '').trim()
}

/**
 * Additional header lines, names and values in turn, that keep a shared cache between gateway and client from giving an
 * answer to another user. Shared caches store an answer to a request with a credential only if one of three directives
 * permits it (RFC 9111, 3.5), and the upstream does not know that there was a credential, because the gateway removed it.
 * `cacheControl`: all of the upstream's lines, joined with commas.
 */
export function cacheLines(cacheControl: string | undefined): readonly string[] {
  if (cacheControl === undefined || !mayBeShared(cacheControl)) return []
  // `private` overrides the permission; `Vary` separates users in caches that ignore it.
  return ['Cache-Control', 'private', 'Vary', 'Authorization']
}

/** `no-cache` revalidates each time. `private="x"` and `no-cache="x"` apply to one field and do not revoke the permission. */
function mayBeShared(cacheControl: string): boolean {
  const words = cacheControl.split(',').map(word => word.trim().toLowerCase())
  if (words.some(word => word === 'no-store' || word === 'private' || word === 'no-cache')) return false
  return words.some(word => word === 'public' || word === 'must-revalidate' || word.startsWith('s-maxage'))
}
