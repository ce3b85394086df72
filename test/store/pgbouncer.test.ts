import t, { type Test } from 'tap'
import { Secret } from '../../src/gateway/secret.ts'
import { startPgBouncer } from '../support/pgbouncer.ts'
import { query, startPostgres } from '../support/postgres.ts'
import { until } from '../support/until.ts'
import { openFresh, storeContract } from './contract.ts'
import { cutOffContract } from './contract-cut-off.ts'

const server = await startPostgres(t)
const bouncer = await startPgBouncer(t, Number(new URL(server.url).port))
let made = 0

async function makeDatabase(_t: Test) {
  const direct = await server.database(`store_${++made}`)
  const address = new URL(direct)
  address.port = String(bouncer)
  return {
    address: address.href,
    url: new Secret(address.href),
    execute: (sql: string) => query(direct, sql),
  }
}

t.test('PgBouncer in transaction mode: a store keeps what it promises', t => storeContract(t, makeDatabase))

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
