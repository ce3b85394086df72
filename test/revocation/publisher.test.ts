import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import t, { type Test } from 'tap'
import type { Change } from '../../src/gateway/history.ts'
import type { Revision } from '../../src/gateway/names.ts'
import { redisAt } from '../../src/redis/server.ts'
import { createPublisher } from '../../src/revocation/publisher.ts'
import { temporaryDirectory } from '../support/directory.ts'
import { addressOf, startRedis, type TestRedis } from '../support/redis.ts'
import { announced } from '../support/steady-history.ts'
import { until } from '../support/until.ts'
import { announceOn, slotOfAnna, type SmallGateway, startSmallGateway } from './small-gateway.ts'
import { makeTinyStore, openTinyStore } from './tiny-store.ts'

/** Milliseconds: a test that waits for the end of such a lease fails. */
const endless = 3_600_000

async function setUp(t: Test) {
  const redis = await startRedis(t)
  const file = join(temporaryDirectory(t), 'store.json')
  makeTinyStore(file, 'old')
  return { redis, file, store: openTinyStore(file), announce: announceOn(redis.url) }
}

async function startGateway(
  t: Test,
  redis: TestRedis,
  file: string,
  leaseMs = endless,
): Promise<SmallGateway> {
  const gateway = startSmallGateway({ redis: redis.url, file, leaseMs })
  t.teardown(() => gateway.close())
  await until(() => gateway.news.holdsLease())
  return gateway
}

/** A gateway in a process of its own, that knows the old password by heart. */
async function forkGateway(t: Test, redis: TestRedis, file: string, leaseMs: number): Promise<ChildProcess> {
  const child = fork(join(import.meta.dirname, 'gateway-process.ts'), [redis.url, file, String(leaseMs)])
  t.teardown(async () => {
    child.kill('SIGKILL')
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
  })
  await until(async () => {
    child.send('old')
    const [{ lease, via }] = await once(child, 'message')
    return lease && via === 'l1'
  })
  return child
}

t.test('a change is told as soon as every gateway has heard it', async t => {
  const { redis, file, store } = await setUp(t)
  const gateways = [await startGateway(t, redis, file), await startGateway(t, redis, file)]
  for (const { says } of gateways) t.match(await says('old'), { right: true })
  for (const { says } of gateways) t.match(await says('old'), { right: true, via: 'l1' })
  const took: number[] = []
  await store.setPassword(
    'new',
    announceOn(redis.url, seconds => took.push(seconds)),
  )
  for (const { says, news } of gateways) {
    t.equal(news.catchUp(), undefined, 'no request waits for it')
    t.match(await says('old'), { right: false })
    t.match(await says('new'), { right: true })
  }
  t.equal(took.length, 1)
})

t.test('a gateway that hangs is waited for until its lease has run out, and then knows better', async t => {
  const { redis, file, store } = await setUp(t)
  const child = await forkGateway(t, redis, file, 4000)
  child.kill('SIGSTOP')
  const told: { hosts: readonly string[]; seconds: number }[] = []
  await store.setPassword(
    'new',
    announceOn(
      redis.url,
      () => {},
      (hosts, seconds) => told.push({ hosts, seconds }),
    ),
  )
  t.equal(told.length, 1, 'it is told once, after a second, who is waited for')
  t.strictSame(told[0]?.hosts, [hostname()])
  t.ok((told[0]?.seconds ?? 0) > 0 && (told[0]?.seconds ?? 0) <= 3.05, `${told[0]?.seconds} s`)
  child.send('old')
  child.kill('SIGCONT')
  const [answer] = await once(child, 'message')
  t.match(answer, { right: false })
  await until(async () => {
    child.send('new')
    const [{ lease, right }] = await once(child, 'message')
    return lease && right
  })
})

t.test('a gateway that left in good order is not waited for', async t => {
  const { redis, file, store, announce } = await setUp(t)
  const gateway = await startGateway(t, redis, file)
  await gateway.close()
  t.equal(gateway.news.holdsLease(), false)
  await store.setPassword('new', announce)
  t.equal(store.read().password, 'new')
})

t.test('between announcement and commit the old password is right, and is not remembered', async t => {
  const { redis, file, store, announce } = await setUp(t)
  const gateway = await startGateway(t, redis, file)
  const newcomers: SmallGateway[] = []
  await store.setPassword('new', async change => {
    await announce(change, ...announced(change))
    t.match(await gateway.says('old'), { right: true, via: 'store' })
    t.match(await gateway.says('old'), { right: true, via: 'store' })
    // This one was not there to hear it.
    const newcomer = await startGateway(t, redis, file)
    t.match(await newcomer.says('old'), { right: true, via: 'store' })
    newcomers.push(newcomer)
  })
  for (const { says, news } of [gateway, ...newcomers]) {
    t.equal(news.catchUp(), undefined)
    t.match(await says('old'), { right: false })
  }
})

