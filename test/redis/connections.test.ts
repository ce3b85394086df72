import { randomUUID } from 'node:crypto'
import type { Redis } from 'ioredis'
import t, { type Test } from 'tap'
import { keepConnection } from '../../src/redis/connections.ts'
import { startInjectingRelay, type InjectingRelay } from '../support/injecting-relay.ts'
import { startRedis } from '../support/redis.ts'
import { until } from '../support/until.ts'

const surplus = '+surplus\r\n'

/** A connection through a line that can send what Redis did not. */
async function connected(t: Test): Promise<{ redis: Redis; relay: InjectingRelay }> {
  const { url } = await startRedis(t)
  const relay = await startInjectingRelay(t, url)
  const redis = keepConnection({
    access: { tls: undefined, primaryOnly: true },
    find: () => ({ host: '127.0.0.1', port: Number(new URL(relay.url).port) }),
    name: 'test',
    patience: 5000,
    drops: [],
  })
  redis.on('error', () => {}) // that connections break is what is tested
  t.teardown(() => redis.disconnect())
  await until(() => redis.status === 'ready')
  return { redis, relay }
}

/** The words that were answered by something else, of so many commands sent one after the other; those that fail do not count. */
async function mismatches(redis: Redis, commands: number): Promise<readonly string[]> {
  const wrong: string[] = []
  for (let each = 0; each < commands; each += 1) {
    const word = randomUUID()
    const reply = await redis.echo(word).catch(() => word)
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
