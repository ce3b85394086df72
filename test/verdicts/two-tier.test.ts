import t from 'tap'
import { redisAt } from '../../src/redis/server.ts'
import { createRevoke } from '../../src/verdicts/kept.ts'
import { addressOf, startRedis } from '../support/redis.ts'
import { attempt, fieldOf, match, mismatch, revision } from './attempts.ts'
import { testVerdictCache } from './contract.ts'
import { lifetimes, startProcess } from './process.ts'

const anna = attempt('anna@example.com', 'right')

t.test('with Redis behind the memory', async t => {
  const redis = await startRedis(t)
  const revoke = createRevoke(redisAt(addressOf(redis)), lifetimes)
  await testVerdictCache(t, async t => {
    await redis.command('flushall')
    let now = Date.now()
    const { cache, local, settled } = await startProcess(t, redis, { now: () => now })
    return {
      cache,
      async revoke(slots, at) {
        await settled()
        await revoke(slots, revision(at))
        local.forget(slots, revision(at))
      },
      forgetAll: at => local.forgetAll(revision(at)),
      advance: seconds => (now += seconds * 1000),
    }
  })
})

t.test(
  'one process knows what another found: from Redis the first time, then from its own memory',
  async t => {
    const redis = await startRedis(t)
    const [one, other] = [await startProcess(t, redis), await startProcess(t, redis)]
    one.cache.remember(anna, match(4))
    await one.settled()
    t.has(await other.cache.recall(anna), { ...match(4), via: 'l2' })
    t.has(other.cache.recall(anna), { ...match(4), via: 'l1' })
  },
)

t.test('a verdict does not live longer by going through Redis', async t => {
  const redis = await startRedis(t)
  let now = Date.now()
  const [one, other] = [
    await startProcess(t, redis, { now: () => now }),
    await startProcess(t, redis, { now: () => now }),
  ]
  one.cache.remember(anna, match(4))
  await one.settled()
  now += 299_000
  t.equal((await other.cache.recall(anna))?.via, 'l2')
  now += 1000
  t.equal(await other.cache.recall(anna), undefined)
})

t.test('a process that has not heard of a change does not bring the old verdict back for others', async t => {
  const redis = await startRedis(t)
  const revoke = createRevoke(redisAt(addressOf(redis)), lifetimes)
  const [late, other] = [await startProcess(t, redis), await startProcess(t, redis)]
  await revoke([anna.slot], revision(5))
  late.cache.remember(anna, match(4))
  await late.settled()
  t.equal(await other.cache.recall(anna), undefined)
  late.cache.remember(anna, match(5))
  await late.settled()
  t.equal((await other.cache.recall(anna))?.found, 'match')
})

t.test('a Redis that went back in time is not believed by a process that was told to forget', async t => {
  const redis = await startRedis(t)
  const revoke = createRevoke(redisAt(addressOf(redis)), lifetimes)
  const [one, told, born] = [
    await startProcess(t, redis),
    await startProcess(t, redis),
    await startProcess(t, redis),
  ]
  one.cache.remember(anna, match(4))
  await one.settled()
  const key = `altgate:good:{${anna.slot}}`
  const before = String(await redis.command('hget', key, fieldOf(anna)))
  await revoke([anna.slot], revision(5))
  told.local.forget([anna.slot], revision(5))
  await redis.command('del', `altgate:gone:{${anna.slot}}`)
  await redis.command('hset', key, fieldOf(anna), before)
  t.equal(await told.cache.recall(anna), undefined)
  t.equal((await born.cache.recall(anna))?.found, 'match', 'it was there')
})

t.test('news that come while Redis answers are heeded', async t => {
  const redis = await startRedis(t)
  const [one, other] = [await startProcess(t, redis), await startProcess(t, redis)]
  one.cache.remember(anna, match(4))
  await one.settled()
  const answer = other.cache.recall(anna)
  other.local.forget([anna.slot], revision(5))
  t.equal(await answer, undefined)
})

t.test('revoking thousands of names reaches each of them', async t => {
  const redis = await startRedis(t)
  const revoke = createRevoke(redisAt(addressOf(redis)), lifetimes)
  const { cache, settled } = await startProcess(t, redis)
  const other = await startProcess(t, redis)
  const attempts = Array.from({ length: 1234 }, (_, each) => attempt(`name-${each}`, 'x'))
  for (const each of attempts) cache.remember(each, mismatch(1))
  await settled()
  await revoke(
    attempts.map(({ slot }) => slot),
    revision(2),
  )
  const left = await Promise.all(attempts.map(async each => other.cache.recall(each)))
  t.strictSame(
    left.filter(verdict => verdict !== undefined),
    [],
  )
  t.equal(await redis.command('exists', ...attempts.map(({ slot }) => `altgate:gone:{${slot}}`)), 1234)
})

t.test('a revocation that cannot be made is an outage', async t => {
  const redis = await startRedis(t)
  const revoke = createRevoke(redisAt(addressOf(redis)), lifetimes)
  await redis.stop()
  await t.rejects(revoke([anna.slot], revision(5)), { name: 'Outage', part: 'redis' })
  await redis.start()
  redis.pause()
  await t.rejects(revoke([anna.slot], revision(5)), { name: 'Outage', part: 'redis' })
})
