import type { Naming } from '../gateway/account.ts'
import type { Ending } from '../requests/request.ts'
import { type Asking, dialectOf, headerOf, pathOf } from '../requests/tool.ts'
import { onOneLine } from './dialects.ts'
import type { Terms } from './terms.ts'

/**
 * The same terms, with the way in which git keeps a password for each account. Without it git keeps one for a host, and
 * the 401 of one account erases the good password of another. Where a host names the account there is nothing to do.
 *
 * It depends on nothing but the outcome and the settings. That a password is right elsewhere is not looked up: it would
 * cost a hash for every scope, and tell whoever guesses. `reset-needed` goes to the holder of a right password, which
 * other accounts may still take.
 */
export function keepBoth(
  terms: Terms,
  { outcome }: Ending,
  { publicUrl, naming }: { readonly publicUrl: string; readonly naming?: Naming },
): Terms {
  const sentence = sentences.get(outcome)
  if (sentence === undefined || naming?.by !== 'path') return terms
  return { ...terms, aside: { sentence, command: useHttpPath(publicUrl) } }
}

const sentences: ReadonlyMap<Ending['outcome'], string> = new Map([
  ['refused', 'If another account here has a password of its own, let git keep both:'],
  ['reset-needed', 'If other accounts here still take the old one, let git keep both:'],
] satisfies [Ending['outcome'], string][])

function useHttpPath(publicUrl: string): string {
  return `git config --global credential.${new URL(publicUrl).origin}.useHttpPath true`
}

/**
 * Whether git-lfs is in a loop: it asks its helper again on every 401, and there are helpers that always give the same
 * password; and what a server has called authenticated it repeats at once, without any. 429 would not end that: it comes
 * again after `Retry-After`, eight times, and then finds another 401. Of all that we may say only 403 ends it at once,
 * keeps the password, and is printed.
 */
export function loopsInLfs(ending: Ending, asking: Asking): boolean {
  return isLoop(ending) && mayBeLfs(asking)
}

function isLoop(ending: Ending): boolean {
  if (ending.outcome === 'reset-needed') return ending.tooOften === true
  return ending.outcome === 'throttled' && (ending.by === 'repetition' || ending.by === 'anonymous')
}

/** The same text as 403, with no time to come back and no challenge. */
export function lastWord({ headers = {}, ...terms }: Terms): Terms {
  const { 'Retry-After': _, 'WWW-Authenticate': __, ...others } = headers
  return { ...terms, status: 403, headers: others }
}

function mayBeLfs(asking: Asking): boolean {
  return lfsPath.test(pathOf(asking.target)) || dialectOf(asking) === 'lfs'
}

const lfsPath = /\/info\/lfs(?:\/|$)/i

/** Where package managers show a text of a server's, beside the body that others read. */
interface Beside {
  readonly headers?: Readonly<Record<string, string>>
  /** In the place of `Forbidden` and the like. */
  readonly reason?: string
}

/**
 * What is said beside the body. npm prints `npm-notice`, and of a 401 nothing else; pip, twine, NuGet, Maven, Gradle and
 * pnpm print the reason phrase, where Azure DevOps tells it as well. Everybody else gets what RFC 9110 calls the status.
 */
export function besideTheBody(asking: Asking, terms: Terms, requestId: string): Beside {
  const agent = headerOf(asking, 'user-agent') ?? ''
  if (agent.startsWith('npm/')) return { headers: { 'npm-notice': asciiOf(onOneLine(terms, requestId)) } }
  return readsReason.test(agent) ? { reason: asciiOf(onOneLine(terms, requestId)) } : {}
}

const readsReason = /^(?:pip|twine|NuGet|Apache-Maven|Apache-HttpClient|Gradle|pnpm)\b/i

/** Headers and reason phrases are bytes of which no two clients make the same letters. */
function asciiOf(text: string): string {
  return text.replace(/[^ -~]/gu, '?')
}
