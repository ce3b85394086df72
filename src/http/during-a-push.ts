import type { Ask } from '../gateway/ask.ts'
import type { Ended } from '../gateway/decision.ts'
import type { Answer } from './answer.ts'

/** What becomes of the head: 503 is `unavailable` to whoever reads outcomes, and there is nothing to wait for. */
const putOffHeaders = { 'X-Altgate-Outcome': 'unavailable', 'Retry-After': '1' }

/**
 * Whether an account moved while a clone, fetch or push was under way: these requests come after a GET of
 * `info/refs` that was let through with the same credential.
 */
export function movedMeanwhile({ outcome }: Ended, { method, target }: Ask): boolean {
  return outcome === 'reset-needed' && method === 'POST' && /\/git-(?:upload|receive)-pack$/.test(target)
}

/**
 * The same answer as 503: git shows no text here, and on 401 it would erase the password without a word. So it keeps
 * it, asks with it at the next command, and is told then, where it does show the text.
 */
export function putOff({ headers, body }: Answer): Answer {
  const rest = Object.entries(headers).filter(([name]) => name !== 'WWW-Authenticate')
  return { status: 503, headers: { ...Object.fromEntries(rest), ...putOffHeaders }, body }
}
