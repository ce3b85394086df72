import { join } from 'node:path'
import t, { type Test } from 'tap'
import { Secret } from '../../src/gateway/secret.ts'
import type { RedisPlace } from '../../src/redis/server.ts'
import { temporaryDirectory } from '../support/directory.ts'
import { startCluster, startMovingAddress, startWatched } from '../support/redis-servers.ts'
import { until } from '../support/until.ts'
import { announceOn, type SmallGateway, startSmallGateway } from './small-gateway.ts'
import { makeTinyStore, openTinyStore } from './tiny-store.ts'

/** Longer than a busy machine may keep a ping waiting: each loss of the lease is told, and these are counted. */
const leaseMs = 1000

/** Two gateways and a store with a password, on any Redis. */
async function setUp(t: Test, redis: RedisPlace) {
  const file = join(temporaryDirectory(t), 'store.json')
  makeTinyStore(file, 'password 0')
  const gateways = [1, 2].map(() => startSmallGateway({ redis, file, leaseMs }))
  t.teardown(() => Promise.all(gateways.map(each => each.close())))
  await until(() => gateways.every(({ news }) => news.holdsLease()))
  const store = openTinyStore(file)
  const announce = announceOn(redis)
  let count = 0
  return {
    gateways,
    /** Sets a new password, tries until it can be said, and asks everywhere for the one before. */
    change: async (): Promise<readonly boolean[]> => {
      const former = `password ${count}`
      await Promise.all(gateways.map(each => each.says(former)))
      const next = `password ${count + 1}`
      await until(() =>
        store.setPassword(next, announce).then(
          () => true,
          () => false,
        ),
      )
      count += 1
      return Promise.all(gateways.map(async each => (await each.says(former)).right))
    },
    outages: (): readonly number[] => gateways.map(({ outages }) => outages.length),
  }
}

/** Changes one after the other while something happens; gives how often a replaced password was let in. */
async function changesDuring(
  change: () => Promise<readonly boolean[]>,
  event: () => Promise<void>,
): Promise<number> {
  let wrongly = 0
  let going = true
  const changing = (async () => {
    while (going) wrongly += (await change()).filter(Boolean).length
  })()
  await event()
  going = false
  await changing
  return wrongly
}

/** Seconds until every gateway holds a lease again. */
async function recovery(gateways: readonly SmallGateway[]): Promise<number> {
  const began = performance.now()
  await until(() => gateways.every(({ news }) => news.holdsLease()))
  return (performance.now() - began) / 1000
}

async function survives(
  t: Test,
  redis: RedisPlace,
  events: Readonly<Record<string, () => Promise<void>>>,
): Promise<void> {
  const { gateways, change, outages } = await setUp(t, redis)
  t.strictSame(await change(), [false, false])
  for (const [name, event] of Object.entries(events)) {
    const before = outages()
    t.equal(await changesDuring(change, event), 0, `${name}: no replaced password is let in`)
    // The goal of two seconds is for a machine that has nothing else to do.
    t.ok((await recovery(gateways)) < 10, `${name}: the news are back within seconds`)
    t.strictSame(await change(), [false, false], `${name}: a change holds after it`)
    const told = outages().map((count, at) => count - (before[at] ?? 0))
    t.ok(
      told.every(count => count >= 1 && count <= 6),
      `${name}: counted (${told.join(' ')})`,
    )
  }
}

t.test('Sentinel', async t => {
  const { hosts, failover } = await startWatched(t)
  await survives(
    t,
    { sentinel: { name: 'altgate', hosts, tls: false } },
    {
      'asked for': () => failover('asked'),
      'the primary is killed': () => failover('killed'),
    },
  )
})

t.test('Cluster', async t => {
  const { hosts, failover, move, owner } = await startCluster(t)
  const key = 'altgate:announced:{news}'
  await survives(
    t,
    { cluster: { hosts: hosts.slice(0, 2), tls: false } },
    {
      'a replica is told to take over': () => failover(key, 'asked'),
      'the slot of the news is moved': () => move(key),
      'the node is killed': () => failover(key, 'killed'),
    },
  )
  t.ok(await owner(key))
})

t.test('an address that leads to another server', async t => {
  const { servers } = await startWatched(t)
  const [first, second] = servers
  const address = await startMovingAddress(t, first.port)
  await survives(
    t,
    { url: new Secret(`redis://127.0.0.1:${address.port}`) },
    {
      'the old primary becomes a replica, and connections to it stay': async () => {
        await second.command('replicaof', 'no', 'one')
        await first.command('replicaof', '127.0.0.1', String(second.port))
        address.lead(second.port)
      },
      'and back': async () => {
        await first.command('replicaof', 'no', 'one')
        await second.command('replicaof', '127.0.0.1', String(first.port))
        address.lead(first.port)
      },
    },
  )
})
