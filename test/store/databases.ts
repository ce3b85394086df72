import pg from 'pg'
import type { Test } from 'tap'
import { Secret } from '../../src/gateway/secret.ts'
import { openStore } from '../../src/store/store.ts'
import { type Postgres, query } from '../support/postgres.ts'
import type { FreshDatabase } from './contract.ts'

interface FreshPostgres extends FreshDatabase {
  readonly address: string
  readonly execute: (sql: string) => Promise<void>
}

/** Makes databases of a server, which are reached by `addressOf` the server's own address. */
export interface Databases {
  readonly makeEmpty: () => Promise<FreshPostgres>
  /**
   * As a store is that has been opened and closed: making its tables takes longer than most tests. It may be one that an earlier
   * test has left, with the rows that it had at first, and where the server and its connections know the tables already.
   */
  readonly makeDatabase: (t: Pick<Test, 'teardown'>) => Promise<FreshPostgres>
}

export async function databasesOn(
  server: Postgres,
  addressOf = (direct: string) => direct,
): Promise<Databases> {
  let made = 0
  const makeDirect = (template?: string) => server.database(`store_${++made}`, template)
  const template = 'opened'
  const opened = await server.database(template)
  const store = await openStore({ url: new Secret(opened) })
  await store.close()
  const restore = await keepRows(opened)
  const left: string[] = []

  function reach(direct: string, execute: FreshDatabase['execute']): FreshPostgres {
    const address = addressOf(direct)
    return { address, url: new Secret(address), execute }
  }

  return {
    async makeEmpty() {
      const direct = await makeDirect()
      return reach(direct, sql => query(direct, sql))
    },
    async makeDatabase(t) {
      const direct = left.pop() ?? (await makeDirect(template))
      let isIntact = true
      // After its stores are closed: what is registered later comes earlier.
      t.teardown(async () => {
        if (isIntact && (await restore(addressOf(direct)))) left.push(direct)
      })
      return reach(direct, sql => {
        isIntact = false // who knows what it does to the tables
        return query(direct, sql)
      })
    },
  }
}

/** More of them, once deleted, would slow down the tests that come after. */
const mostRows = 500

/**
 * Keeps a copy of all rows in the database and in those that are made of it. Gives what puts them back in one of these, and
 * says whether that is worth using again.
 */
async function keepRows(template: string): Promise<(address: string) => Promise<boolean>> {
  const tables = await withClient(template, async client => {
    const found = await client.query(`select tablename from pg_tables where schemaname = 'public'`)
    const names = found.rows.map(row => pg.escapeIdentifier(String(row.tablename)))
    await client.query('create schema kept')
    for (const name of names) await client.query(`create table kept.${name} as table public.${name}`)
    return names
  })
  const statements = [
    // Without foreign keys, as they are true again at the end; and a session that a test has left must not be waited for.
    `set local session_replication_role = replica; set local lock_timeout = '1s'`,
    ...tables.map(name => `delete from public.${name}`),
    ...tables.map(name => `insert into public.${name} table kept.${name}`),
  ].join(';')
  return address =>
    withClient(address, async client => {
      const done = (await client.query(statements)) as unknown as readonly pg.QueryResult[]
      return done.every(({ rowCount }) => (rowCount ?? 0) <= mostRows)
    }).catch(() => false) // its server is down, for instance
}

async function withClient<T>(address: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: address })
  client.on('error', () => {}) // it fails the statement, too
  await client.connect()
  try {
    return await work(client)
  } finally {
    await client.end()
  }
}
