import { type ColumnType, type Compilable, type Kysely, type RawBuilder, sql, type Transaction } from 'kysely'
import { Failure } from '../common/failure.ts'
import type { GrantEnd } from '../gateway/delegation.ts'
import type { DeliveredTo } from '../gateway/deliveries.ts'
import type { PasswordMac } from '../gateway/generated-password.ts'
import type { KeyName } from '../gateway/key-ring.ts'
import type { Action } from '../gateway/history.ts'
import type {
  AccountName,
  DirectoryId,
  Instant,
  Owner,
  PasswordId,
  Scope,
  Subject,
  Username,
} from '../gateway/names.ts'
import { Outage } from '../gateway/outage.ts'
import type { PasswordHash, Refusal } from '../gateway/ports.ts'

/**
 * What to do where there is no store: `make` it, or refuse. A command that created one would report a change that gateways
 * with another store do not have. `serve` expects one as well, and gives up soon on a server that does not respond,
 * because requests wait.
 */
export type OpenHow = 'make' | 'expect' | 'serve'

/** There is no store, and none was to be made. */
export class NoStore extends Failure {}

/** An open database. Errors of its driver are already `Outage`s. */
export interface Database {
  /** Never waits for a pending change. */
  readonly reading: Kysely<Schema>
  /** For the news of changes, which must not wait for hanging look-ups, at a locked table for instance. */
  readonly watching: Kysely<Schema>
  /** For transactions: one at a time in this process, so that waiting changes cannot use up the connections of reads. */
  readonly writing: Kysely<Schema>
  /** See `ChangeLog.dataVersion`. */
  dataVersion(): number | undefined
  /** One transaction that excludes those of all other processes, without a time limit: for migrations. */
  exclusively(work: (transaction: Transaction<Schema>) => Promise<void>): Promise<void>
  /** Everything that `work` reads is as of one moment, without a time limit. No other process waits for it. */
  snapshot<T>(work: (db: Kysely<Schema>) => Promise<T>): Promise<T>
  close(): Promise<void>
}

/**
 * The tables after the last migration. Only what SQLite and PostgreSQL have in common: text, integers (times are
 * milliseconds, 0 and 1 are off and on), no generated ids.
 */
