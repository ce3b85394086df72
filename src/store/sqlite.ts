import { resolve } from 'node:path'
import type { DatabaseSync, StatementSync } from 'node:sqlite'
import { setTimeout as delay } from 'node:timers/promises'
import {
  type CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  Kysely,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from 'kysely'
import { Failure } from '../common/failure.ts'
import { Outage } from '../gateway/outage.ts'
import { type Database, isDamage, type OpenHow, type Schema, storeOutage } from './database.ts'
import { insistOnStore, makeFile, openFile, type SqliteFile } from './sqlite-file.ts'

/** Values of `data_version` that fit into one number for each opening of the file. */
const perOpening = 2 ** 32

/** Opens the file, and creates it if `how` allows. Throws `Failure` if it cannot be a store, else `Outage`. */
export async function openSqlite(path: string, how: OpenHow): Promise<Database> {
  const file = resolve(path)
  let opened: SqliteFile | undefined
  try {
    if (how === 'make') makeFile(file)
    insistOnStore(file)
    opened = openFile(file)
    const { writer } = opened.pair()
    await whenFree(() => writer.exec('pragma journal_mode = wal'))
    return databaseOf(opened, file)
  } catch (error) {
    opened?.close()
    throw asDamage(error, file)
  }
}

function databaseOf(file: SqliteFile, path: string): Database {
  const writing = new Kysely<Schema>({ dialect: sqliteDialect(() => file.pair().writer, whenFree) })
  const reading = new Kysely<Schema>({ dialect: sqliteDialect(() => file.pair('read').reader) })
  return {
    reading,
    watching: reading,
    writing,
    dataVersion() {
      try {
        const { version, opening } = file.pair()
        return opening * perOpening + Number(version.get()?.[0])
      } catch (error) {
        throw storeOutage(error)
      }
    },
    async exclusively(work) {
      await writing
        .transaction()
        .execute(work)
        .catch(error => {
          throw error instanceof Outage ? asDamage(error, path) : error
        })
      const { store } = await reading.selectFrom('revision').select('store').executeTakeFirstOrThrow()
      file.hold(store)
    },
    async snapshot(work) {
      const reader = file.another()
      try {
        reader.exec('begin') // the first statement chooses the moment
        return await work(new Kysely<Schema>({ dialect: sqliteDialect(() => reader) }))
      } finally {
        reader.close()
      }
    },
    close: async () => file.close(),
  }
}

/** Damage is not an outage, because waiting does not repair it. */
function asDamage(error: unknown, path: string): unknown {
  if (error instanceof Failure) return error
  const outage = storeOutage(error)
  if (!isDamage(outage)) return outage
  return new Failure(`${path} is not a database, or is damaged. Restore the store from a backup.`)
}

/**
 * A Kysely dialect for `node:sqlite`. `current` returns the open database, which changes when the file is reopened; it
 * throws `Outage`. `attempt` runs a statement: for writes, `whenFree`, because one outside of a transaction finds the file
 * as busy as a transaction's beginning does.
 */
export function sqliteDialect(current: () => DatabaseSync, attempt: Attempt = once): Dialect {
  const connection = connectionTo(current, attempt)
  const run = async (sql: string) => current().exec(sql)
  return {
    createAdapter: () => new SqliteAdapter(),
    createQueryCompiler: () => new SqliteQueryCompiler(),
    createIntrospector: db => new SqliteIntrospector(db),
    createDriver: () => ({
      init: async () => {},
      acquireConnection: async () => connection,
      // A deferred transaction that read first fails at its first write whenever another process wrote meanwhile.
      beginTransaction: () => whenFree(() => current().exec('begin immediate')),
      commitTransaction: () => run('commit').catch(fail),
      rollbackTransaction: () => run('rollback').catch(fail),
      releaseConnection: async () => {},
      destroy: async () => {},
    }),
  }
}

/** How long a change waits for another process's, and how often it tries, in milliseconds. */
const patience = { limit: 5000, pause: 10 }

type Attempt = <T>(statement: () => T) => T | Promise<T>

const once: Attempt = statement => {
  try {
    return statement()
  } catch (error) {
    return fail(error)
  }
}

/** SQLite's own waiting would block the event loop, and with it every request. Throws `Outage` in the end. */
async function whenFree<T>(attempt: () => T): Promise<T> {
  const deadline = performance.now() + patience.limit
  for (;;) {
    try {
      return attempt()
    } catch (error) {
      if (!isBusy(error) || performance.now() > deadline) fail(error)
      await delay(patience.pause)
    }
  }
}

/** SQLITE_BUSY (5), with any extended code in the higher bits. */
function isBusy(error: unknown): boolean {
  return error instanceof Error && 'errcode' in error && (Number(error.errcode) & 0xff) === 5
}

function fail(error: unknown): never {
  throw storeOutage(error)
}

function connectionTo(current: () => DatabaseSync, attempt: Attempt): DatabaseConnection {
  let database: DatabaseSync | undefined
  let prepared: ReturnType<typeof createStatements>

  function statementOf(sql: string) {
    const now = current()
    if (now !== database) prepared = createStatements(now)
    database = now
    return prepared(sql)
  }

  function execute<Row>({ sql, parameters }: CompiledQuery) {
    const { statement, hasRows } = statementOf(sql)
    // Kysely's parameters are `unknown`; SQLite refuses what it cannot bind.
    const values = parameters as Parameters<StatementSync['all']>
    if (!hasRows) return { rows: [], numAffectedRows: BigInt(statement.run(...values).changes) }
    // Kysely has inferred the row's type from the same statement.
    return { rows: statement.all(...values) as Row[] }
  }

  return {
    executeQuery: async <Row>(query: CompiledQuery) => attempt(() => execute<Row>(query)),
    async *streamQuery<Row>(query: CompiledQuery) {
      yield await attempt(() => execute<Row>(query))
    },
  }
}

/** Statements kept: enough for all look-ups. Each batch of an import is a new statement, and must not displace others. */
const mostStatements = 100

/** Preparing costs twice what a look-up does. */
function createStatements(database: DatabaseSync) {
  const kept = new Map<string, { readonly statement: StatementSync; readonly hasRows: boolean }>()
  return (sql: string) => {
    const known = kept.get(sql)
    if (known !== undefined) return known
    const statement = database.prepare(sql)
    const fresh = { statement, hasRows: statement.columns().length > 0 }
    if (kept.size < mostStatements) kept.set(sql, fresh)
    return fresh
  }
}