t.test(
  'a check that began before a change and ends after it does not bring the old password back',
  async t => {
    const { redis, file, store, announce } = await setUp(t)
    const [late, other] = [await startGateway(t, redis, file), await startGateway(t, redis, file)]
    t.match(await late.says('old', () => store.setPassword('new', announce)), { right: true, via: 'store' })
    t.match(await late.says('old'), { right: false })
    t.match(await other.says('old'), { right: false })
  },
)

t.test('no request that begins after a change says yes to the former password', async t => {
  const { redis, file, store, announce } = await setUp(t)
  const gateways = await Promise.all([1, 2, 3].map(() => startGateway(t, redis, file, 1000)))
  let saved = 0
  let running = true
  await store.setPassword('password 0', announce)
  const answers = { rightly: 0, rightlyNot: 0, wrongly: 0 }

  async function keepAsking({ says }: SmallGateway): Promise<void> {
    while (running) {
      const asked = saved - Math.floor(Math.random() * 3)
      const isFormer = asked < saved
      const { right } = await says(`password ${asked}`, setImmediate)
      if (isFormer) answers[right ? 'wrongly' : 'rightlyNot'] += 1
      else if (right) answers.rightly += 1
      await setImmediate()
    }
  }

  const asking = gateways.flatMap(gateway => [1, 2, 3, 4].map(() => keepAsking(gateway)))
  for (let next = 1; next <= 30; next += 1) {
    await store.setPassword(`password ${next}`, announce)
    saved = next
    await setImmediate()
  }
  running = false
  await Promise.all(asking)
  t.equal(answers.wrongly, 0)
  t.ok(answers.rightly > 0 && answers.rightlyNot > 0)
})

t.test('without Redis no change is made', async t => {
  const { redis, file, store, announce } = await setUp(t)
  const gateway = await startGateway(t, redis, file, 400)
  redis.pause()
  await t.rejects(store.setPassword('new', announce), { name: 'Outage', part: 'redis' })
  redis.resume()
  await redis.stop()
  await t.rejects(store.setPassword('new', announce), { name: 'Outage', part: 'redis' })
  t.match(await gateway.says('old'), { right: true })
  t.match(await gateway.says('new'), { right: false })
})

t.test('a Redis that is restarted while a change waits in it: the change is refused', async t => {
  const { redis, file, store } = await setUp(t)
  const child = await forkGateway(t, redis, file, endless)
  child.kill('SIGSTOP')
  const waiting = store.setPassword('new', announceOn(redis.url)).catch((error: unknown) => error)
  await until(async () => (await redis.command('exists', 'altgate:announced:{news}')) === 1)
  await redis.stop()
  await redis.start()
  t.match(await waiting, { name: 'Outage', part: 'redis' })
  t.equal(store.read().password, 'old')
})

t.test('a Redis that loses its memory while a change waits in it: the change is refused', async t => {
  const { redis, file, store, announce } = await setUp(t)
  const child = await forkGateway(t, redis, file, 3000)
  child.kill('SIGSTOP')
  const waiting = store.setPassword('new', announce).catch((error: unknown) => error)
  await until(async () => (await redis.command('exists', 'altgate:announced:{news}')) === 1)
  await redis.command('flushall')
  t.match(await waiting, { name: 'Outage', part: 'redis', cause: { message: 'the announcement is lost' } })
  t.equal(store.read().password, 'old')
})

t.test(
  'a Redis that has just started knows no gateway: who may trust its former self is waited for',
  async t => {
    const { redis, store } = await setUp(t)
    const seconds: number[] = []
    const announce = createPublisher({
      server: redisAt(addressOf(redis)),
      revoke: async () => {},
      slotOf: () => slotOfAnna,
      took: each => seconds.push(each),
      leaseMs: 1500,
    })
    const change = store.commit()
    await announce(change, ...announced(change))
    t.ok((seconds[0] ?? 0) >= 1.49, 'but for the millisecond by which a timer may come early')
  },
)

t.test('a change that affects no cache is not announced', async t => {
  const { redis, announce } = await setUp(t)
  await redis.stop()
  const actor = 'cli:test'
  const change: Change = {
    revision: 1 as Revision,
    at: 0,
    actor,
    action: 'directory-added',
    usernames: [],
  }
  await t.resolves(announce(change, ...announced(change)))
})

t.test('a change tells Redis neither user names nor passwords', async t => {
  const { redis, file, store, announce } = await setUp(t)
  const traffic = await redis.monitor()
  const gateway = await startGateway(t, redis, file, 400)
  await gateway.says('canary-wrong')
  await gateway.says('old')
  await store.setPassword('canary-new', announce)
  await gateway.says('canary-new')
  await until(() => traffic.seen().includes('altgate:acks'))
  const all = `${await redis.dump()}\n${traffic.seen()}`
  t.match(all, slotOfAnna, 'that is how it is told')
  t.notMatch(all, /anna@|example\.com|canary/)
})
