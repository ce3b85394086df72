import t from 'tap'
import { Secret } from '../../src/gateway/secret.ts'
import { createBreaker, guardRedis } from '../../src/redis/breaker.ts'
import { redisAt } from '../../src/redis/server.ts'
import { startRedis } from '../support/redis.ts'
import { until } from '../support/until.ts'

t.test('after five failures in a row only one caller in each quarter of a second is let through', async t => {
  let now = 0
  const opened: unknown[] = []
  const breaker = createBreaker({ opened: cause => opened.push(cause), now: () => now })
  for (let failure = 1; failure <= 4; failure += 1) breaker.failed(failure)
  t.equal(breaker.allows(), true)
  t.strictSame(opened, [])
  breaker.failed(5)
  t.strictSame(opened, [5])
  t.equal(breaker.allows(), false)
  now = 249
  t.equal(breaker.allows(), false)
  now = 250
  t.equal(breaker.allows(), true)
  t.equal(breaker.allows(), false, 'the others wait for what becomes of the first')
  breaker.failed(6)
  t.strictSame(opened, [5], 'told once')
})

t.test('one success closes it, and five failures open it again', async t => {
  const opened: unknown[] = []
  const breaker = createBreaker({ opened: cause => opened.push(cause), now: () => 0 })
  for (let failure = 1; failure <= 5; failure += 1) breaker.failed(failure)
  breaker.succeeded()
  t.equal(breaker.allows(), true)
  for (let failure = 6; failure <= 9; failure += 1) breaker.failed(failure)
  t.equal(breaker.allows(), true)
  breaker.failed(10)
  t.equal(breaker.allows(), false)
  t.strictSame(opened, [5, 10])
})

t.test('what is asked of a Redis that fails is undefined, told once, and soon not asked at all', async t => {
  const { url } = await startRedis(t)
  const outages: string[] = []
  const server = redisAt({ url: new Secret(url) })
  const guarded = guardRedis({
    server,
    name: 'test',
    patience: 500,
    outage: ({ part }) => outages.push(part),
  })
  t.teardown(() => guarded.close())
  await until(async () => (await guarded.ask('a', redis => redis.ping())) === 'PONG')

  let asked = 0
  const failing = async (): Promise<never> => {
    asked += 1
    throw new Error('no')
  }
  for (let failure = 1; failure <= 5; failure += 1) t.equal(await guarded.ask('a', failing), undefined)
  // One caller in each quarter of a second is let through, and a busy machine may have taken as long: then the next is not.
  if (guarded.ask('a', failing) !== undefined) t.equal(guarded.ask('a', failing), undefined)
  t.ok(asked <= 6)
  t.strictSame(outages, ['redis'])
})
