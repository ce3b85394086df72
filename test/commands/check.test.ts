import { chmodSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { createServer as createSocketServer, type AddressInfo, type Server } from 'node:net'
import { once } from 'node:events'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { temporaryDirectory } from '../support/directory.ts'
import { freePort } from '../support/ports.ts'
import { altgateProcess } from '../support/program.ts'
import { startCluster, startWatched } from '../support/redis-servers.ts'
import { startRedis } from '../support/redis.ts'
import { until } from '../support/until.ts'
import { aDesk, type Desk } from './desk.ts'

/** A desk whose listen addresses are free. */
async function aFreeDesk(
  test: Test,
  settings: Readonly<Record<string, string>> = {},
  options?: { readonly isMade: boolean },
): Promise<Desk> {
  const [port, operationsPort] = [await freePort(), await freePort()]
  const ports = { ALTGATE__LISTEN__PORT: `${port}`, ALTGATE__OPERATIONS__PORT: `${operationsPort}` }
  return aDesk(test, { ...ports, ...settings }, options)
}

async function listening(test: Test, server: Server): Promise<number> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  test.teardown(() => server.close())
  // A server that listens on a port has an address of this kind.
  return (server.address() as AddressInfo).port
}

/** Lines as pairs: part, and whether it is well. */
function states(stdout: string): readonly string[] {
  return stdout
    .trimEnd()
    .split('\n')
    .map(line => line.split(/ +/, 2).join(' '))
}

t.test('all is well: one line each, exit code 0; an upstream may answer what it likes', async t => {
  const upstream = createServer((_, response) => response.writeHead(404).end())
  t.teardown(() => upstream.closeAllConnections())
  const port = await listening(t, upstream)
  const redis = await startRedis(t)
  const desk = await aFreeDesk(t, { ALTGATE__REDIS__URL: redis.url })
  await desk.must(['account', 'add', 'a', '--upstream', `http://127.0.0.1:${port}`])
  await desk.must(['account', 'add', 'b', '--upstream', `http://127.0.0.1:${port}/other`])
  const { code, stdout } = await altgateProcess(['check'], desk.env)
  t.equal(code, 0, stdout)
  t.same(states(stdout), [
    'ok settings',
    'ok store',
    'ok redis',
    'ok accounts',
    'ok upstream',
    'ok listen',
    'ok operations',
    'ok limits',
    'ok files',
  ])
  t.match(stdout, `http://127.0.0.1:${port} answers with 404`)
})

t.test('what is not well is told beside what is, exit code 1', async t => {
  const taken = await listening(t, createSocketServer())
  const desk = await aFreeDesk(t, { ALTGATE__LISTEN__HOST: '127.0.0.1', ALTGATE__LISTEN__PORT: `${taken}` })
  const tls = join(desk.directory, 'tls.yaml')
  writeFileSync(tls, 'listen: { tls: { certFile: none.crt, keyFile: none.key } }')
  await desk.must(['account', 'add', 'a', '--upstream', `http://127.0.0.1:${await freePort()}`])
  const { code, stdout } = await desk.run(['check', '--config', tls])
  t.equal(code, 1, stdout)
  t.same(states(stdout), [
    'ok settings',
    'ok store',
    'ok redis',
    'ok accounts',
    'FAILED upstream',
    'FAILED listen',
    'ok operations',
    'ok limits',
    'ok files',
    'FAILED tls',
    'FAILED tls',
  ])
  t.match(stdout, /^FAILED {2}tls .*listen\.tls\.keyFile: none\.key cannot be read: there is no such file$/m)
  t.match(stdout, /^FAILED {2}upstream .*: nothing listens there \(connection refused\)$/m)
  t.match(stdout, /^FAILED {2}listen .*: another program is listening there$/m)
})

