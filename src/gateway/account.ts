import type { Decision, Ended } from './decision.ts'
import { scopeOf, type Connection, type FormerConnection } from './connection.ts'
import type { Members } from './membership.ts'
import { readAccountName, type AccountName } from './names.ts'
import type { Target } from './target.ts'

/** An account, as the store knows it now. */
export interface Account {
  readonly name: AccountName
  readonly connection: Connection
  /** The connection it had before the last move, if it ever moved. */
  readonly former?: FormerConnection
  /** Whom it lets in, if not everybody of its scope. */
  readonly members?: Members
  /** Where its requests go. With a path, even `/`, that path replaces the account's segment (as nginx does). */
  readonly upstream: string
}

/** Whether what a credential means on the one is what it means on the other. */
export function haveSameScopes(one: Account, other: Account): boolean {
  const left = ({ former }: Account) => former && scopeOf(former.connection)
  return scopeOf(one.connection) === scopeOf(other.connection) && left(one) === left(other)
}

/** How a request names its account: `/fabrikam/...`, or `fabrikam.example.com` with the suffix `.example.com`. */
export type Naming = { readonly by: 'path' } | { readonly by: 'host'; readonly suffix: string }

/** The account that a target names; whether it exists is another question. */
export function accountNamed(target: Target, naming: Naming): AccountName | Ended {
  const text = naming.by === 'path' ? firstSegment(target.path) : labelBefore(naming.suffix, target.host)
  // An escape here would be one name to us and another to an upstream that decodes (CVE-2026-16117).
  if (text.includes('%')) return { outcome: 'unclear-target', flaw: 'escaped-account' }
  return readAccountName(text) ?? ({ outcome: 'no-account' } satisfies Decision)
}

/** Where people and tools reach an account, with a slash at the end: the other way round of `accountNamed`. */
export function addressOf(name: AccountName, publicUrl: string, naming: Naming): string {
  if (naming.by === 'path') return `${publicUrl}/${encodeURIComponent(name.toWellFormed())}/`
  const url = new URL(publicUrl)
  url.hostname = name + naming.suffix
  return url.href
}

function firstSegment(path: string): string {
  const end = path.indexOf('/', 1)
  return path.slice(1, end === -1 ? undefined : end)
}

/**
 * Empty if the host is not one label before the suffix: no account has the empty name. A dot at the end makes a name
 * absolute (RFC 1034, 3.1) and is the same host.
 */
function labelBefore(suffix: string, host: string): string {
  const name = host.toLowerCase().replace(/\.?(?::\d*)?$/, '')
  return name.endsWith(suffix) ? name.slice(0, -suffix.length) : ''
}
