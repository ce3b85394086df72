import { inspect } from 'node:util'
import t from 'tap'
import { doubtSentence } from '../../src/commands/failure.ts'
import type { InDoubt } from '../../src/gateway/outage.ts'
import { Secret } from '../../src/gateway/secret.ts'
import { openStore } from '../../src/store/store.ts'
import { startPostgres } from '../support/postgres.ts'
import { startRelay } from '../support/relay.ts'
import { until } from '../support/until.ts'
import { connectionContract, open, openFresh } from './contract.ts'
import { cutOffContract } from './contract-cut-off.ts'
import { databasesOn } from './databases.ts'
import { actor, anna, hashOf, msa, outage, revision, silently } from './samples.ts'

const server = await startPostgres(t)
const { makeEmpty, makeDatabase } = await databasesOn(server)

const credential = { username: anna, hash: hashOf('one') }

// pgbouncer.test.ts runs the whole contract on the same server, where each statement may come to another session.
t.test('PostgreSQL keeps what a store promises', t => connectionContract(t, makeDatabase, makeEmpty))

t.test('PostgreSQL, whose processes are cut off', t => cutOffContract(t, makeDatabase))

t.test('PostgreSQL has no data version', async t => {
  t.equal((await openFresh(t, makeDatabase)).changes.dataVersion(), undefined)
})

t.test('a store whose server is down is an outage, and works again when it is back', async t => {
  const store = await openFresh(t, makeDatabase)
  await store.registry(silently).setCredential(actor, msa, credential)
  await store.ping() // leaves idle connections, whose end no code awaits
  await server.stop()
  await t.rejects(store.ping(), outage)
  await t.rejects(store.credentials.find(msa, undefined, anna), outage)
  await t.rejects(store.registry(silently).setCredential(actor, msa, credential), outage)
  await server.start()
  t.match(await store.credentials.find(msa, undefined, anna), { asOf: revision(1), current: credential })
  t.equal(await store.registry(silently).setCredential(actor, msa, credential), undefined)
})

t.test('a server that goes down while a change is announced undoes the change', async t => {
  const store = await openFresh(t, makeDatabase)
  const registry = store.registry(() => server.crash())
  await t.rejects(registry.setCredential(actor, msa, credential), outage)
  await server.start()
  t.equal((await store.credentials.find(msa, undefined, anna)).current, undefined)
  t.equal(await store.registry(silently).setCredential(actor, msa, credential), undefined)
})

t.test(
  'while a change waits for gateways it is told, after a second, which and how long at most',
  async t => {
    const { url, execute } = await makeDatabase(t)
    const told: { hosts: readonly string[]; seconds: number }[] = []
    const store = await openStore({ url, waiting: (hosts, seconds) => told.push({ hosts, seconds }) })
    t.teardown(() => store.close())
    // Leases that outlast any pause of this machine: one that ends within a second of the report may end before it.
    const [one, other] = [
      { id: 'a', host: 'git-1.example.com', leaseMs: 60_000 },
      { id: 'b', host: 'git-2.example.com', leaseMs: 60_000 },
    ]
    await store.gateways.confirm(one, 7, 0)
    await store.gateways.confirm(other, 9, 0)
    await store.gateways.settle(7)
    t.strictSame(told, [], 'both know')
    const settling = store.gateways.settle(8)
    await until(() => told.length === 1)
    await store.gateways.confirm(one, 8, 0)
    await settling
    t.strictSame(told[0]?.hosts, ['git-1.example.com'])
    t.ok((told[0]?.seconds ?? 0) > 0 && (told[0]?.seconds ?? 0) <= 59.05, `${told[0]?.seconds} s`)
    await store.gateways.confirm({ ...one, leaseMs: 100 }, 8, 0)
    await store.gateways.settle(9) // its lease has ended

    await store.gateways.confirm(one, 8, 0)
    const settled = store.gateways.settle(9).catch((error: unknown) => error)
    await until(() => told.length === 2)
    await execute('alter table gateways rename to gone')
    const doubt = await settled
    t.match(doubt, { name: 'Outage', made: 'made', silent: ['git-1.example.com'] })
    t.match(doubtSentence(doubt as InDoubt), 'Not confirmed: gateways on git-1.example.com. A gateway that')
  },
)

t.test('a connection on which the server has fallen silent is given up, and not used again', async t => {
  const { address } = await makeDatabase(t)
  const { port } = new URL(address)
  const relay = await startRelay(t, `http://127.0.0.1:${port}`)
  const store = await open(t, {
    url: new Secret(address.replace(`:${port}/`, `:${new URL(relay.url).port}/`)),
    execute: async () => {},
  })
  await store.ping()
  relay.hold(1)
  await store.ping() // the last answer that comes through
  await t.rejects(store.ping(), outage)
  relay.hold(Number.POSITIVE_INFINITY) // for new connections only: the old one stays silent
  await store.ping()
})

t.test('many changes that wait do not use up the connections that reads need', async t => {
  const store = await openFresh(t, makeDatabase)
  const announcing = Promise.withResolvers<void>()
  const announced = Promise.withResolvers<void>()
  const registry = store.registry(() => {
    announcing.resolve()
    return announced.promise
  })
  const changes = Array.from({ length: 30 }, () => registry.setCredential(actor, msa, credential))
  await announcing.promise
  // At once: a change waits for the one before it for some seconds only, and a busy machine may need them for so many answers.
  await Promise.all(Array.from({ length: 30 }, () => store.ping()))
  announced.resolve()
  t.strictSame(
    await Promise.all(changes),
    Array.from({ length: 30 }, () => undefined),
  )
})

t.test('an outage shows neither the password nor the address of the database', async t => {
  const { address } = await makeDatabase(t)
  const { hostname, port, pathname } = new URL(address)
  const wrong = [
    `postgres://altgate:canary@${hostname}:${port}${pathname}`,
    `postgresql://altgate:canary@${hostname}:1${pathname}`,
    `postgres://altgate:canary@${hostname}:${port}/nowhere?options=-c%20nothing=canary`,
  ]
  for (const url of wrong) {
    const error: unknown = await openStore({ url: new Secret(url) }).catch((refused: unknown) => refused)
    t.match(error, outage)
    t.notMatch(inspect(error, { depth: 9, showHidden: true }), /canary@|postgres(?:ql)?:\/\/|password:/)
  }
})
