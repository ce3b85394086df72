import type { Allow, UpstreamFailed } from '../gateway/decision.ts'
import type { Ask } from '../gateway/ask.ts'
import type { Course } from './addresses.ts'
import { requestFate } from './header-rules.ts'
import { withoutPageCookies } from './page-cookies.ts'
import type { Sender } from './sender.ts'

/** A request that may go on, with all that the upstream is told about it. */
export interface Passage {
  readonly allowed: Allow
  readonly ask: Ask
  readonly sender: Sender
  /** A failure if the account's upstream has no address that one could send to. */
  readonly course: Course | UpstreamFailed
}

/**
 * The headers for the upstream, as a flat list of names and values in the client's order, then ours, then `identity`,
 * which says who this is. What clients may not say is removed here, so that no method of upstream authentication can
 * forget it.
 */
export function upstreamHeaders(
  raw: readonly string[],
  passage: Passage,
  identity: readonly string[],
): string[] {
  const headers: string[] = []
  const { trusted, from } = passage.sender
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
  const whole = addPassage(withoutNamed(headers, namesOf(options)), passage)
  whole.push(...identity)
  return whole
}

function addCookies(headers: string[], name: string, value: string): void {
  const rest = withoutPageCookies(value)
  if (rest !== '') headers.push(name, rest)
}

/** What a Connection header names, apart from the two words that are no header names. */
export function namesOf(connection: string): ReadonlySet<string> {
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
  if (sender.port !== '') headers.push('X-Forwarded-Port', sender.port)
  return headers
}
