import { type Kysely, sql, type SqlBool } from 'kysely'
import type { Instant } from '../gateway/names.ts'
import {
  type BackupHeader,
  type Cell,
  newer,
  type RowCounts,
  type TableRows,
  writeLines,
} from './backup-lines.ts'
import type { Database, Schema } from './database.ts'
import { migrationNames } from './migrations.ts'

/** The tables of a backup with their primary keys, those first to which others refer. */
export const keptTables = {
  directories: ['id'],
  accounts: ['name'],
  connections: ['account', 'revision'],
  credentials: ['subject'],
  usernames: ['scope', 'username'],
  members: ['account', 'scope', 'username'],
  passwords: ['subject', 'id'],
  account_uses: ['account', 'subject'],
  tool_uses: ['account', 'subject', 'password', 'tool', 'network', 'path'],
  planned_moves: ['account'],
  move_notices: ['account', 'subject'],
  links: ['scope', 'owner', 'other_scope'],
  blocked_people: ['username'],
  grants: ['scope', 'owner'],
  oauth: ['key'],
  api_tokens: ['id'],
  changes: ['revision'],
  refusals: ['reference'],
  keys: ['name', 'id'],
} as const satisfies Partial<Record<keyof Schema, readonly string[]>>

export type KeptTable = keyof typeof keptTables

export const keptTableNames = Object.keys(keptTables) as readonly KeptTable[]

/**
 * What is not in a backup. Sessions of the page: one that was ended must not come back. What running gateways tell each
 * other, and how far they have delivered the changes: it is about them, and not about the store. What the header has.
 */
export const leftOutTables = [
  'sessions',
  'gateways',
  'presences',
  'deliveries',
  'turns',
  'canary',
  'revocations',
  'revision',
  'migrations',
] as const satisfies readonly (keyof Schema)[]

/** The keys that something in the store, or in running gateways, rests on. All others seal what lives for a short time. */
const isKeptKey = sql<SqlBool>`name in ('names', 'passwords', 'assertions', 'api-tokens')`

/** Rows that are read at once. */
const rowsAtOnce = 1000

export interface TakeOptions {
  /** Of this program. */
  readonly version: string
  readonly now: Instant
  readonly write: (text: AsyncIterable<string>) => Promise<void>
  /** Told after how many rows of how many it is; the latter is an estimate. */
  readonly progress: (rows: number, of: number) => void
}

/** What a backup has. */
export interface TakenBackup {
  readonly header: BackupHeader
  readonly rows: RowCounts
}

/** Takes a backup of a store that may be in use, as of one moment. Throws `Outage`, and whatever `write` throws. */
export async function takeBackup(
  database: Database,
  { version, now, write, progress }: TakeOptions,
): Promise<TakenBackup> {
  return await database.snapshot(async db => {
    const { store, newest, token } = await db.selectFrom('revision').selectAll().executeTakeFirstOrThrow()
    const applied = await db.selectFrom('migrations').select('name').orderBy('name').execute()
    const header: BackupHeader = {
      altgate: 'backup',
      format: 1,
      version,
      takenAt: new Date(now).toISOString(),
      store,
      changes: newest,
      token,
      migrations: applied.map(({ name }) => name),
    }
    const rows: Record<string, number> = {}
    for (const table of keptTableNames) rows[table] = await countOf(db, table)
    const all = Object.values(rows).reduce((sum, each) => sum + each, 0)
    await write(writeLines(header, tablesOf(db), done => progress(done, all)))
    return { header, rows }
  })
}

export async function countOf(db: Kysely<Schema>, table: KeptTable): Promise<number> {
  const { count } = await db
    .selectFrom(table)
    .select(sql<number>`cast(count(*) as bigint)`.as('count'))
    .$if(table === 'keys', query => query.where(isKeptKey))
    .executeTakeFirstOrThrow()
  return count
}

async function* tablesOf(db: Kysely<Schema>): AsyncGenerator<TableRows> {
  for (const table of keptTableNames) yield await readTable(db, table)
}

/** A table, in the order of its primary key. */
export async function readTable(db: Kysely<Schema>, table: KeptTable): Promise<TableRows> {
  const columns = await columnsOf(db, table)
  const key = keptTables[table]
  const places = key.map(name => columns.indexOf(name))

  /** Page after page: neither database has to keep anything, and no offset has to be counted again. */
  async function* pages(): AsyncGenerator<readonly (readonly Cell[])[]> {
    let last: readonly Cell[] | undefined
    const names = sql.join(columns.map(name => sql.ref(name)))
    const keys = sql.join(key.map(name => sql.ref(name)))
    for (;;) {
      const after = last && sql`and (${keys}) > (${sql.join(places.map(place => last?.[place]))})`
      const { rows } = await sql<Record<string, Cell>>`
        select ${names} from ${sql.table(table)}
        where ${table === 'keys' ? isKeptKey : sql`true`} ${after ?? sql``} order by ${keys} limit ${sql.lit(rowsAtOnce)}
      `.execute(db)
      const page = rows.map(row => columns.map(name => row[name] ?? null))
      yield page
      if (page.length < rowsAtOnce) return
      last = page.at(-1)
    }
  }

  return { table, columns, rows: pages() }
}

async function columnsOf(db: Kysely<Schema>, table: KeptTable): Promise<readonly string[]> {
  const tables = await db.introspection.getTables()
  const columns = tables.find(({ name }) => name === table)?.columns ?? []
  return columns.map(({ name }) => name)
}

/** Throws `Failure` if a newer version has made it. */
export function insistOnKnown(header: BackupHeader): BackupHeader {
  if (header.migrations.every(name => migrationNames.includes(name))) return header
  throw newer(header.version)
}
