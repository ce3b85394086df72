import { chmodSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { createServer as createSocketServer, type AddressInfo, type Server } from 'node:net'
import { once } from 'node:events'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { temporaryDirectory } from '../support/directory.ts'
import { freePort } from '../support/ports.ts'
import { startRedis } from '../support/redis.ts'
import { aDesk, type Desk } from './desk.ts'

/** A desk whose listen addresses are free. */
async function aFreeDesk(test: Test, settings: Readonly<Record<string, string>> = {}): Promise<Desk> {
  const [port, operationsPort] = [await freePort(), await freePort()]
  const ports = { ALTGATE__LISTEN__PORT: `${port}`, ALTGATE__OPERATIONS__PORT: `${operationsPort}` }
  return aDesk(test, { ...ports, ...settings })
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
  const { code, stdout } = await desk.run(['check'])
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
  ])
  t.match(stdout, /^FAILED {2}upstream .*: nobody listens there \(connection refused\)$/m)
  t.match(stdout, /^FAILED {2}listen .*: another program listens there$/m)
})

t.test('parts that never answer do not hold it up', async t => {
  const silent = createSocketServer(socket => socket.on('error', () => {}).resume())
  const port = await listening(t, silent)
  const desk = await aFreeDesk(t, { ALTGATE__REDIS__URL: `redis://127.0.0.1:${port}` })
  const withStore = await desk.run(['check'])
  t.equal(withStore.code, 1)
  t.match(states(withStore.stdout), ['ok settings', 'ok store', 'FAILED redis', 'ok accounts', 'ok listen'])

  const url = `postgres://root:canary@127.0.0.1:${port}/altgate`
  const withoutStore = await (await aFreeDesk(t, { ALTGATE__STORE__URL: url })).run(['check'])
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
  t.match(stdout, /^ok {6}listen .* is held by a gateway that runs$/m)
})

t.test('files that every user of this machine can read are told', async t => {
  const logs = join(temporaryDirectory(t), 'altgate.log')
  const desk = await aFreeDesk(t, { ALTGATE__LOG__FILE: logs })
  await desk.must(['account', 'add', 'a', '--upstream', `http://127.0.0.1:${await freePort()}`])
  const database = join(desk.directory, 'altgate.db')
  chmodSync(desk.directory, 0o755)
  const filesLine = async () => /^.*files .*$/m.exec((await desk.run(['check'])).stdout)?.[0] ?? ''
  t.match(await filesLine(), /^ok {6}files {7}are private/, 'what the commands make is private')
  chmodSync(database, 0o644)
  t.match(await filesLine(), `FAILED  files       every user of this machine can read ${database}`)
  chmodSync(desk.directory, 0o700)
  t.match(await filesLine(), /^ok {6}files {7}are private/, 'nobody can reach it')
  writeFileSync(logs, '', { mode: 0o644 })
  chmodSync(join(logs, '..'), 0o755)
  t.match(await filesLine(), `ok      files       every user of this machine can read ${logs}`)
})
