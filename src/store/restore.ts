import { randomBytes } from 'node:crypto'
import { DatabaseSync } from 'node:sqlite'
import { Kysely, sql, type Transaction } from 'kysely'
import { Failure } from '../common/failure.ts'
import type { Moment } from '../gateway/history.ts'
import type { Instant, Revision } from '../gateway/names.ts'
import { InDoubt, Outage } from '../gateway/outage.ts'
import type { Announce, Gateways } from '../gateway/ports.ts'
import { countOf, insistOnKnown, type KeptTable, keptTableNames, keptTables, readTable } from './backup.ts'
import { type BackupHeader, type Cell, readLines, type RowCounts } from './backup-lines.ts'
import { lookFor } from './change.ts'
import type { Database, Schema } from './database.ts'
import { migrate } from './migrations.ts'
import { sqliteDialect } from './sqlite.ts'

/** Called with the number of rows so far, and waited for. What it throws ends the work, and nothing is changed. */
export type Progress = (rows: number) => Promise<void>

/** A backup that was read and checked as a whole, with its tables brought up to date. */
export interface ReadBackup {
  readonly header: BackupHeader
  /** As the backup has them. */
  readonly rows: RowCounts
  readonly content: Kysely<Schema>
  close(): void
}

/**
 * Reads a backup into a temporary database, so that all of it is known to be good before anything is changed, and an older
 * one goes through the migrations. SQLite keeps that in a file without a name, which is gone with this process. Throws
 * `Failure`.
 */
export async function readBackup(
  bytes: AsyncIterable<Buffer>,
  now: Instant,
  progress: Progress,
): Promise<ReadBackup> {
  const file = new DatabaseSync('')
  const content = new Kysely<Schema>({ dialect: sqliteDialect(() => file) })
  try {
    const read = await content.transaction().execute(async db => {
      const read = await fill(file, db, readLines(bytes), { now, progress })
      await migrate(db, now)
      await insistOnJson(db)
      return read
    })
    return { ...read, content, close: () => file.close() }
  } catch (error) {
    file.close()
    throw flawIn(error)
  }
}

interface FillOptions {
  readonly now: Instant
  readonly progress: Progress
}

async function fill(
  file: DatabaseSync,
  db: Transaction<Schema>,
  parts: ReturnType<typeof readLines>,
  { now, progress }: FillOptions,
): Promise<Pick<ReadBackup, 'header' | 'rows'>> {
  let header: BackupHeader | undefined
  let insert: ReturnType<DatabaseSync['prepare']> | undefined
  let done = 0
  for await (const part of parts) {
    if ('header' in part) {
      header = insistOnKnown(part.header)
      await migrate(db, now, header.migrations)
    } else if ('table' in part) {
      insert = file.prepare(insertInto(part))
    } else if ('rows' in part) {
      for (const row of part.rows) insert?.run(...row)
      await progress((done += part.rows.length))
    } else if (header !== undefined) {
      return { header, rows: part.complete }
    }
  }
  throw new Error('a backup without an end was taken for a whole one')
}

function insertInto({
  table,
  columns,
}: {
  readonly table: string
  readonly columns: readonly string[]
}): string {
  const names = [table, ...columns]
  if (!Object.hasOwn(keptTables, table) || !names.every(name => /^[a-z][a-z_]*$/.test(name)))
    throw new Failure('The backup is damaged: it has a table that no version of Altgate has.')
  return `insert into "${table}" (${columns.map(name => `"${name}"`).join()}) values (${columns.map(() => '?').join()})`
}

/** Gateways read these columns all the time, and what they cannot read would stop them once it is in the store. */
async function insistOnJson(db: Transaction<Schema>): Promise<void> {
  const { flaws } = await sql<{ readonly flaws: number }>`
    select (select count(*) from changes where not ${isJson('usernames', 'array')} or not ${isJson('accounts', 'array')})
      + (select count(*) from refusals where not ${isJson('facts', 'object')}) as flaws
  `
    .execute(db)
    .then(({ rows: [first] }) => first ?? { flaws: 0 })
  if (flaws > 0) throw new Failure('The backup is damaged: its rows do not fit together.')
}

/** In SQLite's words. What is left out is valid. */
function isJson(column: string, type: 'array' | 'object') {
  const value = sql.ref(column)
  return sql`(${value} is null or (json_valid(${value}) and json_type(${value}) = ${type}))`
}

/** What SQLite says of rows that do not fit together, or of a full disk. */
function flawIn(error: unknown): unknown {
  if (error instanceof Failure || !(error instanceof Error)) return error
  const text = `${error.message} ${error.cause instanceof Error ? error.cause.message : ''}`
  if (/constraint failed|no such table|no column named|has no column/i.test(text))
    return new Failure('The backup is damaged: its rows do not fit together.', { cause: error })
  if (/disk is full|disk I\/O error|unable to open/i.test(text))
    return new Failure(
      'There is no room for a temporary copy of the backup. SQLITE_TMPDIR can name a folder that has some.',
      { cause: error },
    )
  // No part can be down here: this database is in a file of this process.
  if (error instanceof Outage)
    return new Failure('The backup is damaged: its rows do not fit together.', { cause: error })
  return error
}

/** What a store has that a restore would replace. */
export interface Contents {
  readonly accounts: number
  readonly credentials: number
  /** Whether there is nothing that a command, a user or a request has put there. */
  readonly isEmpty: boolean
  readonly store: string
  /** The number of its last change. */
  readonly changes: number
}

