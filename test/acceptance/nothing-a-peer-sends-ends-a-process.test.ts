import { openSync, writeSync, closeSync, truncateSync } from 'node:fs'
import type { Socket } from 'node:net'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { cheapHashing, startAltgate, type Altgate } from '../support/altgate.ts'
import { ask, basicOf } from '../support/ask.ts'
import { type BareServer, bareServer } from '../support/bare-server.ts'
import { startInjectingRelay, type InjectingRelay } from '../support/injecting-relay.ts'
import { hostileAnswers } from '../support/hostile-answer.ts'
import { metric } from '../support/metrics.ts'
import { message } from '../support/postgres-message.ts'
import { startPostgres } from '../support/postgres.ts'
import { isRunning, workersOf } from '../support/processes.ts'
import { freePort } from '../support/ports.ts'
import { rawConnection } from '../support/raw-request.ts'
import { recordingUpstream } from '../support/recording-upstream.ts'
import { startRedis } from '../support/redis.ts'
import { reset } from '../support/reset.ts'
import { until } from '../support/until.ts'

const anna = 'anna@example.com'
const path = '/contoso/welcome.git/info/refs'
const many = { guesses: 10_000 }
const throttle = { address: many, credential: many, everywhere: many }
const right = { as: [anna, 'the right password'] } as const

async function prepare(t: Test, settings: Readonly<Record<string, unknown>>, upstreamUrl?: string) {
  const altgate = await startAltgate(t, {
    settings: { workers: 1, hashing: cheapHashing, ...settings },
  })
  const upstream = upstreamUrl ?? (await recordingUpstream(t)).url
  await altgate.arrange({ accounts: { contoso: upstream }, passwords: { [anna]: right.as[1] } })
  return { altgate, processes: familyOf(altgate) }
}

function familyOf({ pid }: Altgate): readonly number[] {
  return [pid, ...workersOf(pid)]
}

