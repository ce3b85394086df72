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
  /** As a store is that has been opened and closed: making its tables takes longer than most tests. */
  readonly makeDatabase: () => Promise<FreshPostgres>
}

export async function databasesOn(
  server: Postgres,
  addressOf = (direct: string) => direct,
): Promise<Databases> {
  let made = 0
  async function make(template?: string): Promise<FreshPostgres> {
    const direct = await server.database(`store_${++made}`, template)
    const address = addressOf(direct)
    return { address, url: new Secret(address), execute: sql => query(direct, sql) }
  }
  const template = 'opened'
  const store = await openStore({ url: new Secret(await server.database(template)) })
  await store.close()
  return { makeEmpty: () => make(), makeDatabase: () => make(template) }
}