export interface Schema {
  /** A removed one is kept for the history of accounts. */
  directories: {
    id: DirectoryId
    name: string
    issuer: string | null
    removed_at: Instant | null
  }
  /** `upstream_auth`: a name of the settings. */
  accounts: {
    name: AccountName
    upstream: string
    members_only: ColumnType<0 | 1, 0 | 1 | undefined>
    upstream_auth: ColumnType<string | null, string | null | undefined>
  }
  /**
   * The members of an account that is restricted to members. No subject: no credential has that name in the scope yet;
   * the first one that gets it becomes the member.
   */
  members: { account: AccountName; scope: Scope; username: Username; subject: Subject | null }
  /**
   * All connections that an account has had, in the order of `revision`, because clocks can step back; the last row is
   * the present connection. No directory: Microsoft accounts.
   */
  connections: {
    account: AccountName
    revision: number
    since: Instant
    directory: DirectoryId | null
    actor: string
    /** Until when credentials of the previous connection are accepted, for linked users. */
    bridged_until: Instant | null
    /** Whether this undid the previous move. */
    undo: ColumnType<0 | 1, 0 | 1 | undefined>
  }
  /** Moves that are known ahead, one for each account at most. `day` is in UTC. No directory: Microsoft accounts. */
  planned_moves: {
    account: AccountName
    directory: DirectoryId | null
    day: string
    since: Instant
    actor: string
  }
  /** The last day (UTC) on which a user was told of the planned move of an account. */
  move_notices: { account: AccountName; subject: Subject; told_on: string }
  credentials: {
    subject: Subject
    scope: Scope
    username: Username
    secondary: Username | null
    hash: PasswordHash
    /** Whether it is neither blocked nor off. */
    enabled: 0 | 1
    /** By an operator. */
    blocked: 0 | 1
    /** Who else has switched it off. */
    off_by: 'owner' | 'liveness' | 'unknown' | null
    set_at: Instant
    revision: number
    owner: Owner | null
    last_used_at: Instant | null
    last_used_from: string | null
    /** When its owner last signed in on the page, or it was claimed or switched on. */
    confirmed_at: ColumnType<Instant | null, Instant | null | undefined>
    /** A command has set the password since the owner claimed it: it may be another person's. */
    unproved: ColumnType<0 | 1, 0 | 1 | undefined>
  }
  /**
   * Generated passwords; without a name, the main one of its set, of which one at most is neither replaced nor revoked. Those
   * that no longer count are kept for a while, so that their holders can be told. `announced`: the last number of days
   * before its end that was announced.
   */
  passwords: {
    subject: Subject
    id: PasswordId
    mac: PasswordMac
    name: string | null
    read_only: 0 | 1
    set_at: Instant
    ends_at: Instant | null
    replaced_at: Instant | null
    revoked_at: Instant | null
    client: string | null
    last_used_at: Instant | null
    last_used_from: string | null
    last_used_tool: string | null
    announced: number | null
  }
  /** When and from where a credential was last used for an account. */
  account_uses: { account: AccountName; subject: Subject; used_at: Instant; used_from: string }
  /** Allowed requests of one kind, counted. `password` and `tool` are empty where there is none. */
  tool_uses: {
    account: AccountName
    subject: Subject
    password: string
    tool: string
    network: string
    path: string
    first_at: Instant
    last_at: Instant
    requests: number
  }
  /** Owners in two scopes that are one person; each link has one row for each direction. */
  links: { scope: Scope; owner: Owner; other_scope: Scope; other_owner: Owner; linked_at: Instant }
  /** User names whose credentials are made blocked, in every scope. */
  blocked_people: { username: Username; at: Instant; actor: string }
  /** All names of credentials. Primary and secondary names share its key, and so one name space. */
  usernames: { scope: Scope; username: Username; subject: Subject }
  /**
   * One row. A change locks it until the commit, so that revisions are committed in order. `newest` counts the changes;
   * `token` is that of the last one, `store` identifies the store.
   */
  revision: { id: 1; newest: number; token: string; store: string }
  /** One row for each revision, `usernames` as a JSON array; the oldest are pruned. */
  changes: {
    revision: number
    /** Random: distinguishes changes of the same number after the store was restored to an earlier state. */
    token: ColumnType<string, string | undefined>
    at: Instant
    actor: string
    action: Action
    account: AccountName | null
    /** As a JSON array, if it is about several. */
    accounts: ColumnType<string | null, string | null | undefined>
    scope: Scope | null
    usernames: string
  }
  /** How far the changes have been delivered to each receiver, and which gateway did it last. */
  deliveries: { receiver: DeliveredTo; number: number; token: string; holder: string | null; at: Instant }
  /**
   * `bytes` in base64, because the databases have no common type for them. Of one name, the newest with `used_from` makes
   * everything. Times are 0 where they were not kept.
   */
  keys: { name: KeyName; id: number; bytes: string; made_at: Instant; used_from: Instant | null }
  /**
   * What a sign-in of the owner gave. Tokens are sealed (`delegation/sealing.ts`) with a key that is not in the store; a
   * grant that has ended has none. Times are by the clock of the database, or of the only machine. `demand`: what a claims
   * challenge asked for, which is no secret: it travels in the address of a sign-in. `version` grows with every write;
   * `turn_until`: until then, one process has the right to renew it.
   */
  grants: {
    scope: Scope
    owner: Owner
    issuer: string
    client_id: string
    username: Username | null
    refresh_token: string | null
    access_token: string | null
    access_of: string | null
    access_ends_at: Instant | null
    granted_at: Instant
    renewed_at: Instant
    checked_at: Instant
    ended_at: Instant | null
    ended_cause: GrantEnd | null
    demand: ColumnType<string | null, string | null | undefined>
    version: number
    turn_until: ColumnType<number, number | undefined>
  }
  /** Who does what only one gateway does at a time. `until`: by the clock of the database, or of the only machine. */
  turns: { work: string; holder: string; until: Instant }
  /** What clients were refused, by the reference that they were shown; the oldest are pruned. `facts`: JSON. */
  refusals: {
    reference: string
    at: Instant
    outcome: Refusal['outcome']
    account: AccountName | null
    username: Username | null
    client: string
    facts: string
  }
  /** Sessions of the page; expired ones are pruned. */
  sessions: { id_hash: string; data: string; expires_at: Instant }
  /** What the authorization server keeps, by a hash of the code or token; expired entries are pruned. */
  /** Tokens of the API; `actor`: who added it. */
  api_tokens: {
    id: PasswordId
    mac: PasswordMac
    name: string
    scope: 'read' | 'write'
    actor: string
    added_at: Instant
    ends_at: Instant | null
    last_used_at: ColumnType<Instant | null, Instant | null | undefined>
  }
  oauth: {
    key: string
    of_grant: string | null
    user_code: string | null
    data: string
    used_at: ColumnType<Instant | null, Instant | null | undefined>
    expires_at: Instant
  }
  /** Processes that trust their memory for `lease_ms` after `seen_at`, by the clock of the database. */
  gateways: {
    id: string
    host: string
    lease_ms: number
    number: number
    seen_at: Instant
    /** The last trial change that it has confirmed. */
    canary: ColumnType<number, number | undefined>
  }
  /** One row: the number of trial changes, and the time of the last one by the clock of the database. */
  canary: { id: 1; number: number; sent_at: Instant }
  /** Gateways that run, or ended without a word. `facts`: JSON; `seen_at`: by the clock of the database, or of the machine. */
  presences: { id: string; host: string; facts: string; seen_at: Instant }
  /** Durations of changes made by commands, until a gateway has counted them. */
  revocations: { id: string; microseconds: number; at: Instant }
  migrations: { name: string; applied_at: Instant }
}