t.test('parts that never answer do not hold it up', async t => {
  const silent = createSocketServer(socket => socket.on('error', () => {}).resume())
  const port = await listening(t, silent)
  const desk = await aFreeDesk(t, { ALTGATE__REDIS__URL: `redis://127.0.0.1:${port}` })
  await desk.must(['account', 'list']) // there is a store
  // In processes of their own, which must end all the same.
  const withStore = await altgateProcess(['check'], desk.env)
  t.equal(withStore.code, 1)
  t.match(states(withStore.stdout), ['ok settings', 'ok store', 'FAILED redis', 'ok accounts', 'ok listen'])

  const url = `postgres://root:canary@127.0.0.1:${port}/altgate`
  const { env } = await aFreeDesk(t, { ALTGATE__STORE__URL: url })
  const withoutStore = await altgateProcess(['check'], env)
  t.equal(withoutStore.code, 1)
  t.match(states(withoutStore.stdout), [
    'ok settings',
    'FAILED store',
    'ok redis',
    'FAILED accounts',
    'ok listen',
  ])
  t.notMatch(withoutStore.stdout + withoutStore.stderr, 'canary')
})

/** What `check` says of Redis where the settings say where it is. */
async function redisLine(desk: Desk, redis: Readonly<Record<string, unknown>>): Promise<string> {
  const file = join(desk.directory, 'redis.yaml')
  writeFileSync(file, JSON.stringify({ redis }))
  return /^.*redis .*$/m.exec((await desk.run(['check', '--config', file])).stdout)?.[0] ?? ''
}

t.test('of Sentinels it is told which primary they name, and how many do', async t => {
  const { hosts, primary, sentinels, servers } = await startWatched(t)
  const desk = await aFreeDesk(t)
  const redis = { sentinel: { name: 'altgate', hosts } }
  const named = `answers: the primary is 127.0.0.1:${await primary()}, named by`
  t.equal(await redisLine(desk, redis), `ok      redis       ${named} 3 of 3 Sentinels`)
  sentinels[0]?.pause()
  t.equal(await redisLine(desk, redis), `ok      redis       ${named} 2 of 3 Sentinels`)
  sentinels[0]?.resume()
  t.equal(
    await redisLine(desk, { sentinel: { name: 'another', hosts } }),
    'FAILED  redis       the Sentinels know no primary of that name',
  )
  for (const each of servers) await each.kill()
  t.match(await redisLine(desk, redis), /^FAILED {2}redis .*ECONNREFUSED/)
})

t.test('of a Cluster it is told how many primaries there are, and whether a slot is left out', async t => {
  const { hosts, nodes, owner, replicaOf } = await startCluster(t)
  const desk = await aFreeDesk(t)
  const redis = { cluster: { hosts: hosts.slice(0, 2) } }
  const well = 'ok      redis       answers: 3 primaries of a Cluster, which have all slots'
  t.equal(await redisLine(desk, redis), well)
  const first = await owner('a')
  const id = await first.command('cluster', 'myid')
  const slot = await first.command('cluster', 'keyslot', 'a')
  // Its owner first, and again where another has told of it meanwhile: nodes tell one another which slots they have.
  await until(async () => {
    for (const node of [first, ...nodes])
      await node.command('cluster', 'delslots', String(slot)).catch(() => {})
    const said = await Promise.all(nodes.map(node => node.command('cluster', 'info')))
    return said.every(text => /cluster_slots_assigned:16383\D/.test(String(text)))
  })
  t.equal(await redisLine(desk, redis), 'FAILED  redis       CLUSTERDOWN no node has 1 of the 16384 slots')
  for (const node of nodes)
    await node.command('cluster', 'setslot', String(slot), 'node', String(id)).catch(() => {})
  await first.command('cluster', 'addslots', String(slot)).catch(() => {})
  await (await replicaOf(first)).kill()
  await first.kill()
  t.match(await redisLine(desk, redis), new RegExp(`^FAILED {2}redis .*127\\.0\\.0\\.1:${first.port}`))
})

