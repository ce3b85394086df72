import type { Ask } from '../gateway/ask.ts'
import type { Allow, UpstreamFailed } from '../gateway/decision.ts'
import type { Client } from '../requests/client.ts'
import { answerHeader, type UpstreamRoute, type AddressMapping } from './addresses.ts'
import { answerFate, requestFate } from './header-rules.ts'

/** A request that may go on, with all that the upstream is told about it. */
export interface RequestContext {
  readonly allowed: Allow
  readonly ask: Ask
  readonly client: Client
  /** A failure if the account's upstream has no address that one could send to. */
  readonly route: UpstreamRoute | UpstreamFailed
}

/**
 * The headers for the upstream, as a flat list of names and values in the client's order, then ours, then `identity`,
 * which says who this is. What clients may not say is removed here, so that no method of upstream authentication can
 * forget it.
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
  // Ours come after the Connection header has had its effect: it can never remove them (CVE-2026-33805).
  const whole = addPassage(withoutNamed(headers, namesOf(options)), context)
  whole.push(...identity)
  return whole
}

function addCookies(headers: string[], name: string, value: string): void {
  const rest = withoutPageCookies(value)
  if (rest !== '') headers.push(name, rest)
}

/** What a Connection header names, apart from the two words that are no header names. */
function namesOf(connection: string): ReadonlySet<string> {
  if (connection === '') return none
  const words = connection.toLowerCase().split(',')
  return new Set(
    words.map(word => word.trim()).filter(word => word !== '' && word !== 'keep-alive' && word !== 'close'),
  )
}

const none: ReadonlySet<string> = new Set()

/** The length stays whatever the client says: without it the body would be framed in another way. */
function withoutNamed(headers: string[], names: ReadonlySet<string>): string[] {
  if (names.size === 0) return headers
  return headers.filter((_, at) => {
    const name = (headers[at - (at % 2)] ?? '').toLowerCase()
    return name === 'content-length' || !names.has(name)
  })
}

/** What every upstream is told about the way of the request. Adds to the list it is given. */
function addPassage(headers: string[], { ask, client }: RequestContext): string[] {
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
 * An upstream's headers as a flat list of names and values for the client: the same bytes in the same order, repeats
 * included, less what ends at this hop, and with addresses of the account in the client's terms.
 */
export function clientHeaders(
  raw: readonly Buffer[],
  connection: string | undefined,
  mapping: AddressMapping,
): string[] {
  const named = namesOf(connection ?? '')
  const headers: string[] = []
  for (let at = 0; at < raw.length; at += 2) {
    // Latin-1 both ways, so that each byte stays what it is.
    const name = raw[at]?.toString('latin1') ?? ''
    const value = raw[at + 1]?.toString('latin1') ?? ''
    const lower = name.toLowerCase()
    const fate = answerFate(name)
    if (fate === 'dropped' || named.has(lower)) continue
    if (fate === 'cookie' && setsPageCookie(value)) continue
    headers.push(name, answerHeader(lower, value, mapping))
  }
  return headers
}

/** The page's own cookies. Browsers send them with every path of this host, and only the page may see or set them. */
const pageCookie = /^(?:__Host-)?altgate(?:-|$)/i

/** A `Cookie` header without the page's own: an upstream that had them could act as the person. */
export function withoutPageCookies(header: string): string {
  if (!/altgate/i.test(header)) return header
  return header
    .split(';')
    .map(pair => pair.trim())
    .filter(pair => pair !== '' && !pageCookie.test(nameOf(pair)))
    .join('; ')
}

/**
 * Whether a `Set-Cookie` header would replace one of the page's own: an upstream could plant a session. Of a cookie
 * without a name browsers send the value alone, so `=altgate=x` comes back as `altgate=x`.
 */
function setsPageCookie(header: string): boolean {
  return pageCookie.test(nameOf(header.replace(/^\s*=/, '')))
}

function nameOf(pair: string): string {
  return (pair.split(/[=;]/, 1)[0] ?? '').trim()
}

/**
 * The header lines, names and values in turn, that a forwarded answer gets in addition, so that no cache between gateway
 * and client gives it to somebody else.
 * Without leave, shared caches keep no answer to a request with a credential (RFC 9111, 3.5). The upstream gives leave
 * with one of three words, and does not know that there was a credential: the gateway took it off.
 * `cacheControl`: all of the upstream's lines, joined with commas.
 */
export function cacheLines(cacheControl: string | undefined): readonly string[] {
  if (cacheControl === undefined || !mayBeShared(cacheControl)) return []
  // `private` overrules the leave; `Vary` is for caches that overlook it, and keeps two callers apart there.
  return ['Cache-Control', 'private', 'Vary', 'Authorization']
}

/** `no-cache` asks the gateway each time. `private="x"` and `no-cache="x"` are about one field and take no leave back. */
function mayBeShared(cacheControl: string): boolean {
  const words = cacheControl.split(',').map(word => word.trim().toLowerCase())
  if (words.some(word => word === 'no-store' || word === 'private' || word === 'no-cache')) return false
  return words.some(word => word === 'public' || word === 'must-revalidate' || word.startsWith('s-maxage'))
}
