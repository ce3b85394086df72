import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { connect, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import t, { type Test } from 'tap'
import { pieceCame } from '../../src/requests/bodies.ts'
import { conversations } from '../../src/server/conversation.ts'
import { makeCertificate } from '../support/certificate.ts'
import { temporaryDirectory } from '../support/directory.ts'
import { runningDoor } from '../support/forward-auth-port.ts'
import { collect } from '../support/heap-growth.ts'
import { anna, basic, runningServer } from '../support/public-server.ts'
import { recordingUpstream } from '../support/recording-upstream.ts'
import { until } from '../support/until.ts'
import { aWorld } from '../support/world.ts'

const right = `Authorization: ${basic()}`
const wrong = `Authorization: ${basic({ ...anna, password: 'wrong' })}`
const most = 150
const forever = { body: Infinity, answer: Infinity, request: Infinity, head: Infinity }

const request = (method: string, path: string, ...lines: readonly string[]) =>
  [`${method} ${path} HTTP/1.1`, 'Host: git.example.com', ...lines, '', ''].join('\r\n')

interface Port {
  readonly port: number
  readonly tls?: boolean
}

/** A connection, and how many answers have come on it. */
async function conversation({ port, tls = false }: Port) {
  const where = { port, host: '127.0.0.1' }
  const socket: Socket = tls ? connectTls({ ...where, rejectUnauthorized: false }) : connect(where)
  let text = ''
  socket.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')))
  socket.on('error', () => {})
  await once(socket, tls ? 'secureConnect' : 'connect')
  return { socket, text: () => text, answers: () => text.match(/HTTP\/1\.1 [2-5]\d\d/g)?.length ?? 0 }
}

/** One connection sends many requests in one write; another one's is answered between them. */
async function othersAreServedBetween(t: Test, port: Port, flood: string, innocent: string): Promise<void> {
  const [attacker, other] = [await conversation(port), await conversation(port)]
  // At the first byte of each, and not at a look some milliseconds later: then all may be answered.
  attacker.socket.once('data', () => other.socket.write(innocent))
  let before = most
  other.socket.once('data', () => (before = attacker.answers()))
  attacker.socket.write(flood.repeat(most))
  await until(() => other.answers() > 0)
  t.ok(before < most, `answered after ${before} of ${most}`)
  await until(() => attacker.answers() === most)
  t.pass('and all of them are answered in the end')
  for (const { socket } of [attacker, other]) socket.destroy()
}

t.test('on the public port, other clients are served between the pipelined requests of one', async t => {
  const upstream = await recordingUpstream(t)
  const { certFile, keyFile } = await makeCertificate(temporaryDirectory(t))
  const tls = { cert: readFileSync(certFile, 'utf8'), key: readFileSync(keyFile, 'utf8') }
  // A caller that repeats a wrong password is throttled, and then its answers are delayed.
  const world = aWorld({
    accounts: [{ name: 'fabrikam', upstream: upstream.url }],
    credentials: [anna],
    throttle: { repetition: { requests: 1_000_000, windowSeconds: 60 } },
  })
  const server = await runningServer(t, { upstream: upstream.url, world })
  const secure = await runningServer(t, { upstream: upstream.url, world, tls })
  const innocent = request('GET', '/fabrikam/x', right)
  for (const [name, flood] of [
    ['allowed', request('GET', '/fabrikam/x', right)],
    ['HEAD', request('HEAD', '/fabrikam/x', right)],
    ['with a body', `${request('POST', '/fabrikam/x', right, 'Content-Length: 2')}ab`],
    [
      'with a body in chunks',
      `${request('PUT', '/fabrikam/x', right, 'Transfer-Encoding: chunked')}2\r\nab\r\n0\r\n\r\n`,
    ],
    [
      'that is announced',
      `${request('POST', '/fabrikam/x', right, 'Content-Length: 2', 'Expect: 100-continue')}ab`,
    ],
    ['anonymous', request('GET', '/fabrikam/x')],
    ['refused', request('GET', '/fabrikam/x', wrong)],
    ['garbled', request('GET', '/fabrikam/x', 'Authorization: Bearer x')],
    ['unclear', request('GET', '/fabrikam/%zz', right)],
    ['to the page', request('GET', '/_altgate/')],
  ] as const) {
    await t.test(name, t => othersAreServedBetween(t, server, flood, innocent))
    await t.test(`${name}, over TLS`, t =>
      othersAreServedBetween(t, { port: secure.port, tls: true }, flood, innocent),
    )
  }
  t.strictSame([...server.bugs, ...secure.bugs], [])
})

t.test('on the forward-auth port, too', async t => {
  const world = aWorld({
    accounts: [{ name: 'fabrikam', upstream: 'http://upstream.invalid' }],
    credentials: [anna],
  })
  const door = await runningDoor(t, world)
  const about = ['X-Original-Method: GET', 'X-Original-URI: /fabrikam/x', 'X-Forwarded-For: 192.0.2.7']
  const innocent = request('GET', '/nginx', ...about, right)
  for (const [name, flood] of [
    ['allowed', innocent],
    ['anonymous', request('GET', '/nginx', ...about)],
    ['no such path', request('GET', '/')],
  ] as const)
    await t.test(name, t => othersAreServedBetween(t, door, flood, innocent))
})

t.test('a client that pipelines too much is not read until its requests are answered', async t => {
  let held: (() => void)[] = []
  const upstream = await recordingUpstream(t, (_, response) => void held.push(() => response.end('ok')))
  const server = await runningServer(t, { upstream: upstream.url })
  const attacker = await conversation(server)
  const one = request('GET', '/fabrikam/x', right)
  let sent = 0
  const pour = () => {
    for (;;) {
      sent += 1
      if (!attacker.socket.write(one.repeat(100))) return
    }
  }
  attacker.socket.on('drain', pour)
  pour()
  await until(() => held.length === 1)
  // Until the kernel's buffers are full on both sides.
  let [before, same] = [0, 0]
  await until(() => {
    same = before === sent ? same + 1 : 0
    before = sent
    return same === 10 // a busy machine may look twice before anything has happened
  })
  t.equal(held.length, 1, 'one is under way')
  for (let answered = 1; answered <= 50; answered++) {
    const [release] = held
    held = []
    release?.()
    await until(() => held.length === 1)
  }
  t.ok(sent - before < 100, `50 answers let in ${sent - before} more batches of 100`)
  attacker.socket.off('drain', pour)
  attacker.socket.destroy()
})

t.test('a body in one-byte chunks is read to its end, allowed or refused', async t => {
  const upstream = await recordingUpstream(t)
  const { certFile, keyFile } = await makeCertificate(temporaryDirectory(t))
  const tls = { cert: readFileSync(certFile, 'utf8'), key: readFileSync(keyFile, 'utf8') }
  const chunks = '1\r\nx\r\n'.repeat(10_000)
  for (const line of [right, wrong])
    for (const secure of [false, true]) {
      const server = await runningServer(t, { upstream: upstream.url, ...(secure && { tls }) })
      const { socket, answers } = await conversation({ port: server.port, tls: secure })
      socket.write(request('POST', '/fabrikam/x', line, 'Transfer-Encoding: chunked'))
      socket.write(`${chunks}0\r\n\r\n${request('GET', '/fabrikam/x', right)}`)
      await until(() => answers() === 2)
      socket.destroy()
      t.strictSame(server.bugs, [])
    }
})

t.test('after many body chunks, a connection is not read until the next turn', async t => {
  const upstream = await recordingUpstream(t)
  const { app, port } = await runningServer(t, { upstream: upstream.url })
  const accepted = once(app.server, 'connection')
  const { socket, answers } = await conversation({ port })
  const [its] = (await accepted) as [Socket] // what 'connection' gives
  for (let piece = 0; piece < 1000; piece++) pieceCame(its)
  t.equal(its.isPaused(), true)
  its.resume()
  await new Promise(resolve => process.nextTick(resolve))
  t.equal(its.isPaused(), true, 'whatever Node does when a body is read')
  socket.write(request('GET', '/fabrikam/x', right))
  await until(() => answers() === 1)
  socket.destroy()
})

t.test('an idle connection keeps nothing of its last request', async t => {
  const upstream = await recordingUpstream(t)
  const { app, port } = await runningServer(t, { upstream: upstream.url })
  const kept: WeakRef<IncomingMessage | ServerResponse>[] = []
  const accepted: Socket[] = []
  app.server.on('connection', (socket: Socket) => void accepted.push(socket))
  app.server.on('request', (...both: [IncomingMessage, ServerResponse]) => {
    for (const each of both) kept.push(new WeakRef(each))
  })
  for (const [name, bytes, answers, later = ''] of [
    ['allowed', request('GET', '/fabrikam/x', right), 1],
    ['HEAD', request('HEAD', '/fabrikam/x', right), 1],
    ['with a body', `${request('POST', '/fabrikam/x', right, 'Content-Length: 2')}ab`, 1],
    ['anonymous', request('GET', '/fabrikam/x'), 1],
    ['refused', request('GET', '/fabrikam/x', wrong), 1],
    ['pipelined', request('GET', '/fabrikam/x', right).repeat(3), 3],
    ['to the page', request('GET', '/_altgate/'), 1],
    [
      'refused, with a body that comes later',
      request('POST', '/fabrikam/x', wrong, 'Content-Length: 2'),
      1,
      'ab',
    ],
  ] as const) {
    kept.length = 0
    const client = await conversation({ port })
    client.socket.write(bytes)
    await until(() => client.answers() === answers)
    client.socket.write(later)
    await until(() => {
      // As the regular look at all connections does.
      if (later !== '')
        for (const socket of accepted) conversations.get(socket)?.overdue(0, forever, true, () => 0)
      collect()
      return kept.every(each => each.deref() === undefined)
    }, 20)
    t.equal(kept.length, 2 * answers, name)
    t.notOk(client.socket.destroyed, 'and is still open')
    client.socket.destroy()
  }
})