export async function contentsOf(db: Kysely<Schema>): Promise<Contents> {
  const { store, newest } = await db.selectFrom('revision').selectAll().executeTakeFirstOrThrow()
  const [accounts, credentials] = [await countOf(db, 'accounts'), await countOf(db, 'credentials')]
  let others = 0
  for (const table of ['directories', 'blocked_people', 'links', 'grants', 'oauth', 'api_tokens'] as const)
    others += await countOf(db, table)
  return { accounts, credentials, isEmpty: accounts + credentials + others === 0, store, changes: newest }
}

export interface RestoreOptions {
  readonly actor: string
  readonly announce: Announce
  readonly gateways: Pick<Gateways, 'settle'>
  readonly now: Instant
  /** What the store has is replaced; otherwise it must be empty. */
  readonly replace: boolean
  /** It was made for this backup: it becomes the store that the backup was taken of. */
  readonly isNew: boolean
  readonly progress: Progress
  /** Called when nothing more can be stopped. */
  readonly committing: () => void
}

/** The store is not empty, and was to be: nothing was changed. */
export class NotEmpty extends Failure {}

/**
 * Puts a backup in place of what the store has, in one transaction, which is a change like any other: it has the next
 * number, is announced before the commit and is in force everywhere when this resolves. The store keeps its identity, and
 * the number grows even if the backup is older, so running gateways drop everything that they remember and go on. Throws
 * `Outage`, `InDoubt` and `NotEmpty`.
 */
export async function restore(
  database: Database,
  { header, content }: ReadBackup,
  { actor, announce, gateways, now, replace, isNew, progress, committing }: RestoreOptions,
): Promise<void> {
  let moment: Moment | undefined
  try {
    await database.exclusively(async db => {
      // The lock of every change, so none is made meanwhile.
      await db
        .updateTable('revision')
        .set(row => ({ newest: row.ref('newest') }))
        .execute()
      const before = await contentsOf(db)
      if (!replace && !before.isEmpty)
        throw new NotEmpty('The store is not empty. To replace what it has by the backup, add --replace.')
      await lockTables(database, db)
      // Running gateways have named everything by the key that the store has.
      if (!isNew) await content.deleteFrom('keys').where('name', '=', 'names').execute()
      await empty(db, content)
      await fillTables(db, content, progress)
      const next: Moment = {
        store: isNew ? header.store : before.store,
        number: Math.max(before.changes, header.changes) + 1,
        token: randomBytes(12).toString('base64url'),
      }
      await db
        .updateTable('revision')
        .set({ newest: next.number, token: next.token, store: next.store })
        .execute()
      // The gateways of that store have delivered its changes, but not this one.
      if (isNew)
        await db.updateTable('deliveries').set({ number: header.changes, token: header.token }).execute()
      const change = { actor, action: 'store-restored', at: now } as const
      await db
        .insertInto('changes')
        .values({ ...change, revision: next.number, token: next.token, usernames: '[]' })
        .execute()
      committing()
      // No process has seen this token, so each takes the store for one that has gone back.
      const unseen = randomBytes(12).toString('base64url')
      await announce({ ...change, revision: next.number as Revision, usernames: [] }, next, unseen)
      moment = next
    })
  } catch (failure) {
    if (moment === undefined) throw failure
    const isMade = await lookFor(database, moment).catch(() => {
      throw new InDoubt('perhaps', failure)
    })
    if (!isMade) throw failure
  }
  if (moment !== undefined) await gateways.settle(moment.number)
}

/** PostgreSQL: look-ups go on, and writes wait rather than meet ours halfway. SQLite has one writer at a time anyway. */
async function lockTables(database: Database, db: Transaction<Schema>): Promise<void> {
  if (database.dataVersion() !== undefined) return
  const tables = sql.join(['sessions', ...keptTableNames].map(name => sql.table(name)))
  await sql`lock table ${tables} in exclusive mode`.execute(db)
}

/** Keys that the backup does not have stay: running gateways use them. */
async function empty(db: Transaction<Schema>, content: Kysely<Schema>): Promise<void> {
  const keys = await content.selectFrom('keys').select('name').execute()
  const coming = keys.map(({ name }) => name)
  await db.deleteFrom('sessions').execute()
  for (const table of keptTableNames.toReversed()) {
    if (table === 'refusals') continue // what clients were told since then can still be looked up
    if (table !== 'keys') await db.deleteFrom(table).execute()
    else if (coming.length > 0) await db.deleteFrom('keys').where('name', 'in', coming).execute()
  }
}

/** Parameters of one statement: SQLite takes 32,766. */
const mostParameters = 30_000

async function fillTables(
  db: Transaction<Schema>,
  content: Kysely<Schema>,
  progress: Progress,
): Promise<void> {
  let done = 0
  for (const table of keptTableNames) {
    const { columns, rows } = await readTable(content, table)
    const most = Math.floor(mostParameters / columns.length)
    for await (const page of rows)
      for (let at = 0; at < page.length; at += most) {
        const some = page.slice(at, at + most)
        await insertRows(db, table, columns, some)
        await progress((done += some.length))
      }
  }
}

async function insertRows(
  db: Transaction<Schema>,
  table: KeptTable,
  columns: readonly string[],
  rows: readonly (readonly Cell[])[],
): Promise<void> {
  const names = sql.join(columns.map(name => sql.ref(name)))
  const twice = table === 'refusals' ? sql`on conflict do nothing` : sql``
  const values = sql.join(rows.map(row => sql`(${sql.join(row)})`))
  await sql`insert into ${sql.table(table)} (${names}) values ${values} ${twice}`.execute(db)
}
