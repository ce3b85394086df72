import { randomBytes } from 'node:crypto'
import t, { type Test } from 'tap'
import type { Outage } from '../../src/gateway/outage.ts'
import type { Digest } from '../../src/throttling/rules.ts'
import { createSharedCounters } from '../../src/throttling/shared-counters.ts'
import { createThrottle } from '../../src/throttling/throttle.ts'
import { redisAt } from '../../src/redis/server.ts'
import { addressOf, startRedis, type TestRedis } from '../support/redis.ts'
import { until } from '../support/until.ts'
import { attempt, key } from '../verdicts/attempts.ts'
import { at, caller, few, testThrottle, tried } from './contract.ts'

/** The throttle of one gateway process, connected. Those with one key share a book. */
async function startProcess(t: Test, redis: TestRedis, options = few, ours: Uint8Array = key) {
  const outages: Outage[] = []
  const shared = createSharedCounters({
    server: redisAt(addressOf(redis)),
    outage: outage => void outages.push(outage),
  })
  t.teardown(() => shared.close())
  const connected = () => until(async () => (await shared.enter(probe, {})?.answer) !== undefined)
  await connected()
  return { throttle: createThrottle(options, { key: ours, now: Date.now, shared }), outages, connected }
}

const mark = { name: 'probe', digest: 'probe' as Digest }
const counter = { by: 'address', ...mark, guesses: 1, windowSeconds: 1 } as const
const probe = { familiar: mark, own: counter, reserve: counter, unfamiliar: [] }

t.test('counting in Redis', async t => {
  const redis = await startRedis(t)
  await testThrottle(t, async (t, options) => {
    const { throttle } = await startProcess(t, redis, options, randomBytes(32))
    return throttle
  })
})

t.test('all processes count together, and one that comes later knows', async t => {
  const redis = await startRedis(t)
  const [one, two] = [await startProcess(t, redis), await startProcess(t, redis)]
  t.equal(await tried(one.throttle, 'anna', '1', '192.0.2.1'), 'in')
  t.equal(await tried(two.throttle, 'anna', '2', '192.0.2.1'), 'in')
  t.equal(await tried(one.throttle, 'anna', '3', '192.0.2.1'), 'in')
  for (const { throttle } of [one, two, await startProcess(t, redis)])
    t.equal(await tried(throttle, 'anna', '4', '192.0.2.1'), 'address')
})

t.test('an owner who was known to one process is known to all', async t => {
  const redis = await startRedis(t)
  const [one, two] = [await startProcess(t, redis), await startProcess(t, redis)]
  const admission = await one.throttle.admit(attempt('anna', 'right'), caller('198.51.100.1'), at('anna'))
  if ('by' in admission) return t.fail()
  admission.absolve()
  admission.welcome()
  for (const n of [1, 2, 3, 4, 5]) await tried(one.throttle, 'anna', `${n}`, `192.0.2.${n}`)
  t.equal(await tried(two.throttle, 'anna', 'right', '198.51.100.2'), 'credential')
  t.equal(await tried(two.throttle, 'anna', 'right', '198.51.100.1'), 'in')
})

t.test('a counter slides: each guess leaves by itself, whatever came after it', async t => {
  const redis = await startRedis(t)
  const { throttle } = await startProcess(t, redis)
  t.equal(await tried(throttle, 'anna', 'long ago', '192.0.2.1'), 'in')
  for (const each of (await redis.command('keys', 'altgate:throttle:*')) as string[])
    for (const guess of (await redis.command('zrange', each, '0', '-1')) as string[])
      await redis.command('zadd', each, 'XX', String(Date.now() - 900_001), guess)
  for (const last of [1, 2, 3, 4]) t.equal(await tried(throttle, 'anna', `${last}`, `192.0.2.${last}`), 'in')
  t.equal(await tried(throttle, 'anna', '5', '192.0.2.5'), 'credential')
})

t.test('while Redis is gone each process counts for itself, and afterwards together again', async t => {
  const redis = await startRedis(t)
  const { throttle, outages, connected } = await startProcess(t, redis)
  await redis.stop()
  await until(async () => (await tried(throttle, 'ben', 'x', '192.0.2.9')) === 'in' && outages.length > 0)
  for (const n of [1, 2, 3]) t.equal(await tried(throttle, 'anna', `down ${n}`, '192.0.2.1'), 'in')
  t.equal(await tried(throttle, 'anna', 'down 4', '192.0.2.1'), 'address')
  await redis.start()
  await connected()
  const other = await startProcess(t, redis)
  for (const n of [1, 2, 3]) t.equal(await tried(throttle, 'anna', `up ${n}`, '192.0.2.1'), 'in')
  t.equal(await tried(other.throttle, 'anna', 'up 4', '192.0.2.1'), 'address')
  t.strictSame(
    outages.map(({ part }) => part),
    ['redis'],
    'told once',
  )
})

