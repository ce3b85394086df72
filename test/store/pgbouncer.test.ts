import t from 'tap'
import { startPgBouncer } from '../support/pgbouncer.ts'
import { startPostgres } from '../support/postgres.ts'
import { until } from '../support/until.ts'
import { openFresh, storeContract } from './contract.ts'
import { cutOffContract } from './contract-cut-off.ts'
import { databasesOn } from './databases.ts'

const server = await startPostgres(t)
const bouncer = await startPgBouncer(t, Number(new URL(server.url).port))
const { makeEmpty, makeDatabase } = await databasesOn(server, direct => {
  const address = new URL(direct)
  address.port = String(bouncer)
  return address.href
})

// The whole contract, for PostgreSQL itself too: statements that hold where each may come to another session hold in one.
t.test('PgBouncer in transaction mode: a store keeps what it promises', t =>
  storeContract(t, makeDatabase, makeEmpty),
)

t.test('PgBouncer, whose clients are cut off', t => cutOffContract(t, makeDatabase))

t.test('after PgBouncer has lost the server it works again when this is back', async t => {
  const store = await openFresh(t, makeDatabase)
  await store.ping()
  await server.crash()
  await t.rejects(store.ping(), { name: 'Outage', part: 'store' })
  await server.start()
  await until(() =>
    store.ping().then(
      () => true,
      () => false,
    ),
  )
})
