import { randomUUID } from 'node:crypto'
import { setImmediate as turn } from 'node:timers/promises'
import type { Redis } from 'ioredis'
import t, { type Test } from 'tap'
import { keepConnection } from '../../src/redis/connections.ts'
import { startInjectingRelay } from '../support/injecting-relay.ts'
import { startRedis } from '../support/redis.ts'
import { until } from '../support/until.ts'
import { wholeCollections } from '../support/whole-collections.ts'

const surplus = '+surplus\r\n'

/** A connection to the Redis at this address. */
async function connectedTo(t: Test, url: string, { patience = 5000 } = {}): Promise<Redis> {
  const redis = keepConnection({
    access: { tls: undefined, primaryOnly: true },
    find: () => ({ host: '127.0.0.1', port: Number(new URL(url).port) }),
    name: 'test',
    patience,
    drops: [],
  })
  redis.on('error', () => {}) // that connections break is what is tested
  t.teardown(() => redis.disconnect())
  await until(() => redis.status === 'ready')
  return redis
}

/** The same through a line that can send what Redis did not. */
async function connected(t: Test, options?: { readonly patience: number }) {
  const { url } = await startRedis(t)
  const relay = await startInjectingRelay(t, url)
  return { redis: await connectedTo(t, relay.url, options), relay }
}

/** The words that were answered by something else, of so many commands sent one after the other; those that fail do not count. */
async function mismatches(redis: Redis, commands: number): Promise<readonly string[]> {
  const wrong: string[] = []
  for (let each = 0; each < commands; each += 1) {
    const word = randomUUID()
    const reply = await redis.echo(word).catch(() => turn(word)) // without a connection it fails at once, for ever
    if (reply !== word) wrong.push(`${word}: ${reply}`)
  }
  return wrong
}

t.test('a reply while no command waits: the next command gets its own', async t => {
  const { redis, relay } = await connected(t)
  relay.inject(surplus)
  await until(() => relay.connections() === 2 && redis.status === 'ready')
  t.strictSame(await mismatches(redis, 10), [])
})

t.test('a reply in front of that to a command: no later one is mismatched', async t => {
  const { redis, relay } = await connected(t)
  relay.alter(bytes => {
    relay.alter(undefined)
    return Buffer.concat([Buffer.from(surplus), bytes])
  })
  t.equal(await redis.echo('first'), 'surplus', 'which nobody can see yet')
  await until(() => relay.connections() === 2 && redis.status === 'ready')
  t.strictSame(await mismatches(redis, 10), [])
})

t.test('a surplus reply while a command waits at every moment', async t => {
  const { redis, relay } = await connected(t)
  let held: Buffer = Buffer.from(surplus)
  relay.alter(bytes => {
    if (relay.connections() > 1) return bytes
    const earlier = held // so that no reply comes while no command waits
    held = bytes
    return earlier
  })
  const wrong: string[] = []
  while (relay.connections() === 1) wrong.push(...(await mismatches(redis, 1)))
  t.ok(wrong.length > 0, 'commands were given replies to others')
  await until(() => redis.status === 'ready')
  t.strictSame(await mismatches(redis, 10), [], 'until the connection was dropped')
})

t.test(
  'commands of one turn and of the next are answered each with its own, also on a new connection',
  async t => {
    const { redis, relay } = await connected(t)
    for (const connections of [1, 2, 3]) {
      const words = Array.from({ length: 100 }, () => randomUUID())
      const answers = words.map(word => redis.echo(word))
      const late = turn().then(() => redis.echo('late'))
      t.strictSame(await Promise.all(answers), words, `on connection ${connections}`)
      t.equal(await late, 'late')
      redis.disconnect(true)
      await until(() => relay.connections() > connections && redis.status === 'ready')
    }
  },
)

t.test('a reply that came while this process was busy is read before its command fails', async t => {
  const { url } = await startRedis(t)
  const redis = await connectedTo(t, url, { patience: 50 }) // a line would be as busy
  for (let tries = 1; tries <= 100; tries += 1) {
    const begun = performance.now()
    const answers = Promise.all(Array.from({ length: 100 }, (_, number) => redis.echo(`${number}`)))
    await turn() // they are written
    while (performance.now() < begun + 100);
    const got = await answers.then(({ length }) => length, String)
    // After 250 ms without a reply the connection counts as dead, and a busy machine can take longer for this.
    if (performance.now() < begun + 200) return t.equal(got, 100)
    await until(() => redis.status === 'ready')
  }
  t.fail('this machine was never quick enough')
})

t.test('commands that are not answered in time fail, and no later one is given their replies', async t => {
  const { redis, relay } = await connected(t, { patience: 50 })
  relay.hang()
  const begun = performance.now()
  await t.rejects(redis.echo('lost'), { message: 'Command timed out' })
  t.ok(performance.now() - begun >= 45)
  relay.join()
  await until(() => redis.status === 'ready')
  t.strictSame(await mismatches(redis, 10), [])
})

t.test('what commands leave behind is young garbage', async t => {
  const { url } = await startRedis(t)
  const whole = await wholeCollections(`
    import { keepConnection } from '${new URL('../../src/redis/connections.ts', import.meta.url).href}'
    const find = () => ({ host: '127.0.0.1', port: ${new URL(url).port} })
    const access = { tls: undefined, primaryOnly: true }
    const redis = keepConnection({ access, find, name: 'test', patience: 5000, drops: [] })
    await new Promise(resolve => redis.once('ready', resolve))
    await count(async turns => {
      for (let each = 0; each < turns; each++)
        await Promise.all(Array.from({ length: 32 }, (_, caller) => redis.set('key', \`\${each} \${caller}\`)))
    })
    redis.disconnect()`)
  t.ok(whole <= 6, `${whole} collections of the whole heap for 128,000 commands`)
})
