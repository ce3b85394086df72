import { join } from 'node:path'
import t, { type Test } from 'tap'
import { temporaryDirectory } from '../support/directory.ts'
import { startRedis, type TestRedis } from '../support/redis.ts'
import { until } from '../support/until.ts'
import { startDeafeningRelay } from './deafening-relay.ts'
import { announceOn, startSmallGateway } from './small-gateway.ts'
import { makeTinyStore, openTinyStore } from './tiny-store.ts'

/** A gateway that knows the old password by heart and holds a lease. */
async function setUp(t: Test, leaseMs = 300) {
  const redis = await startRedis(t)
  const relay = await startDeafeningRelay(t, redis)
  const file = join(temporaryDirectory(t), 'store.json')
  makeTinyStore(file, 'old')
  const gateway = startSmallGateway({ redis: relay.url, file, leaseMs })
  t.teardown(() => gateway.close())
  await until(async () => gateway.news.holdsLease() && (await gateway.says('old')).via === 'l1')
  const store = openTinyStore(file)
  return {
    redis,
    relay,
    gateway,
    store,
    announce: announceOn(redis.url),
    makeSilently: () => store.setPassword('new', silence),
  }
}

/** For a change that is not announced through Redis. */
async function silence(): Promise<void> {}

async function killSubscription(redis: TestRedis): Promise<void> {
  const clients = String(await redis.command('client', 'list'))
  const id = /^id=(\d+) .*name=altgate-news-ears /m.exec(clients)?.[1]
  await redis.command('client', 'kill', 'id', id ?? 'not subscribed')
}

t.test('while the lease is held no request waits, and the store is not asked', async t => {
  const { gateway } = await setUp(t, 60_000)
  const asked = gateway.store.asked()
  const waits = Array.from({ length: 100 }, () => gateway.news.catchUp())
  t.ok(waits.every(wait => wait === undefined))
  t.equal(gateway.store.asked(), asked)
})

t.test('a gateway that does not hear the news asks the store, until it hears them again', async t => {
  const { redis, gateway, makeSilently } = await setUp(t)
  // Redis drops the subscription, and refuses another one.
  await redis.command('acl', 'setuser', 'default', 'resetchannels')
  await until(() => !gateway.news.holdsLease())
  await makeSilently()
  t.match(await gateway.says('old'), { right: false, via: 'store' })
  t.match(gateway.outages, [{ part: 'redis' }], 'told once')
  await redis.command('acl', 'setuser', 'default', 'allchannels')
  await until(() => gateway.news.holdsLease())
  t.match(await gateway.says('new'), { right: true })
})

t.test('a lost subscription ends the lease at once, though it had an hour to run', async t => {
  const { redis, gateway, store, announce } = await setUp(t, 3_600_000)
  const told = gateway.outages.length // a busy machine may have seen one before the lease was held
  await killSubscription(redis)
  await until(() => gateway.outages.length > told)
  await until(() => gateway.news.holdsLease())
  await store.setPassword('new', announce)
  t.match(await gateway.says('old'), { right: false })
  t.equal(gateway.outages.length, told + 1)
})

t.test('a change that was announced meanwhile does not wait for the end of that lease', async t => {
  const { redis, gateway, store, announce } = await setUp(t, 3_600_000)
  await killSubscription(redis)
  let isMade = false
  const made = store.setPassword('new', announce).then(() => (isMade = true))
  await until(() => isMade)
  await made
  t.match(await gateway.says('old'), { right: false })
})

t.test('a subscription that died without being closed is not trusted, and is made again', async t => {
  const { relay, gateway, store, announce } = await setUp(t, 2000)
  relay.deafen()
  await store.setPassword('new', announce)
  t.match(await gateway.says('old'), { right: false })
  await until(() => gateway.news.holdsLease())
  await store.setPassword('newer', announce)
  t.match(await gateway.says('new'), { right: false })
})

t.test(
  'what was changed while the subscription was lost is known before the lease is held again',
  async t => {
    const { redis, gateway, makeSilently } = await setUp(t, 3_600_000)
    const before = gateway.store.asked()
    const told = gateway.outages.length // a busy machine may have seen one before the lease was held
    await makeSilently()
    await killSubscription(redis)
    await until(() => gateway.outages.length > told)
    await until(() => gateway.news.holdsLease())
    t.ok(gateway.store.asked() > before)
    t.match(await gateway.says('old'), { right: false })
  },
)

t.test('while Redis hangs the lease runs out, and requests are answered from the store', async t => {
  const { redis, gateway, makeSilently } = await setUp(t)
  const before = gateway.outages.length
  redis.pause()
  await until(() => !gateway.news.holdsLease())
  await makeSilently()
  // These must come to an end while it hangs: it is resumed after them.
  t.match(await gateway.says('old'), { right: false })
  t.match(await gateway.says('new'), { right: true })
  redis.resume()
  await until(() => gateway.news.holdsLease())
  // Once for each loss, of which a machine that has much to do may see others; a hang is a dozen failed pings.
  const told = gateway.outages.length - before
  t.ok(told >= 1 && told <= 4, `${told} times`)
})

t.test('a Redis that is killed and comes back with nothing is taken up again', async t => {
  const { redis, gateway, store, announce, makeSilently } = await setUp(t)
  await redis.stop()
  await until(() => !gateway.news.holdsLease())
  await makeSilently()
  t.match(await gateway.says('old'), { right: false })
  await redis.start()
  await until(() => gateway.news.holdsLease())
  await store.setPassword('newer', announce)
  t.match(await gateway.says('new'), { right: false })
  t.match(await gateway.says('newer'), { right: true })
})

t.test('a change that was made past Redis is found all the same', async t => {
  // On a busy machine Redis may seem to hang meanwhile, which would find it as well: then it is tried again.
  for (let left = 3; left > 0; left--) {
    const { gateway, makeSilently } = await setUp(t, 400)
    await makeSilently()
    await until(async () => !(await gateway.says('old')).right)
    if (gateway.outages.length === 0) return t.pass('nothing was out of order')
  }
  t.fail('it was found by outages alone')
})

t.test('an announcement that cannot be read ends the lease until there is one that can', async t => {
  const { redis, gateway, store, announce } = await setUp(t)
  for (const strange of ['{"version":9}', 'null', '{', '{"id":1,"revision":"2","slots":[]}']) {
    await redis.command('set', 'altgate:announced:{news}', strange)
    await redis.command('publish', 'altgate:news', strange)
    await until(() => !gateway.news.holdsLease())
    const asked = gateway.store.asked()
    await gateway.says('old')
    t.ok(gateway.store.asked() > asked, strange) // it looks by itself as well
  }
  await store.setPassword('new', announce)
  await until(() => gateway.news.holdsLease())
  t.match(await gateway.says('old'), { right: false })
})
