import { headerOf, type Asking } from './dialect.ts'
import { onOneLine } from './presenter.ts'
import type { Terms } from './terms.ts'

/** Where package managers show a text of a server's, beside the body that others read. */
export interface Beside {
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
