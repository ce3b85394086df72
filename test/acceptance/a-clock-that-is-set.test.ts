import { randomUUID } from 'node:crypto'
import t, { type Test } from 'tap'
import { cheapHashing, startAltgate, type Altgate } from '../support/altgate.ts'
import { ask } from '../support/ask.ts'
import { metric } from '../support/metrics.ts'
import { recordingUpstream } from '../support/recording-upstream.ts'
import { settableClock, type SettableClock } from '../support/settable-clock.ts'
import { startPostgres } from '../support/postgres.ts'
import { startRedis } from '../support/redis.ts'
import { until } from '../support/until.ts'

const anna = 'anna@example.com'
const day = 86_400

async function gateway(
  t: Test,
  settings: Readonly<Record<string, unknown>> = {},
  offset = '+0',
): Promise<{ readonly altgate: Altgate; readonly clock: SettableClock }> {
  const clock = settableClock(t, offset)
  const altgate = await startAltgate(t, {
    settings: { hashing: cheapHashing, ...settings },
    within: clock.within,
  })
  return { altgate, clock }
}

async function fill(t: Test, altgate: Altgate): Promise<void> {
  const { url } = await recordingUpstream(t)
  await altgate.arrange({ accounts: { contoso: url }, passwords: { [anna]: 'the first password' } })
}

const set = (altgate: Altgate, user: string, password: string) =>
  altgate.must(['credential', 'set', '--scope', 'msa', '--user', user], { stdin: `${password}\n` })
const statusOf = async ({ url }: Altgate, password: string) =>
  (await ask(`${url}/contoso/x`, { as: [anna, password] })).status

/** Seconds by which the clock of the gateway is off, to a minute. */
async function offsetOf({ url }: Altgate): Promise<number> {
  const { date } = (await ask(`${url}/contoso/x`)).headers
  return Math.round((Date.parse(date ?? '') - Date.now()) / 60_000) * 60
}

t.test('a replaced password stays refused, wherever the clock is set', async t => {
  const { altgate, clock } = await gateway(t)
  await fill(t, altgate)
  for (const offset of [day, -day]) {
    const [first, second] = [`the first password, ${offset}`, `the second password, ${offset}`] as const
    await set(altgate, anna, first)
    t.equal(await statusOf(altgate, first), 200)
    // Nobody tries the first one again meanwhile: that it is wrong would be remembered in its place.
    await set(altgate, anna, second)
    // The gateway hears of it with the next request: before the clock is set, or while it is wrong.
    if (offset > 0) t.equal(await statusOf(altgate, second), 200)
    clock.set(offset > 0 ? `+${offset}` : String(offset))
    await until(async () => (await offsetOf(altgate)) === offset)
    // What is told to be forgotten now is no reason to forget what was told before.
    await set(altgate, 'ben@example.com', 'the password of ben')
    t.equal(await statusOf(altgate, second), 200)
    clock.set('+0')
    await until(async () => (await offsetOf(altgate)) === 0)
    t.equal(await statusOf(altgate, first), 401, `set by ${offset} seconds and back`)
    t.equal(await statusOf(altgate, second), 200)
  }
})

t.test('throttling ends, and a cached verdict expires, in time although the clock was set back', async t => {
  const { altgate, clock } = await gateway(t, {
    throttle: { address: { guesses: 3, windowSeconds: 3 } },
    verdicts: { matchTtlSeconds: 2 },
  })
  await fill(t, altgate)
  // On a busy machine the first guess may be forgotten before there are enough of them.
  let guess = 0
  await until(async () => (await statusOf(altgate, `guess ${guess++}`)) === 429)
  clock.set(`-${day}`)
  await until(async () => (await offsetOf(altgate)) === -day)
  await until(async () => (await statusOf(altgate, 'the first password')) === 200)

  clock.set('+0')
  await until(async () => (await offsetOf(altgate)) === 0)
  t.equal(await statusOf(altgate, 'the first password'), 200)
  clock.set(`-${day}`)
  await until(async () => (await offsetOf(altgate)) === -day)
  const hashes = () => metric(altgate, 'altgate_password_hashes_total', { result: 'match' })
  const before = await hashes()
  await until(async () => {
    t.equal(await statusOf(altgate, 'the first password'), 200)
    return (await hashes()) > before
  }, 50)
})

t.test('gateways whose clocks differ share verdicts, each for its own lifetime', async t => {
  const redis = { url: (await startRedis(t)).url }
  const database = await startPostgres(t)
  const settings = { redis, store: { url: database.url } }
  const { altgate: exact } = await gateway(t, settings)
  await fill(t, exact)
  // Ahead, and behind by more than a verdict lives.
  for (const offset of ['+300', `-${day}`]) {
    const { altgate: other, clock } = await gateway(t, settings, offset)
    t.equal(await offsetOf(other), Number(offset))
    const via = (each: Altgate, name: string) =>
      metric(each, 'altgate_decisions_total', { outcome: 'allow', via: name })
    t.equal(await statusOf(exact, 'the first password'), 200)
    t.equal(await statusOf(other, 'the first password'), 200)
    // Set right, as time servers do some time after a machine has started.
    clock.set('+0')
    await until(async () => (await offsetOf(other)) === 0)
    // A verdict is told to Redis beside the answer, and is found by another way where Redis is late: then by the next one.
    const before = await via(other, 'l2')
    let password = ''
    await until(async () => {
      password = `the password ${randomUUID()}`
      await set(exact, anna, password)
      t.equal(await statusOf(exact, password), 200)
      await until(async () => (await statusOf(other, password)) === 200)
      return (await via(other, 'l2')) > before
    })
    t.pass(`began ${offset}: found in Redis`)
    await set(exact, anna, 'the first password')
    t.equal(await statusOf(other, password), 401)
    await other.stop()
  }
})
