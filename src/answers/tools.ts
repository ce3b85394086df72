import type { Naming } from '../gateway/account.ts'
import type { Ending } from '../requests/request.ts'
import { type RequestHead, dialectOf, headerOf, pathOf } from '../requests/tool.ts'
import { onOneLine } from './dialects.ts'
import type { Terms } from './terms.ts'

/**
 * Adds the command that makes git keep one password per account. By default git keeps one per host, and the 401 of one
 * account erases the good password of another. Not needed where the host names the account.
 *
 * It depends only on the outcome and the settings. Whether the password is right for another account is not looked up:
 * that would cost a hash for every scope, and help an attacker who guesses. `reset-needed` goes to a user with a right
 * password, which other accounts may still accept.
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
  ['refused', 'If another account here uses a different password, let git keep both:'],
  ['reset-needed', 'If other accounts here still accept the old one, let git keep both:'],
] satisfies [Ending['outcome'], string][])

function useHttpPath(publicUrl: string): string {
  return `git config --global credential.${new URL(publicUrl).origin}.useHttpPath true`
}

/**
 * Whether git-lfs is in a loop. On every 401 it asks its credential helper again, which may always return the same
 * password; and it repeats at once, without a credential, what a server has called authenticated. 429 would not end
 * that: git-lfs retries eight times after `Retry-After`, and then meets another 401. Only 403 ends it at once, keeps the
 * password, and is printed.
 */
export function isLfsLoop(ending: Ending, head: RequestHead): boolean {
  return isLoop(ending) && mayBeLfs(head)
}

function isLoop(ending: Ending): boolean {
  if (ending.outcome === 'reset-needed' || ending.outcome === 'expired') return ending.tooOften === true
  return ending.outcome === 'throttled' && (ending.by === 'repetition' || ending.by === 'anonymous')
}

/** The same text as 403, without `Retry-After` and challenge. */
export function asForbidden({ headers = {}, ...terms }: Terms): Terms {
  const { 'Retry-After': _, 'WWW-Authenticate': __, ...others } = headers
  return { ...terms, status: 403, headers: others }
}

function mayBeLfs(head: RequestHead): boolean {
  return lfsPath.test(pathOf(head.target)) || dialectOf(head) === 'lfs'
}

const lfsPath = /\/info\/lfs(?:\/|$)/i

/** Where clients read a text, apart from the body. */
interface OutsideTheBody {
  readonly headers?: Readonly<Record<string, string>>
  /** Replaces the standard reason phrase. */
  readonly reason?: string
}

/**
 * The text outside the body. On a 401, npm prints nothing but `npm-notice`. Azure DevOps uses the reason phrase as well. All
 * other clients get the standard phrase of RFC 9110.
 */
export function outsideTheBody(head: RequestHead, terms: Terms, requestId: string): OutsideTheBody {
  const agent = headerOf(head, 'user-agent') ?? ''
  if (agent.startsWith('npm/')) return { headers: { 'npm-notice': asciiOf(onOneLine(terms, requestId)) } }
  return readsReason.test(agent) ? { reason: asciiOf(onOneLine(terms, requestId)) } : {}
}

/**
 * Clients that print the reason phrase, most of them without the body. Poetry reads an index as `python-requests`, Yarn since
 * version 2 is `got`, gem and Bundler are both RubyGems, and restic is a `Go-http-client`. Go modules and rclone's WebDAV show
 * the text twice. Not Wget2, which prints 31 characters of it.
 */
const readsReason = new RegExp(
  [
    /^(?:pip|twine|poetry|python-(?:requests|httpx|httplib2|urllib)|NuGet|Apache-(?:Maven|HttpClient)|Gradle|pnpm|got)\b/,
    /^(?:bundler|Ruby|Debian APT-HTTP|Wget|lftp|ansible-httpget|Helm|Go-http-client|rclone|Bazel)\b/,
    /^(?:JGit|mercurial|Fossil|Breezy|gvfs|vdirsyncer)\b/,
    // Libraries after the name of the program: cadaver and davfs2, LWP's scripts.
    /\b(?:neon|aiohttp|libwww-perl)\//,
  ]
    .map(({ source }) => source)
    .join('|'),
  'i',
)

/** Headers and reason phrases are limited to ASCII, because clients decode other bytes differently. */
function asciiOf(text: string): string {
  return text.replace(/[^ -~]/gu, '?')
}
