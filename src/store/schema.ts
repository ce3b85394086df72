import type { Action } from '../gateway/change.ts'
import type {
  AccountName,
  DirectoryId,
  Instant,
  Owner,
  Revision,
  Scope,
  Subject,
  Username,
} from '../gateway/names.ts'
import type { PasswordHash } from '../gateway/ports.ts'

/**
 * The tables after the last migration. Only what SQLite and PostgreSQL agree on: text, whole numbers (times are
 * milliseconds, 0 and 1 for off and on), no generated ids.
 */
export interface Schema {
  directories: { id: DirectoryId; name: string; issuer: string | null }
  accounts: { name: AccountName; upstream: string }
  /**
   * Everything an account ever was connected to, in the order of `revision`; the last row is the connection of
   * today. Clocks step back, revisions do not. No directory: Microsoft accounts.
   */
  connections: {
    account: AccountName
    revision: Revision
    since: Instant
    directory: DirectoryId | null
    actor: string
  }
  credentials: {
    subject: Subject
    scope: Scope
    username: Username
    secondary: Username | null
    hash: PasswordHash
    enabled: 0 | 1
    set_at: Instant
    revision: Revision
    owner: Owner | null
    last_used_at: Instant | null
    last_used_from: string | null
  }
  /** Every name a credential answers to. Its key is the one name space that both kinds of names share. */
  usernames: { scope: Scope; username: Username; subject: Subject }
  /** One row. Whoever changes something holds it until the commit, so revisions are committed in order. */
  revision: { id: 1; newest: Revision }
  /** One row for each revision, `usernames` as a JSON array; the oldest are pruned. */
  changes: {
    revision: Revision
    at: Instant
    actor: string
    action: Action
    account: AccountName | null
    scope: Scope | null
    usernames: string
  }
  /** In base64: the one spelling of bytes that both databases have. */
  keys: { name: string; bytes: string }
  /** Of people who have signed in to the page; whatever has expired is pruned. */
  sessions: { id_hash: string; data: string; expires_at: Instant }
  migrations: { name: string; applied_at: Instant }
}
