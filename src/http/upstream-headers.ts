import type { Allow } from '../gateway/decision.ts'
import type { Ask } from '../gateway/ask.ts'
import { withoutPageCookies } from './page-cookies.ts'
import type { Sender } from './sender.ts'

/** A request that may go on, with all that the upstream is told about it. */
export interface Passage {
  readonly allowed: Allow
  readonly ask: Ask
  readonly sender: Sender
}

/** Never sent on, in any spelling. Folded: lower case, `-` for `_` and `.`. */
const dropped = new Set([
  // The client's password is ours to check and nobody else's to see.
  'authorization',
  'proxy-authorization',
  // Hop by hop (RFC 9110, 7.6.1), and what undici writes itself.
  'connection',
  'proxy-connection',
  'keep-alive',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'http2-settings',
  'host',
  // The gateway has answered it; undici refuses to send it.
  'expect',
  // Ours alone.
  'x-request-id',
  'x-tfs-fedauthredirect',
  // Some upstreams let these replace the path, which would no longer be the one that was judged.
  'x-original-url',
  'x-original-uri',
  'x-rewrite-url',
])

/** Who forwarded what: sent on if a trusted proxy wrote it in its canonical spelling. */
const forwarding = new Set(['forwarded', 'x-real-ip', 'x-forwarded-port', 'x-forwarded-prefix'])

/**
 * The headers for the upstream, as a flat list of names and values in the client's order, then ours, then `identity`,
 * which says who this is. What clients may not say is removed here, so that no method of upstream authentication can
 * forget it. WSGI and PHP read `X_Forwarded_User` as `X-Forwarded-User` (CVE-2025-64484, CVE-2026-54763,
 * CVE-2026-88011), so names are folded before they are compared.
 */
export function upstreamHeaders(
  raw: readonly string[],
  passage: Passage,
  identity: readonly string[],
): string[] {
  const headers: string[] = []
  let options = ''
  for (let at = 0; at < raw.length; at += 2) {
    const name = raw[at] ?? ''
    const value = raw[at + 1] ?? ''
    const folded = fold(name)
    if (folded === 'cookie') addCookies(headers, name, value)
    else if (travels(name, folded, passage.sender)) headers.push(name, value)
    else if (folded === 'connection') options += `,${value}`
  }
  // Ours come after the Connection header has had its effect: it can never remove them (CVE-2026-33805).
  const whole = addPassage(withoutNamed(headers, namesOf(options)), passage)
  whole.push(...identity)
  return whole
}

function addCookies(headers: string[], name: string, value: string): void {
  const rest = withoutPageCookies(value)
  if (rest !== '') headers.push(name, rest)
}

function fold(name: string): string {
  const lower = name.toLowerCase()
  return /[_.]/.test(lower) ? lower.replace(/[_.]/g, '-') : lower
}

function travels(name: string, folded: string, { trusted }: Sender): boolean {
  if (dropped.has(folded)) return false
  if (forwarding.has(folded)) return trusted && folded === name.toLowerCase()
  // `content_length` would be a second length to an upstream that folds.
  if (folded === 'content-length') return folded === name.toLowerCase()
  return !folded.startsWith('x-forwarded-') && !folded.startsWith('x-altgate-')
}

/** What a Connection header names, apart from the two words that are no header names. */
export function namesOf(connection: string): readonly string[] {
  if (connection === '') return []
  const words = connection.toLowerCase().split(',')
  return words
    .map(word => word.trim())
    .filter(word => word !== '' && word !== 'keep-alive' && word !== 'close')
}

/** The length stays whatever the client says: without it the body would be framed in another way. */
function withoutNamed(headers: string[], names: readonly string[]): string[] {
  if (names.length === 0) return headers
  return headers.filter((_, at) => {
    const name = (headers[at - (at % 2)] ?? '').toLowerCase()
    return name === 'content-length' || !names.includes(name)
  })
}

/** What every upstream is told about the way of the request. Adds to the list it is given. */
function addPassage(headers: string[], { ask, sender }: Passage): string[] {
  headers.push(
    'X-Forwarded-For',
    sender.forwardedFor,
    'X-Forwarded-Proto',
    ask.secure ? 'https' : 'http',
    'X-Forwarded-Host',
    ask.host,
    'X-Request-Id',
    ask.id,
  )
  return headers
}