t.test('an upstream that never answers is not well', async t => {
  const port = await listening(
    t,
    createSocketServer(socket => socket.on('error', () => {}).resume()),
  )
  const desk = await aFreeDesk(t)
  await desk.must(['account', 'add', 'a', '--upstream', `http://127.0.0.1:${port}`])
  const { code, stdout } = await desk.run(['check'])
  t.equal(code, 1)
  t.match(stdout, `FAILED  upstream    http://127.0.0.1:${port}: no answer in time\n`)
})

t.test('a gateway that runs may hold its own ports', async t => {
  const live = createServer((request, response) =>
    response.writeHead(request.url === '/live' ? 200 : 404).end(),
  )
  t.teardown(() => live.closeAllConnections())
  const operations = await listening(t, live)
  const listen = await listening(t, createSocketServer())
  const desk = aDesk(t, {
    ALTGATE__LISTEN__HOST: '127.0.0.1',
    ALTGATE__LISTEN__PORT: `${listen}`,
    ALTGATE__OPERATIONS__PORT: `${operations}`,
  })
  const { code, stdout } = await desk.run(['check'])
  t.equal(code, 0, stdout)
  t.match(stdout, /^ok {6}listen .* is in use by a running gateway$/m)
})

t.test('files that every user of this machine can read are told', async t => {
  const logs = join(temporaryDirectory(t), 'altgate.log')
  const desk = await aFreeDesk(t, { ALTGATE__LOG__FILE: logs }, { isMade: false })
  await desk.must(['store', 'init'])
  await desk.must(['account', 'add', 'a', '--upstream', `http://127.0.0.1:${await freePort()}`])
  const database = join(desk.directory, 'altgate.db')
  chmodSync(desk.directory, 0o755)
  const filesLine = async () => /^.*files .*$/m.exec((await desk.run(['check'])).stdout)?.[0] ?? ''
  t.match(await filesLine(), /^ok {6}files {7}are private/, 'what the commands make is private')
  chmodSync(database, 0o644)
  t.match(await filesLine(), `FAILED  files       every user of this machine can read ${database}`)
  chmodSync(desk.directory, 0o700)
  t.match(await filesLine(), /^ok {6}files {7}are private/, 'no other user can reach it')
  writeFileSync(logs, '', { mode: 0o644 })
  chmodSync(join(logs, '..'), 0o755)
  t.match(await filesLine(), `ok      files       every user of this machine can read ${logs}`)
})

t.test('access tokens of users over plain http are a finding, except on this machine', async t => {
  const desk = await aFreeDesk(t, {
    ALTGATE__UPSTREAMAUTH__METHOD: 'delegated',
    ALTGATE__UPSTREAMAUTHBYACCOUNT: '{ c: { method: strip } }',
    ALTGATE__SIGNIN__ENTRA: '{ clientId: a, clientSecret: b }',
    ALTGATE__SECRETS__SEALINGKEYS: `[{ id: one, key: ${'5e'.repeat(32)} }]`,
  })
  const [port, hostname] = [await freePort(), 'tfs.invalid']
  await desk.must(['account', 'add', 'a', '--upstream', `http://127.0.0.1:${port}`])
  await desk.must(['account', 'add', 'b', '--upstream', `http://${hostname}/b`])
  await desk.must(['account', 'add', 'c', '--upstream', `http://other.${hostname}/c`])
  await desk.must(['account', 'add', 'd', '--upstream', `https://${hostname}/d`])
  const { code, stdout } = await desk.run(['check'])
  t.equal(code, 1)
  t.strictSame(
    stdout.split('\n').filter(line => line.includes('plain http')),
    [`FAILED  upstream    http://${hostname} gets access tokens of users over plain http: use https`],
  )
})

