import type { DatabaseSync, StatementSync } from 'node:sqlite'
import { setTimeout as delay } from 'node:timers/promises'
import {
  type CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from 'kysely'
import { storeOutage } from './driver-error.ts'

/**
 * Kysely over a connection of `node:sqlite`, which it has no dialect for. `current` gives the open database, a new one after the file was opened anew; it throws `Outage`.
 */
export function sqliteDialect(current: () => DatabaseSync): Dialect {
  const connection = connectionTo(current)
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

/** How long a change waits for another process's, and how often it looks, in milliseconds. */
const patience = { limit: 5000, pause: 10 }

/** SQLite's own waiting would hold up the event loop, and with it every request. Throws `Outage` in the end. */
export async function whenFree(attempt: () => void): Promise<void> {
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

/** SQLITE_BUSY (5) with whatever extension in the higher bits. */
function isBusy(error: unknown): boolean {
  return error instanceof Error && 'errcode' in error && (Number(error.errcode) & 0xff) === 5
}

function fail(error: unknown): never {
  throw storeOutage(error)
}

function connectionTo(current: () => DatabaseSync): DatabaseConnection {
  let database: DatabaseSync | undefined
  let prepared: ReturnType<typeof createStatements>

  function statementOf(sql: string) {
    const now = current()
    if (now !== database) prepared = createStatements(now)
    database = now
    return prepared(sql)
  }

  async function executeQuery<Row>({ sql, parameters }: CompiledQuery) {
    try {
      const { statement, hasRows } = statementOf(sql)
      // Kysely's parameters are `unknown`; what SQLite cannot bind, it refuses.
      const values = parameters as Parameters<StatementSync['all']>
      if (!hasRows) return { rows: [], numAffectedRows: BigInt(statement.run(...values).changes) }
      // Kysely has worked out the row's type from the same statement.
      return { rows: statement.all(...values) as Row[] }
    } catch (error) {
      return fail(error)
    }
  }

  return {
    executeQuery,
    async *streamQuery<Row>(query: CompiledQuery) {
      yield await executeQuery<Row>(query)
    },
  }
}

/** Statements kept: those of the look-ups and then some. An import's lists make a new one each, and push no other out. */
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
