import type { Target } from './ask.ts'
import type { Decision, Ended } from './decision.ts'
import {
  type AccountName,
  type DirectoryId,
  type Instant,
  msaScope,
  readAccountName,
  type Scope,
  type Subject,
  type Username,
} from './names.ts'

/** An account, as the store knows it now. */
export interface Account {
  readonly name: AccountName
  readonly connection: Connection
  /** The connection it had before the last move, if it ever moved. */
  readonly former?: FormerConnection
  /** A move that is known ahead. It opens nothing: users can prepare for it, and are told of it. */
  readonly planned?: PlannedMove
  /** Its members, if it is restricted to members; otherwise every user of its scope has access. */
  readonly members?: Members
  /** Where its requests go. With a path, even `/`, that path replaces the account's segment (as nginx does). */
  readonly upstream: string
  /** How the upstream learns who the user is, by a name of the settings (`upstreamAuthByName`). Left out: as they say for it. */
  readonly upstreamAuth?: string
}

/** Whether a credential means the same on both: same scope, and same scope before the last move. */
export function haveSameScopes(one: Account, other: Account): boolean {
  const left = ({ former }: Account) => former && scopeOf(former.connection)
  return scopeOf(one.connection) === scopeOf(other.connection) && left(one) === left(other)
}

/** How a request names its account: `/fabrikam/...`, or `fabrikam.example.com` with the suffix `.example.com`. */
export type Naming = { readonly by: 'path' } | { readonly by: 'host'; readonly suffix: string }

/** The account that a target names; whether it exists is another question. */
export function accountNamed(target: Target, naming: Naming): AccountName | Ended {
  const text = naming.by === 'path' ? firstSegment(target.path) : labelBefore(naming.suffix, target.host)
  if (text === '.') return { outcome: 'unclear-target', flaw: 'dot-segment' }
  // An escape here would be one name to us and another to an upstream that decodes (CVE-2026-16117).
  if (text.includes('%')) return { outcome: 'unclear-target', flaw: 'escaped-account' }
  return readAccountName(text) ?? ({ outcome: 'no-account' } satisfies Decision)
}

/** The public URL of an account, with a trailing slash: the inverse of `accountNamed`. */
export function addressOf(name: AccountName, publicUrl: string, naming: Naming): string {
  if (naming.by === 'path') return `${publicUrl}/${encodeURIComponent(name.toWellFormed())}/`
  const url = new URL(publicUrl)
  url.hostname = name + naming.suffix
  return url.href
}

/** The path of the page, under the public address. */
export const pagePath = '/_altgate/'

/** The path of the page for one account: where its credentials are set. */
export function pageOf(name: AccountName): string {
  return `${pagePath}?account=${encodeURIComponent(name.toWellFormed())}`
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

/** What an account signs in with. */
export type Connection =
  | { readonly kind: 'msa' }
  | { readonly kind: 'entra'; readonly directoryId: DirectoryId; readonly directoryName: string }

/** A connection that an account has left. */
export interface FormerConnection {
  readonly connection: Connection
  readonly leftAt: Instant
  /** Until when its credentials still count for users who are linked to an identity of the present connection. */
  readonly bridgedUntil?: Instant
}

/** A move that an operator means to make. Nothing moves by itself on that day. */
export interface PlannedMove {
  readonly to: Connection
  /** A day in UTC, as `2027-01-31`. */
  readonly on: string
}

/** The scope whose credentials open accounts of this connection; derived from it, never from the account's name. */
export function scopeOf(connection: Connection): Scope {
  switch (connection.kind) {
    case 'msa':
      return msaScope
    case 'entra':
      return connection.directoryId as string as Scope
  }
}

/** What the account signs in with, as text for users. */
export function describe(connection: Connection): string {
  switch (connection.kind) {
    case 'msa':
      return 'Microsoft accounts'
    case 'entra':
      return `Microsoft Entra ID, directory "${connection.directoryName}"`
  }
}

/**
 * The members of an account, by scope. A member is listed by subject, which survives renames and resets; one without a
 * credential yet is listed by the primary user name that the scope's authority will assign.
 */
export type Members = ReadonlyMap<Scope, ReadonlySet<Subject | Username>>

/** The user that a credential belongs to. */
export interface Holder {
  /** The primary user name. */
  readonly username: Username
  readonly subject: Subject
}

/** Whether this user has access to an account. Without a member list, every user of the scope has. */
export function hasAccess({ members }: Account, scope: Scope, { username, subject }: Holder): boolean {
  if (members === undefined) return true
  const listed = members.get(scope)
  return listed !== undefined && (listed.has(subject) || listed.has(username))
}
