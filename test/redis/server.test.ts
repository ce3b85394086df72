import { once } from 'node:events'
import { chmodSync, readFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { inspect } from 'node:util'
import t, { type Test } from 'tap'
import { Secret } from '../../src/gateway/secret.ts'
import { slotOf } from '../../src/redis/cluster.ts'
import { keepConnection } from '../../src/redis/connections.ts'
import { redisAt, type RedisPlace } from '../../src/redis/server.ts'
import { createSharedCounters } from '../../src/throttling/shared-counters.ts'
import { createThrottle } from '../../src/throttling/throttle.ts'
import { createRevoke } from '../../src/verdicts/kept.ts'
import { createSharedVerdicts } from '../../src/verdicts/shared.ts'
import { makeCertificate } from '../support/certificate.ts'
import { temporaryDirectory } from '../support/directory.ts'
import { freePort } from '../support/ports.ts'
import { type Doors, startCluster, startWatched } from '../support/redis-servers.ts'
import { steadyHistory } from '../support/steady-history.ts'
import { until } from '../support/until.ts'
import { testThrottle } from '../throttling/contract.ts'
import { attempt, key, match } from '../verdicts/attempts.ts'
import { lifetimes } from '../verdicts/process.ts'

const secret = 'canary-of-redis'

/** What `docs/operating.md` says that a user must be allowed. */
const [ofRedis = '', ofSentinel = ''] = [
  ...readFileSync(new URL('../../docs/operating.md', import.meta.url), 'utf8').matchAll(
    /ACL SETUSER altgate on >PASSWORD (.*)/g,
  ),
].map(([, rules]) => rules)

/** TLS with a certificate of its own, and users with no more rights than the manual gives. */
async function closedDoors(t: Test, more = ''): Promise<{ doors: Doors; caFile: string }> {
  const directory = temporaryDirectory(t)
  const { certFile, keyFile } = await makeCertificate(directory)
  chmodSync(keyFile, 0o644)
  const tls = [`tls-cert-file ${certFile}`, `tls-key-file ${keyFile}`, `tls-ca-cert-file ${certFile}`]
  const admin = `user admin on >${secret} ~* &* +@all`
  const shut = [...tls, 'tls-auth-clients no', 'tls-replication yes', 'user default off', admin]
  const asAdmin = { username: 'admin', password: secret, tls: { ca: readFileSync(certFile) } }
  const inside = ['masteruser admin', `masterauth ${secret}`]
  const cli = ['--tls', '--cacert', certFile, '--user', 'admin', '--pass', secret, '--no-auth-warning']
  return {
    caFile: certFile,
    doors: {
      tls: true,
      cli,
      as: asAdmin,
      asSentinel: asAdmin,
      server: [...shut, ...inside, `user altgate on >${secret} ${ofRedis}${more}`],
      sentinel: [
        ...shut,
        'sentinel auth-user altgate admin',
        `sentinel auth-pass altgate ${secret}`,
        'sentinel sentinel-user admin',
        `sentinel sentinel-pass ${secret}`,
        `user altgate on >${secret} ${ofSentinel}`,
      ],
    },
  }
}

/** Everything that is done with Redis: verdicts, revoking, guesses; many slots, so on every node of a Cluster. */
async function worksAt(t: Test, place: RedisPlace): Promise<void> {
  const server = redisAt(place)
  await server.ping()
  const shared = createSharedVerdicts({
    server,
    history: steadyHistory,
    key,
    now: Date.now,
    patience: 1000,
    outage: each => t.fail(inspect(each)),
  })
  t.teardown(() => shared.close())
  const attempts = Array.from({ length: 30 }, (_, at) => attempt(`user-${at}-${performance.now()}`, 'right'))
  const known = () => Promise.all(attempts.map(async each => (await shared.recall(each)) !== undefined))
  await until(async () => {
    for (const each of attempts) shared.remember(each, { verdict: match(1), until: Date.now() + 60_000 })
    return (await known()).every(Boolean)
  })
  await createRevoke(server, lifetimes)(
    attempts.map(({ slot }) => slot),
    2,
  )
  t.ok(
    (await known()).every(each => !each),
    'revoked on every node',
  )
  for (const each of attempts) shared.remember(each, { verdict: match(1), until: Date.now() + 60_000 })
  t.ok(
    (await known()).every(each => !each),
    'and what was found before is not taken again',
  )
}

async function refuses(t: Test, what: string, place: RedisPlace): Promise<void> {
  const outage: unknown = await redisAt(place)
    .ping()
    .catch((error: unknown) => error)
  t.match(outage, { name: 'Outage', part: 'redis' }, what)
  t.notMatch(inspect(outage, { depth: 9, showHidden: true }), secret)
}

t.test('Sentinels and Redis by TLS, with users and no more rights than the manual says', async t => {
  const { doors, caFile } = await closedDoors(t)
  const { hosts, failover } = await startWatched(t, doors)
  const password = new Secret(secret)
  const sentinel = { name: 'altgate', hosts, tls: true, user: 'altgate', password }
  const place = { sentinel: { ...sentinel, sentinelUser: 'altgate', sentinelPassword: password }, caFile }
  await t.test('works', t => worksAt(t, place))
  const wrong = new Secret('wrong')
  await refuses(t, 'a wrong password', { ...place, sentinel: { ...place.sentinel, password: wrong } })
  await refuses(t, 'of Sentinel', { ...place, sentinel: { ...place.sentinel, sentinelPassword: wrong } })
  await refuses(t, 'without a user for them', { ...place, sentinel })
  await refuses(t, 'without TLS', { ...place, sentinel: { ...place.sentinel, tls: false } })
  await refuses(t, 'a certificate that is not trusted', { sentinel: place.sentinel })
  await refuses(t, 'of another host', { ...place, serverName: 'redis.example.com' })
  await refuses(t, 'another name', { ...place, sentinel: { ...place.sentinel, name: 'other' } })
  await failover('asked')
  await t.test('works after a failover', t => worksAt(t, place))
})

t.test('a Cluster by TLS, with a user', async t => {
  const { doors, caFile } = await closedDoors(t, ' +cluster|slots')
  const { hosts, nodes } = await startCluster(t, doors)
  const cluster = { hosts: hosts.slice(0, 1), tls: true, user: 'altgate', password: new Secret(secret) }
  await t.test('works', t => worksAt(t, { cluster, caFile }))
  await refuses(t, 'a wrong password', { cluster: { ...cluster, password: new Secret('wrong') }, caFile })
  await refuses(t, 'a certificate that is not trusted', { cluster })
  await refuses(t, 'without TLS', { cluster: { ...cluster, tls: false }, caFile })
  const sizes = () => Promise.all(nodes.map(async each => Number(await each.command('dbsize'))))
  t.equal(nodes.length, 6)
  await until(async () => (await sizes()).every(size => size > 0)) // replicas follow a moment later
})

t.test('guesses are counted in a Cluster', async t => {
  const { hosts } = await startCluster(t)
  let count = 0
  await testThrottle(t, async (t, options) => {
    const shared = createSharedCounters({
      server: redisAt({ cluster: { hosts, tls: false } }),
      outage: () => {},
    })
    t.teardown(() => shared.close())
    const mark = { name: 'probe', digest: 'probe' as never }
    const counter = { by: 'address', ...mark, guesses: 1, windowSeconds: 1 } as const
    await until(
      () =>
        shared.enter({ familiar: mark, own: counter, reserve: counter, unfamiliar: [] }, {}) !== undefined,
    )
    return createThrottle(options, { key: Buffer.alloc(32, ++count), now: Date.now, shared })
  })
})

t.test('slots are those of Redis', async t => {
  // From the specification of Redis Cluster, and from `CLUSTER KEYSLOT`.
  t.equal(slotOf('123456789'), 12_739)
  t.equal(slotOf('foo{bar}baz'), slotOf('bar'))
  t.equal(slotOf('foo{{bar}}zap'), slotOf('{bar'))
  t.equal(slotOf('foo{bar}{zap}'), slotOf('bar'))
  t.not(slotOf('foo{}{bar}'), slotOf('bar'))
  t.equal(slotOf('altgate:announced:{news}'), slotOf('altgate:gateways:{news}'))
})

t.test('a client that is closed between two tries to connect ends', async t => {
  const port = await freePort()
  const redis = keepConnection({
    access: { tls: undefined, primaryOnly: false },
    find: () => ({ host: '127.0.0.1', port }),
    name: 'test',
    patience: 100,
    drops: [],
  })
  redis.on('error', () => {}) // nothing listens there
  const ended = new Promise(resolve => redis.once('end', resolve)) // `once` of events would take an error for an end
  await until(() => redis.status === 'reconnecting')
  redis.disconnect()
  await ended
  t.pass('and what watches for it is let go')
})

for (const [what, reply] of [
  ['nothing', '$-1'],
  ['a number', ':7'],
  ['a list', '*1\r\n:7'],
] as const)
  t.test(`a server that answers INFO with ${what} is left, and connected to anew`, async t => {
    let connections = 0
    const info = '$11\r\nrole:master\r\n'
    const server = createServer(socket => {
      const isFirst = ++connections === 1
      socket.on('error', () => {})
      socket.on('data', bytes => {
        for (const command of bytes
          .toString()
          .toLowerCase()
          .match(/\$\d+\r\n(?:client|info|hello|auth)\r\n/g) ?? [])
          socket.write(command.includes('info') ? `${isFirst ? reply : info}\r\n` : '+OK\r\n')
      })
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo // listening on TCP
    const redis = keepConnection({
      access: { tls: undefined, primaryOnly: true },
      find: () => ({ host: '127.0.0.1', port }),
      name: 'test',
      patience: 1000,
      drops: [],
    })
    t.teardown(() => {
      redis.disconnect()
      server.close()
    })
    redis.on('error', () => {})
    // This server knows nothing but the greeting, so the connection is soon left again.
    await new Promise<void>(resolve => redis.once('ready', () => resolve()))
    t.ok(connections > 1)
  })