/** The same processes run, and let in as before. */
async function isWell(t: Test, altgate: Altgate, processes: readonly number[]): Promise<void> {
  await until(async () => (await ask(altgate.url + path, right)).status === 200)
  t.strictSame(processes.filter(isRunning), processes, 'every process runs')
  t.strictSame(familyOf(altgate), processes, 'and none was replaced')
  const bugs = altgate
    .logs()
    .split('\n')
    .filter(line => line.includes('"a bug'))
  t.equal(await metric(altgate, 'altgate_bugs_total'), 0, 'nothing came as far as the last resort', { bugs })
  t.equal(await metric(altgate, 'altgate_primary_bugs_total'), 0, { bugs })
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

/** With a database for each of two tests. */
const database = await startPostgres(t)

t.test('rubbish from Redis, and bytes that are lost on the way', async t => {
  const redis = await startRedis(t)
  const relay = await startInjectingRelay(t, redis.url)
  const { altgate, processes } = await prepare(t, {
    redis: { url: relay.url },
    store: { url: await database.database('behind_redis') },
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

  let seen = 0
  relay.alter(bytes => ((seen += 1) % 5 === 0 ? bytes.subarray(1) : bytes))
  for (let each = 0; each < 15; each += 1) {
    const { status } = await ask(altgate.url + path, right)
    t.match(String(status), /^(200|503)$/)
  }
  relay.alter(undefined)
  await isWell(t, altgate, processes)
})

t.test('rubbish from PostgreSQL', async t => {
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

/** A server that answers whatever comes. */
function answering(t: Test, answer: (socket: Socket) => void): Promise<BareServer> {
  return bareServer(t, socket => void socket.on('data', () => answer(socket)))
}

const forwardAuth = { host: '127.0.0.1', port: await freePort() }
let issued = ''
const issuer = await answering(t, socket => void socket.end(issued, 'latin1'))
/** One gateway on SQLite for the others, with doors and sign-ins; the last one spoils its store. */
const { altgate: shared } = await prepare(t, {
  forwardAuth,
  trustedProxies: ['127.0.0.1'],
  signIn: { msa: { issuer: issuer.url, clientId: 'altgate', clientSecret: 'not told' } },
})

t.test('rubbish from an upstream', async t => {
  const [altgate, processes] = [shared, familyOf(shared)]
  const sound = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'
  let said: { readonly bytes: readonly (string | Buffer)[]; readonly afterwards: 'end' | 'reset' }
  const { url } = await answering(t, socket => {
    for (const each of said.bytes) socket.write(each)
    if (said.afterwards === 'end') socket.end()
    else reset(socket)
  })
  await altgate.arrange({ accounts: { tailspin: url } })
  const named = [
    '',
    '\r\n\r\n\r\n',
    'SSH-2.0-OpenSSH_9.2\r\n',
    '\x16\x03\x01\x02\0\x01',
    'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
    'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\nxxx',
    'HTTP/1.1 000 \r\n\r\n',
    'HTTP/1.1 1000 OK\r\n\r\n',
    'HTTP/9.9 200 OK\r\nContent-Length: 2\r\n\r\nok',
    'HTTP/1.1 100 Continue\r\n\r\n'.repeat(5000),
    `HTTP/1.1 200 OK\r\n${'X: y\r\n'.repeat(5000)}\r\n`,
    `HTTP/1.1 200 ${'k'.repeat(100_000)}\r\n\r\n`,
    `HTTP/1.1 301 x\r\nLocation: \xff\x01://\r\nContent-Length: 0\r\n\r\n`,
    'HTTP/1.1 302 x\r\nLocation: http://[::1\r\nContent-Length: 0\r\n\r\n',
    'HTTP/1.1 200 OK\r\nSet-Cookie: a=\x7f\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc',
    'HTTP/1.1 401 x\r\nWWW-Authenticate: \xe9\r\nContent-Length: 5\r\n\r\nabc',
    'HTTP/1.1 203 x\r\nContent-Type: text/html\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X\r\n\r\n0\r\nX: \x01\r\nContent-Length: 5\r\n\r\n',
    `${sound}${sound}\0\0`,
    Buffer.alloc(70_000, 0xff),
  ].map(bytes => [bytes])
  const many = hostileAnswers(60, 20_261_127).map(({ pieces }) => pieces)
  for (const [at, bytes] of [...named, ...many].entries()) {
    said = { bytes, afterwards: at % 3 === 0 ? 'reset' : 'end' }
    for (const method of ['GET', 'POST', 'HEAD']) {
      const client = await rawConnection(altgate.port)
      client.send(
        `${method} /tailspin/x HTTP/1.1\r\nHost: ${new URL(altgate.url).host}\r\nAuthorization: ${basicOf(...right.as)}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`,
      )
      const answer = await client.closed()
      if (answer !== '') t.notMatch(answer, /^HTTP\/1.1 401/, 'no upstream makes a tool forget its password')
    }
  }
  await isWell(t, altgate, processes)
})

t.test('rubbish from clients, from a proxy at the doors, and from an identity provider', async t => {
  const [altgate, processes] = [shared, familyOf(shared)]
  const host = `Host: ${new URL(altgate.url).host}`
  const authorization = `Authorization: ${basicOf(...right.as)}`
  const forwarded = `X-Forwarded-Uri: ${path}\r\nX-Forwarded-Method: GET\r\nX-Forwarded-Host: ${new URL(altgate.url).host}\r\nX-Forwarded-Proto: http`
  const lines = [
    '\0'.repeat(5000),
    '\r\n'.repeat(5000),
    '\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03',
    'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
    'PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n',
    '\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c',
    'GET\r\n\r\n',
    `GET ${'/'.repeat(200_000)} HTTP/1.1\r\n\r\n`,
    `GET / HTTP/1.1\r\n${'X: y\r\n'.repeat(5000)}\r\n`,
    `CONNECT a:1 HTTP/1.1\r\n${host}\r\n\r\nxxxx`,
    `GET ${path} HTTP/1.1\r\n${host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n${authorization}\r\n\r\n\x81\x05`,
    `GET ${path} HTTP/1.1\r\n${host}\r\nExpect: 200-maybe\r\n${authorization}\r\n\r\n`,
    `POST ${path} HTTP/1.1\r\n${host}\r\n${authorization}\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n`,
    `POST ${path} HTTP/1.1\r\n${host}\r\n${authorization}\r\nContent-Length: 99999999999999999999\r\n\r\n`,
    `POST ${path} HTTP/1.1\r\n${host}\r\n${authorization}\r\nContent-Length: 10\r\n\r\nabc`,
    `OPTIONS * HTTP/1.1\r\n${host}\r\n\r\n`,
    `GET /_altgate/%00%ff?account=%E0%A4 HTTP/1.1\r\n${host}\r\nCookie: a=%; \xff; =\r\n\r\n`,
    `POST /_altgate/credential HTTP/1.1\r\n${host}\r\nContent-Type: application/x-www-form-urlencoded; charset=\xff\r\nContent-Length: 9\r\n\r\n%%%=&__pr`,
    `POST /_altgate/credential HTTP/1.1\r\n${host}\r\nContent-Type: multipart/form-data\r\nContent-Length: 1\r\n\r\nx`,
    `GET ${path} HTTP/1.1\r\n${host}\r\nAuthorization: Basic ${'A'.repeat(60_000)}\r\n\r\n`,
    ...['/nginx', '/nginx/answer', '/auth', '/', '/caddy', '/traefik'].flatMap(door =>
      [
        '\xff',
        'a b',
        '{"status":1e99,"headers":[["a b","c"]]}',
        'e30',
        '%0d%0aX: y',
        `${'A'.repeat(9000)}.${'B'.repeat(50)}`,
      ].map(
        answer =>
          `GET ${door} HTTP/1.1\r\n${host}\r\n${forwarded}\r\n${authorization}\r\nX-Altgate-Answer: ${answer}\r\nX-Forwarded-For: ${answer}, ,,\r\nX-Original-URI: ${answer}\r\n\r\n`,
      ),
    ),
  ]
  for (const port of [altgate.port, forwardAuth.port, Number(new URL(altgate.operationsUrl).port)])
    for (const [at, bytes] of lines.entries()) {
      const client = await rawConnection(port)
      client.send(bytes)
      if (at % 3 === 0) reset(client.socket)
      else client.socket.end()
      if (at % 3 === 1) await client.closed().catch(() => {}) // it may be reset
      client.socket.destroy()
    }
  await isWell(t, altgate, processes)

  const { url } = issuer
  const sound = (issuer: string) =>
    JSON.stringify({ issuer, authorization_endpoint: `${issuer}/a`, token_endpoint: `${issuer}/t` })
  const answer = (text: string, type = 'application/json') =>
    `HTTP/1.1 200 OK\r\nContent-Type: ${type}\r\nContent-Length: ${text.length}\r\n\r\n${text}`
  for (const rubbish of [
    '',
    '\0\xff\0',
    'HTTP/1.1 500 x\r\n\r\n',
    answer(''),
    answer('null'),
    answer('[]'),
    answer('"x"'),
    answer('{'.repeat(50_000)),
    answer('{"issuer":{"__proto__":1}}'),
    answer(sound(url).replace('/a"', '/a\\u0000"')),
    answer(sound('http://elsewhere.example')),
    answer(JSON.stringify({ issuer: url, authorization_endpoint: 'javascript:alert(1)', token_endpoint: 7 })),
    answer(JSON.stringify({ issuer: url })),
    answer(sound(url), 'text/html'),
    answer('\xff\xfe'),
    'HTTP/1.1 302 x\r\nLocation: /\r\nContent-Length: 0\r\n\r\n',
    'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n{',
  ]) {
    issued = rubbish
    const { status } = await ask(`${altgate.url}/_altgate/sign-in?account=contoso`)
    t.match(String(status), /^(302|303|404|429|50[0-4])$/)
  }
  await isWell(t, altgate, processes)
})

t.test('a file of SQLite that is cut to nothing, or whose head is zeroes', async t => {
  const { altgate: other } = await prepare(t, {})
  const spoiled = [
    [shared, (file: string) => truncateSync(file, 0)],
    [
      other,
      (file: string) => {
        const open = openSync(file, 'r+')
        writeSync(open, Buffer.alloc(100), 0, 100, 0)
        closeSync(open)
      },
    ],
  ] as const
  // Both at once: each is looked at for some seconds.
  const looking = spoiled.map(async ([altgate, spoil]) => {
    const processes = familyOf(altgate)
    t.equal((await ask(altgate.url + path, right)).status, 200)
    spoil(join(altgate.directory, 'altgate.db'))
    const deadline = Date.now() + 2500 // longer than the primary's look and its probes take
    while (Date.now() < deadline) {
      const { status } = await ask(altgate.url + path, { as: [anna, `wrong ${Date.now()}`] })
      t.match(String(status), /^(401|429|503)$/)
      await delay(100)
    }
    t.strictSame(familyOf(altgate), processes, 'every process runs')
  })
  await Promise.all(looking)
})