t.test('a Redis that goes, comes and goes again gives no process its limit once more', async t => {
  const redis = await startRedis(t)
  const many = { ...few, everywhere: { guesses: 1000, windowSeconds: 60 } }
  const { throttle, outages, connected } = await startProcess(t, redis, many)
  const guesses = async (name: string) => {
    for (const n of [1, 2, 3, 4]) t.equal(await tried(throttle, 'anna', `${name} ${n}`, `192.0.2.${n}`), 'in')
    t.equal(await tried(throttle, 'anna', `${name} 5`, '192.0.2.5'), 'credential')
  }
  await guesses('first')
  for (const round of [1, 2]) {
    await redis.stop()
    await until(async () => {
      await tried(throttle, `ben ${round}`, 'x', '203.0.113.1')
      return outages.length >= round
    })
    t.equal(await tried(throttle, 'anna', `gone ${round}`, '192.0.2.7'), 'credential', `gone ${round}`)
    t.equal(await tried(throttle, 'anna', 'first 1', '203.0.113.2'), 'in', 'that is no new guess')
    await redis.start()
    await connected()
    // What it knew is lost; a right password is not to wait for that.
    await guesses(`back ${round}`)
  }
})

t.test('a right password is counted nowhere, also if Redis has said so too late', async t => {
  const redis = await startRedis(t)
  const { throttle } = await startProcess(t, redis)
  await redis.command('client', 'pause', '150', 'ALL')
  const admission = await throttle.admit(attempt('anna', 'right'), caller('192.0.2.1'), at('anna'))
  if ('by' in admission) return t.fail()
  admission.absolve()
  t.equal(await tried(throttle, 'ben', 'wrong', '192.0.2.2'), 'in')
  const counted = async () => {
    const names = (await redis.command('keys', 'altgate:throttle:*')) as string[]
    const sizes = await Promise.all(names.map(name => redis.command('zcard', name)))
    return sizes.reduce((sum: number, size) => sum + Number(size), 0)
  }
  // The right one may be counted for a moment: it is taken out when Redis has said so.
  await until(async () => (await counted()) === 3)
  t.pass('the wrong one, in each of its counters')
})

t.test('while Redis hangs guesses are counted in memory, and no request waits for it long', async t => {
  const redis = await startRedis(t)
  const { throttle, outages } = await startProcess(t, redis)
  redis.pause()
  // These must come to an end while it hangs: it is resumed after them.
  for (const n of [1, 2, 3]) t.equal(await tried(throttle, 'anna', `${n}`, '192.0.2.1'), 'in')
  for (const n of [4, 5, 6, 7]) t.equal(await tried(throttle, 'anna', `${n}`, '192.0.2.1'), 'address')
  await until(() => outages.length > 0)
  redis.resume()
})

t.test('neither user name nor address nor password goes to Redis', async t => {
  const redis = await startRedis(t)
  const traffic = await redis.monitor()
  const { throttle } = await startProcess(t, redis)
  const canary = attempt('anna@example.com', 'canary-password')
  const admission = await throttle.admit(canary, caller('198.51.100.77'), at('anna@example.com'))
  if ('by' in admission) return t.fail()
  admission.welcome()
  await until(() => /^set altgate:throttle:/im.test(traffic.seen()))
  const all = `${await redis.dump()}\n${traffic.seen()}`
  t.match(all, canary.proof.slice(0, 12), 'that is where it would be')
  t.notMatch(all, /anna|example\.com|canary|198\.51\.100/)
  t.notMatch(all, canary.proof, 'nor enough to name a verdict')
})

t.test('everything in Redis has an end, and no counter holds more than its limit', async t => {
  const redis = await startRedis(t)
  const { throttle } = await startProcess(t, redis)
  const admission = await throttle.admit(attempt('anna', 'right'), caller('198.51.100.1'), at('anna'))
  if ('by' in admission) return t.fail()
  admission.welcome()
  for (let n = 0; n < 300; n++) await tried(throttle, `name ${n % 7}`, `${n}`, `192.0.2.${n % 250}`)
  const keys = (await redis.command('keys', 'altgate:throttle:*')) as string[]
  t.ok(keys.length >= 10)
  for (const each of keys) {
    const ends = Number(await redis.command('pttl', each))
    t.ok(ends > 0 && ends <= 7 * 86_400_000, String(ends))
    if ((await redis.command('type', each)) === 'zset') t.ok(Number(await redis.command('zcard', each)) <= 8)
  }
})
