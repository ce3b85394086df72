import { answerHeader, type Journey } from './addresses.ts'
import { answerFate } from './header-rules.ts'
import { setsPageCookie } from './page-cookies.ts'
import { namesOf } from './upstream-headers.ts'

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
    const fate = answerFate(name)
    if (fate === 'dropped' || named.has(lower)) continue
    if (fate === 'cookie' && setsPageCookie(value)) continue
    headers.push(name, answerHeader(lower, value, journey))
  }
  return headers
}
