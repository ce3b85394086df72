import t from 'tap'
import { inspect } from 'node:util'
import { Secret } from '../../src/gateway/secret.ts'
import { redisAt } from '../../src/redis/server.ts'
import { createRevoke } from '../../src/verdicts/kept.ts'
import { addressOf, startRedis } from '../support/redis.ts'
import { until } from '../support/until.ts'
import { attempt, fieldOf, match, mismatch, revision } from './attempts.ts'
import { lifetimes, startProcess } from './process.ts'

const anna = attempt('anna@example.com', 'canary-password')

t.test('while Redis hangs no request waits for it, and it is used again once it is back', async t => {
  const redis = await startRedis(t)
  const { cache, shared, outages, settled } = await startProcess(t, redis, { patience: 200 })
  const other = await startProcess(t, redis)
  other.cache.remember(anna, match(4))
  await other.settled()

  const before = outages.length // a busy machine may have been late before
  redis.pause()
  // These must come to an end while it hangs: it is resumed after them.
  for (let request = 0; request < 20; request += 1) t.equal(await cache.recall(anna), undefined)
  await until(() => outages.length > before)
  // One caller in each quarter of a second tries, and the next one does not.
  if (shared.recall(anna) !== undefined) t.equal(shared.recall(anna), undefined, 'not even a promise')
  redis.resume()

  await settled()
  await until(async () => (await cache.recall(anna))?.via === 'l2')
  t.strictSame(
    outages.slice(before).map(({ part }) => part),
    ['redis'],
    'told once',
  )
})

t.test('while Redis is gone the answer is at once that nothing is known', async t => {
  const redis = await startRedis(t)
  const { cache, outages, settled } = await startProcess(t, redis)
  cache.remember(anna, match(4))
  await settled()
  const before = outages.length
  await redis.stop()
  await until(() => outages.length > before)
  t.equal((await cache.recall(anna))?.via, 'l1', 'what is in memory goes on')
  t.equal(cache.recall(attempt('ben@example.com', 'x')), undefined)
  cache.remember(anna, mismatch(5))
  await redis.start()
  await settled()
  t.equal(outages.length, before + 1)
})

t.test(
  'one name takes no more of Redis than a few proofs; the one that would end first makes room',
  async t => {
    const redis = await startRedis(t)
    const { shared, settled } = await startProcess(t, redis)
    const now = Date.now()
    for (let guess = 0; guess < 40; guess += 1) {
      const { slot, proof } = attempt('anna@example.com', `guess-${guess}`)
      shared.remember({ slot, proof }, { verdict: mismatch(1), until: now + 20_000 + guess })
      shared.remember(
        { slot, proof: `${proof}+` as typeof proof },
        { verdict: match(1), until: now + 20_000 + guess },
      )
    }
    await settled()
    t.equal(await redis.command('hlen', `altgate:other:{${anna.slot}}`), 16)
    t.equal(await redis.command('hlen', `altgate:good:{${anna.slot}}`), 32)
    t.ok(await shared.recall(attempt('anna@example.com', 'guess-39')))
    t.equal(await shared.recall(attempt('anna@example.com', 'guess-23')), undefined)
  },
)

t.test('everything in Redis has an end', async t => {
  const redis = await startRedis(t)
  const { cache, settled } = await startProcess(t, redis)
  cache.remember(anna, match(1))
  cache.remember(attempt('ben@example.com', 'x'), mismatch(1))
  await settled()
  await createRevoke(redisAt(addressOf(redis)), lifetimes)([attempt('cleo', 'x').slot], revision(2))
  const keys = (await redis.command('keys', '*')) as string[]
  t.ok(keys.length >= 3)
  for (const key of keys) {
    const milliseconds = Number(await redis.command('pttl', key))
    const most = key.includes(':good:') ? 300_000 : key.includes(':other:') ? 30_000 : 600_000
    t.ok(milliseconds > 0 && milliseconds <= most, key.slice(0, 13))
  }
})

t.test('write access to Redis does not suffice to make, change or reassign a verdict', async t => {
  const redis = await startRedis(t)
  const { cache, shared, settled } = await startProcess(t, redis)
  cache.remember(anna, match(4))
  await settled()
  const guess = attempt('anna@example.com', 'guess')
  const key = `altgate:good:{${anna.slot}}`
  const sealed = String(await redis.command('hget', key, fieldOf(anna)))
  const forged = [
    sealed.replace(/^\d+/, ends => String(Number(ends) + 60_000)),
    sealed.replace(/ 4 /, ' 9 '),
    sealed.slice(0, -2),
    sealed.split(' ').slice(0, 2).join(' '),
    JSON.stringify({ finding: { found: 'match' }, asOf: 4 }),
    '',
  ]
  for (const text of forged) {
    await redis.command('hset', key, fieldOf(anna), text)
    t.equal(await shared.recall(anna), undefined)
  }
  await redis.command('hset', key, fieldOf(guess), sealed)
  t.equal(await shared.recall(guess), undefined)
  await redis.command('hset', key, fieldOf(anna), sealed)
  t.equal((await shared.recall(anna))?.verdict.found, 'match', 'untouched it is one')
})

t.test('neither user name nor password goes to Redis', async t => {
  const redis = await startRedis(t)
  const traffic = await redis.monitor()
  const { cache, settled } = await startProcess(t, redis)
  const other = await startProcess(t, redis)
  cache.remember(anna, match(4))
  cache.remember(attempt('anna@example.com', 'canary-wrong'), mismatch(4))
  await settled()
  t.match(await other.cache.recall(anna), { found: 'match', username: 'anna@example.com' })
  await createRevoke(redisAt(addressOf(redis)), lifetimes)(
    [attempt('ben@example.com', 'x').slot],
    revision(5),
  )
  await until(() => traffic.seen().includes(attempt('ben@example.com', 'x').slot))
  const all = `${await redis.dump()}\n${traffic.seen()}`
  t.match(all, fieldOf(anna), 'that is where it would be')
  t.notMatch(all, anna.proof, 'the proof itself could be guessed with a key that stays')
  t.notMatch(all, /anna@|ben@|example\.com|canary|subject-1/)
})

t.test('what is told of an outage holds no password of Redis', async t => {
  const redis = await startRedis(t)
  await redis.command('config', 'set', 'requirepass', 'something')
  const server = redisAt({ url: new Secret(`redis://:canary-password@127.0.0.1:${redis.port}`) })
  const outage = await server.visit('x', async each => each.get('x')).catch((error: unknown) => error)
  t.match(outage, { name: 'Outage', part: 'redis', cause: { message: /WRONGPASS|NOAUTH/ } })
  t.notMatch(inspect(outage, { depth: 9, showHidden: true }), /canary/)
  const old = server.outage(
    new Error("ERR unknown command 'HELLO', with args beginning with: '3' 'AUTH' 'canary'"),
  )
  t.notMatch(inspect(old), /canary/)
})