/** A place in a prepared statement that each execution fills with a value. */
export type Placeholder<Values> = <Name extends keyof Values>(name: Name) => RawBuilder<Values[Name]>

class Gap<Name extends PropertyKey> {
  readonly name: Name

  constructor(name: Name) {
    this.name = name
  }
}

/** Builds and compiles a statement once, because that costs more than running it. Throws `Outage`. */
export function prepare<Values extends object, Row>(
  db: Kysely<Schema>,
  build: (value: Placeholder<Values>) => Compilable<Row>,
): (values: Values) => Promise<readonly Row[]> {
  const compiled = build(name => sql`${new Gap(name)}`).compile()
  const isGap = (part: unknown): part is Gap<keyof Values> => part instanceof Gap
  return async values => {
    const parameters = compiled.parameters.map(part => (isGap(part) ? values[part.name] : part))
    const { rows } = await db.executeQuery<Row>({ ...compiled, parameters })
    return rows
  }
}

/** Whether SQLite reported that a file is not a valid database (SQLITE_NOTADB, SQLITE_CORRUPT). */
export function isDamage({ cause }: Outage): boolean {
  return cause instanceof Error && /file is not a database|disk image is malformed/.test(cause.message)
}

/**
 * A driver's error as an outage of the store. Only text and code are kept, because causes are logged: PostgreSQL's error
 * contains rows in `detail`, and pg's the whole client with its settings.
 */
export function storeOutage(error: unknown): Outage {
  if (error instanceof Outage) return error
  const code = error instanceof Error && 'code' in error ? `${String(error.code)}: ` : ''
  const text = error instanceof Error ? error.message : 'not an error'
  return new Outage('store', new Error(`${code}${text}`))
}

/** Milliseconds since 1970 by the one clock that all processes with this store share. */
export interface SharedTime {
  /** Otherwise all of them are on this machine. */
  readonly isOfDatabase: boolean
  readonly ofMachine: () => Instant
  readonly ofWrite: () => RawBuilder<number>
  /** `now`: the place for the time of this machine. */
  readonly ofRead: (now: RawBuilder<number>) => RawBuilder<number>
}

/** Clocks of two machines may differ by minutes, and a token would be used after its end. */
export function createSharedTime(database: Database, clock: () => Instant): SharedTime {
  const isOfDatabase = database.dataVersion() === undefined
  if (isOfDatabase) {
    // The same however often one statement names it.
    const ofDatabase = sql<number>`cast(extract(epoch from statement_timestamp()) * 1000 as bigint)`
    return { isOfDatabase, ofMachine: clock, ofWrite: () => ofDatabase, ofRead: () => ofDatabase }
  }
  return {
    isOfDatabase,
    ofMachine: clock,
    ofWrite: () => sql<number>`cast(${clock()} as bigint)`,
    ofRead: now => sql<number>`cast(${now} as bigint)`,
  }
}
