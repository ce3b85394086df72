import { answerHeader, type Journey } from './addresses.ts'
import { setsPageCookie } from './page-cookies.ts'
import { namesOf } from './upstream-headers.ts'

/** What an upstream says about its own connection (RFC 9110, 7.6.1), and what only the gateway may say. */
const dropped = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'proxy-authenticate',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  // A challenge of the upstream would make clients sign in to it: git falls for NTLM and then erases the password.
  'www-authenticate',
  'lfs-authenticate',
])

/**
 * An upstream's headers as a flat list of names and values for the client: the same bytes in the same order, repeats
 * included, less what ends at this hop, and with addresses of the account in the client's terms.
 */
export function clientHeaders(
  raw: readonly Buffer[],
  connection: string | undefined,
  journey: Journey,
): string[] {
  const named = namesOf(connection ?? '')
  const headers: string[] = []
  for (let at = 0; at < raw.length; at += 2) {
    // Latin-1 both ways, so that each byte stays what it is.
    const name = raw[at]?.toString('latin1') ?? ''
    const value = raw[at + 1]?.toString('latin1') ?? ''
    const lower = name.toLowerCase()
    if (dropped.has(lower) || lower.startsWith('x-altgate-') || named.includes(lower)) continue
    if (lower === 'set-cookie' && setsPageCookie(value)) continue
    headers.push(name, answerHeader(lower, value, journey))
  }
  return headers
}
