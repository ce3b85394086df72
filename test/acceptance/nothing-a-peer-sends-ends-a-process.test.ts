import { openSync, writeSync, closeSync, truncateSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { startAltgate, type Altgate } from '../support/altgate.ts'
import { ask } from '../support/ask.ts'
import { startInjectingRelay, type InjectingRelay } from '../support/injecting-relay.ts'
import { metric } from '../support/metrics.ts'
import { startPostgres } from '../support/postgres.ts'
import { isRunning, workersOf } from '../support/processes.ts'
import { recordingUpstream } from '../support/recording-upstream.ts'
import { startRedis } from '../support/redis.ts'
import { until } from '../support/until.ts'

const anna = 'anna@example.com'
const path = '/contoso/welcome.git/info/refs'
const many = { guesses: 10_000 }
const throttle = { address: many, credential: many, everywhere: many }
const right = { as: [anna, 'the right password'] } as const

async function prepare(t: Test, settings: Readonly<Record<string, unknown>>, upstreamUrl?: string) {
  const altgate = await startAltgate(t, {
    settings: { workers: 1, hashing: { lanes: 1, memoryKiB: 7168, passes: 5 }, ...settings },
  })
  const upstream = upstreamUrl ?? (await recordingUpstream(t)).url
  await altgate.must(['account', 'add', 'contoso', '--upstream', upstream])
  await altgate.must(['credential', 'set', '--scope', 'msa', '--user', anna], { stdin: `${right.as[1]}\n` })
  const processes = [altgate.pid, ...workersOf(altgate.pid)]
  return { altgate, processes }
}

/** The same processes run, and let in as before. */
async function isWell(t: Test, altgate: Altgate, processes: readonly number[]): Promise<void> {
  await until(async () => (await ask(altgate.url + path, right)).status === 200)
  t.strictSame(processes.filter(isRunning), processes, 'every process runs')
  t.strictSame([altgate.pid, ...workersOf(altgate.pid)], processes, 'and none was replaced')
  t.equal(await metric(altgate, 'altgate_bugs_total'), 0, 'nothing came as far as the last resort')
  t.equal(await metric(altgate, 'altgate_primary_bugs_total'), 0)
}

/** Sends each, to connections that rest and to connections that are in use, and asks meanwhile. */
async function annoy(
  t: Test,
  relay: InjectingRelay,
  altgate: Altgate,
  rubbish: readonly (readonly [what: string, bytes: string | Uint8Array])[],
): Promise<void> {
  for (const [what, bytes] of rubbish) {
    relay.inject(bytes)
    const asking = Array.from({ length: 2 }, (_, each) =>
      ask(altgate.url + path, { as: [anna, each === 0 ? right.as[1] : `wrong ${what} ${each}`] }),
    )
    relay.inject(bytes)
    const [own, ...others] = await Promise.all(asking)
    t.match(String(own?.status), /^(200|503)$/, `${what}: a right password is never refused`)
    for (const { status } of others)
      t.match(String(status), /^(401|429|503)$/, `${what}: and a wrong one never let in`)
  }
}

t.test('rubbish from Redis', async t => {
  const redis = await startRedis(t)
  const relay = await startInjectingRelay(t, redis.url)
  const database = await startPostgres(t)
  const { altgate, processes } = await prepare(t, {
    redis: { url: relay.url },
    store: { url: database.url },
    throttle,
  })
  await annoy(t, relay, altgate, [
    ['a null that nobody asked for', '$-1\r\n'],
    ['a null of RESP 3', '_\r\n'],
    ['an OK that nobody asked for', '+OK\r\n'],
    ['an error that nobody asked for', '-ERR nothing\r\n'],
    ['a number', ':42\r\n'],
    ['a list of nothing', '*1\r\n*-1\r\n'],
    ['a list without an end', '*1000000\r\n$3\r\nabc\r\n'],
    ['a string that is shorter than it says', '$500000000\r\nabc'],
    ['no RESP at all', 'HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n'],
    ['zeroes', Buffer.alloc(1000)],
    ['a push of nothing', '>1\r\n_\r\n'],
    ['a push of a kind that nobody knows', '>2\r\n$3\r\nabc\r\n$3\r\ndef\r\n'],
    ['a subscription that nobody made', '>3\r\n$9\r\nsubscribe\r\n_\r\n:1\r\n'],
  ])
  await isWell(t, altgate, processes)
})

t.test('bytes from Redis that are lost on the way', async t => {
  const redis = await startRedis(t)
  const relay = await startInjectingRelay(t, redis.url)
  const database = await startPostgres(t)
  const { altgate, processes } = await prepare(t, { redis: { url: relay.url }, store: { url: database.url } })
  let seen = 0
  relay.alter(bytes => ((seen += 1) % 5 === 0 ? bytes.subarray(1) : bytes))
  for (let each = 0; each < 15; each += 1) {
    const { status } = await ask(altgate.url + path, right)
    t.match(String(status), /^(200|503)$/)
  }
  relay.alter(undefined)
  await isWell(t, altgate, processes)
})

/** A message of PostgreSQL: a letter, the length of what follows with itself, and that. */
function message(letter: string, body: Uint8Array | string = '', length = body.length + 4): Buffer {
  const head = Buffer.alloc(5)
  head.write(letter)
  head.writeUInt32BE(length, 1)
  return Buffer.concat([head, Buffer.from(body)])
}

t.test('rubbish from PostgreSQL', async t => {
  const database = await startPostgres(t)
  const relay = await startInjectingRelay(t, database.url)
  const { altgate, processes } = await prepare(t, {
    store: { url: relay.url },
    throttle,
  })
  await annoy(t, relay, altgate, [
    ['a row that nobody asked for', message('D', '\0\x01\0\0\0\x01x')],
    ['a row of more columns than it has', message('D', '\x7f\x7f')],
    ['a description of more columns than it has', message('T', '\x7f\x7f')],
    ['the end of a statement that nobody sent', message('C', 'SELECT 1\0')],
    ['an error', message('E', 'SFATAL\0C57P01\0Mterminating\0\0')],
    ['a way to sign in that nobody knows', message('R', '\0\0\0\x63')],
    ['a request to sign in again', message('R', '\0\0\0\x0bdata')],
    ['a copy', message('G', '\0\0\0')],
    ['a notification', message('A', '\0\0\0\x01channel\0payload\0')],
    ['a notice', message('N', 'SNOTICE\0Mhello\0\0')],
    ['a length of four gigabytes', message('D', 'abc', 0xffff_fff0)],
    ['a length that is too short for itself', message('D', '', 0)],
  ])
  await isWell(t, altgate, processes)
})

t.test('a file of SQLite that is cut to nothing, or whose head is zeroes', async t => {
  for (const spoil of [
    (file: string) => truncateSync(file, 0),
    (file: string) => {
      const open = openSync(file, 'r+')
      writeSync(open, Buffer.alloc(100), 0, 100, 0)
      closeSync(open)
    },
  ]) {
    const { altgate, processes } = await prepare(t, {})
    t.equal((await ask(altgate.url + path, right)).status, 200)
    spoil(join(altgate.directory, 'altgate.db'))
    const deadline = Date.now() + 2500 // longer than the primary's look and its probes take
    while (Date.now() < deadline) {
      const { status } = await ask(altgate.url + path, { as: [anna, `wrong ${Date.now()}`] })
      t.match(String(status), /^(401|429|503)$/)
    }
    t.strictSame([altgate.pid, ...workersOf(altgate.pid)], processes, 'every process runs')
  }
})
