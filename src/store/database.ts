import { type ColumnType, type Compilable, type Kysely, type RawBuilder, sql, type Transaction } from 'kysely'
import type { Action } from '../gateway/history.ts'
import type { AccountName, DirectoryId, Instant, Owner, Scope, Subject, Username } from '../gateway/names.ts'
import { Outage } from '../gateway/outage.ts'
import type { PasswordHash } from '../gateway/ports.ts'

/**
 * What may be done where there is no store: `make` it, or refuse to go on. A command that made one would say that it
 * has changed something in gateways which know another. `serve` expects one, too, and gives up soon on a server that
 * does not answer: callers wait.
 */
export type OpenHow = 'make' | 'expect' | 'serve'

/** An open database. Everything its driver throws is an `Outage` already. */
export interface Database {
  /** Never waits for a change that is under way. */
  readonly reading: Kysely<Schema>
  /** For the news of changes, which must not wait for look-ups that hang: at a table that is locked, for instance. */
  readonly watching: Kysely<Schema>
  /** For transactions: one at a time in this process, so that changes that wait cannot use up what reads need. */
  readonly writing: Kysely<Schema>
  /** See `ChangeLog.pulse`. */
  pulse(): number | undefined
  /** One transaction that waits for every other process's: for migrations, which may take their time. */
  exclusively(work: (transaction: Transaction<Schema>) => Promise<void>): Promise<void>
  close(): Promise<void>
}

/**
 * The tables after the last migration. Only what SQLite and PostgreSQL agree on: text, whole numbers (times are
 * milliseconds, 0 and 1 for off and on), no generated ids.
 */
export interface Schema {
  directories: { id: DirectoryId; name: string; issuer: string | null }
  accounts: { name: AccountName; upstream: string; members_only: ColumnType<0 | 1, 0 | 1 | undefined> }
  /**
   * Whom an account lets in that lets in members only. No subject: nobody has that name in the scope yet, and whoever
   * the authority gives it to is meant.
   */
  members: { account: AccountName; scope: Scope; username: Username; subject: Subject | null }
  /**
   * Everything an account ever was connected to, in the order of `revision`; the last row is the connection of
   * today. Clocks step back, revisions do not. No directory: Microsoft accounts.
   */
  connections: {
    account: AccountName
    revision: number
    since: Instant
    directory: DirectoryId | null
    actor: string
    /** Until when credentials of the connection before this one still count, for people who are linked. */
    bridged_until: Instant | null
    /** Whether it took the move before it back. */
    undo: ColumnType<0 | 1, 0 | 1 | undefined>
  }
  credentials: {
    subject: Subject
    scope: Scope
    username: Username
    secondary: Username | null
    hash: PasswordHash
    enabled: 0 | 1
    set_at: Instant
    revision: number
    owner: Owner | null
    last_used_at: Instant | null
    last_used_from: string | null
  }
  /** When and from where a credential last opened an account. */
  account_uses: { account: AccountName; subject: Subject; used_at: Instant; used_from: string }
  /** Two people of two scopes who are one, as they have shown; each link stands here once for each direction. */
  links: { scope: Scope; owner: Owner; other_scope: Scope; other_owner: Owner; linked_at: Instant }
  /** Every name a credential answers to. Its key is the one name space that both kinds of names share. */
  usernames: { scope: Scope; username: Username; subject: Subject }
  /**
   * One row. Whoever changes something holds it until the commit, so revisions are committed in order. `newest` counts
   * the changes; `token` is the last one's, `store` says which store it is.
   */
  revision: { id: 1; newest: number; token: string; store: string }
  /** One row for each revision, `usernames` as a JSON array; the oldest are pruned. */
  changes: {
    revision: number
    /** Random: tells it from another change of the same number, after the store has gone back. */
    token: ColumnType<string, string | undefined>
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
  /** Processes that trust their memory for `lease_ms` after `seen_at`, by the clock of the database. */
  gateways: {
    id: string
    host: string
    lease_ms: number
    number: number
    seen_at: Instant
    /** The last trial change that it has seen. */
    canary: ColumnType<number, number | undefined>
  }
  /** One row: how many trial changes there were, and when the last was, by the clock of the database. */
  canary: { id: 1; number: number; sent_at: Instant }
  /** How long changes took that commands made, until a gateway has counted them. */
  revocations: { id: string; microseconds: number; at: Instant }
  migrations: { name: string; applied_at: Instant }
}

/** Stands in a statement where each run puts its value. */
export type Placeholder<Values> = <Name extends keyof Values>(name: Name) => RawBuilder<Values[Name]>

class Gap {
  readonly name: PropertyKey

  constructor(name: PropertyKey) {
    this.name = name
  }
}

/** A statement that is built and compiled once, because that costs more than running it. Throws `Outage`. */
export function prepare<Values extends object, Row>(
  db: Kysely<Schema>,
  build: (value: Placeholder<Values>) => Compilable<Row>,
): (values: Values) => Promise<readonly Row[]> {
  const compiled = build(name => sql`${new Gap(name)}`).compile()
  return async values => {
    const filled = new Map<PropertyKey, unknown>(Object.entries(values))
    const parameters = compiled.parameters.map(part => (part instanceof Gap ? filled.get(part.name) : part))
    const { rows } = await db.executeQuery<Row>({ ...compiled, parameters })
    return rows
  }
}

/** Whether a file of SQLite cannot be read as a database (SQLITE_NOTADB, SQLITE_CORRUPT). */
export function isDamage({ cause }: Outage): boolean {
  return cause instanceof Error && /file is not a database|disk image is malformed/.test(cause.message)
}

/**
 * What a driver threw, as an outage of the store. Of the error only text and code are kept: PostgreSQL's holds
 * rows in `detail`, pg's the whole client with its settings, and causes are logged.
 */
export function storeOutage(error: unknown): Outage {
  if (error instanceof Outage) return error
  const code = error instanceof Error && 'code' in error ? `${String(error.code)}: ` : ''
  const text = error instanceof Error ? error.message : 'not an error'
  return new Outage('store', new Error(`${code}${text}`))
}