t.test('an upstream that upstreamAuth.hosts does not name is a finding', async t => {
  const desk = await aFreeDesk(t, {
    ALTGATE__UPSTREAMAUTH: '{ method: delegated, hosts: ["*.azure.invalid"] }',
    ALTGATE__SIGNIN__ENTRA: '{ clientId: a, clientSecret: b }',
    ALTGATE__SECRETS__SEALINGKEYS: `[{ id: one, key: ${'5e'.repeat(32)} }]`,
  })
  await desk.must(['account', 'add', 'a', '--upstream', 'https://dev.azure.invalid/a'])
  await desk.must(['account', 'add', 'b', '--upstream', 'https://evil.invalid/b'])
  const { code, stdout } = await desk.run(['check'])
  t.equal(code, 1)
  t.strictSame(
    stdout.split('\n').filter(line => line.includes('hosts')),
    ['FAILED  upstream    upstreamAuth.hosts does not name evil.invalid'],
  )
})

t.test(
  'an account whose method the settings do not have is a finding, and says so when it is shown',
  async t => {
    const desk = await aFreeDesk(t, { ALTGATE__UPSTREAMAUTHBYNAME: '{ tfs: { method: strip } }' })
    await desk.must(['account', 'add', 'a', '--upstream', `http://127.0.0.1:${await freePort()}`])
    await desk.must(['account', 'set', 'a', '--upstream-auth', 'tfs', '--yes'])
    const all = await desk.run(['check'])
    t.notMatch(all.stdout, 'upstreamAuthByName')
    t.match(await desk.must(['account', 'list']), /UPSTREAM AUTH\n.* {2}tfs\n$/)
    t.match(await desk.json(['account', 'list']), [{ upstreamAuth: 'tfs' }])
    Object.assign(desk.env, { ALTGATE__UPSTREAMAUTHBYNAME: '{}' })
    t.match(await desk.must(['account', 'list']), / {2}tfs \(not in the settings\)\n$/)
    const { code, stdout } = await desk.run(['check'])
    t.equal(code, 1)
    t.match(
      stdout,
      /^FAILED {2}upstream +a names a method .* 503: add upstreamAuthByName\.tfs, or run altgate/m,
    )
    t.match(
      await desk.must(['account', 'show', 'a']),
      /tfs, which the settings do not have: requests get 503/,
    )
    await desk.must(['credential', 'set', '--scope', 'msa', '--user', 'anna@example.com'], 'canary-anna')
    const explain = ['explain', '--account', 'a', '--user', 'anna@example.com', '--without-password']
    const explained = await desk.must(explain)
    t.match(explained, /^upstream +the settings have no upstreamAuthByName\.tfs, which the account names/m)
    t.match(explained, /^unavailable: the client gets 503$/m)
    await desk.must(['account', 'set', 'a', '--upstream-auth', 'default', '--yes'])
    t.match(await desk.must(['account', 'show', 'a']), /upstream auth +identity-headers \(upstreamAuth\)/)
    t.match(await desk.must(explain), /^allow: forwarded to /m)
  },
)

t.test('every port that the settings name is tried', async t => {
  const taken = await listening(t, createSocketServer())
  const [port, operationsPort, demoPort] = [await freePort(), await freePort(), await freePort()]
  const desk = aDesk(t)
  const file = join(desk.directory, 'ports.yaml')
  const settings = {
    listen: { host: '127.0.0.1', port },
    operations: { port: operationsPort },
    forwardAuth: { port: taken },
    trustedProxies: ['127.0.0.1'],
    demo: { upstreamPort: demoPort, identityPort: taken },
  }
  writeFileSync(file, JSON.stringify(settings))
  const { code, stdout } = await desk.run(['check', '--config', file])
  t.equal(code, 1)
  t.match(stdout, `ok      demo        127.0.0.1:${demoPort} is free`)
  for (const part of ['forward', 'demo   '])
    t.match(stdout, `FAILED  ${part}     127.0.0.1:${taken}: another program is listening there`)
})
