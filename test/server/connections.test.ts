import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import t, { type Test } from 'tap'
import { type Closed, type ConnectionOptions, Connections, unbounded } from '../../src/server/connections.ts'
import { makeCertificate } from '../support/certificate.ts'
import { basic, runningServer } from '../support/public-server.ts'
import { recordingUpstream } from '../support/recording-upstream.ts'
import { until } from '../support/until.ts'

const get = `GET /fabrikam/x HTTP/1.1\r\nHost: git.example.com\r\nAuthorization: ${basic()}\r\n\r\n`

/** A server with these limits, in front of an upstream that answers when it is told to. */
async function bounded(
  t: Test,
  limits: Partial<ConnectionOptions['limits']>,
  options: Partial<ConnectionOptions> = {},
  more: Partial<Parameters<typeof runningServer>[1]> = {},
) {
  const held: (() => void)[] = []
  const upstream = await recordingUpstream(t, (_, response) => void held.push(() => response.end('ok')))
  const closed: [Closed, string][] = []
  const connections = new Connections({
    ...unbounded,
    limits: { ...unbounded.limits, ...limits },
    observer: { closed: (...each) => void closed.push(each) },
    ...options,
  })
  const { port } = await runningServer(t, { upstream: upstream.url, connections, ...more })
  const sockets: Socket[] = []
  t.teardown(() => sockets.forEach(socket => socket.destroy()))
  /** From an address of this machine; resolves when the server has it. */
  async function open(from = '127.0.0.1') {
    const before = connections.open + closed.length
    const socket = connect({ port, host: '127.0.0.1', localAddress: from })
    sockets.push(socket)
    let text = ''
    socket.on('data', (chunk: Buffer) => (text += chunk.toString('latin1'))).on('error', () => {})
    await once(socket, 'connect')
    await until(() => connections.open + closed.length > before)
    return {
      socket,
      text: () => text,
      /** With a request under way at the upstream. */
      async busy() {
        const before = held.length
        socket.write(get)
        await until(() => held.length > before)
      },
    }
  }
  return { open, held, closed, connections }
}

t.test('an address at its limit gets a new connection in place of its longest idle one', async t => {
  const { open, closed } = await bounded(t, { perAddress: 3 })
  const [first, second, third] = [await open(), await open(), await open()]
  await first.busy()
  const other = await open('127.0.0.2')
  const fourth = await open()
  await until(() => second.socket.closed)
  t.strictSame(closed, [['gave-way', '127.0.0.1']])
  for (const { socket } of [first, third, other, fourth]) t.notOk(socket.destroyed)
})

t.test(
  'if all connections of an address are busy, a further one is closed, and others are not affected',
  async t => {
    const { open, held, closed } = await bounded(t, { perAddress: 2 })
    const [first, second] = [await open(), await open()]
    await first.busy()
    await second.busy()
    const third = await open()
    await until(() => third.socket.closed)
    t.strictSame(closed, [['too-many-from-address', '127.0.0.1']])
    const other = await open('127.0.0.2')
    await other.busy()
    for (const answer of held) answer()
    for (const each of [first, second, other]) await until(() => /200 OK/.test(each.text()))
    const again = await open()
    await again.busy()
    t.notOk(again.socket.destroyed, 'with the work done there is room again')
  },
)

t.test('when all places are taken, the address with the most connections gives way', async t => {
  const { open, closed, connections } = await bounded(t, { total: 4 })
  const good = await open('127.0.0.2')
  const flood = [await open(), await open(), await open()]
  const another = await open('127.0.0.3')
  await until(() => flood[0]?.socket.closed === true)
  await open()
  await until(() => flood[1]?.socket.closed === true)
  t.strictSame(closed, [
    ['gave-way', '127.0.0.1'],
    ['gave-way', '127.0.0.1'],
  ])
  t.equal(connections.open, 4)
  for (const { socket } of [good, another]) t.notOk(socket.destroyed)
})

t.test(
  'requests that wait for an unknown client give way: a form that does not arrive, an answer that is not read',
  async t => {
    const ways = {
      'a form that does not come': 'POST /_altgate/form HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nx',
      'an answer that is not read': 'GET /_altgate/long HTTP/1.1\r\nHost: x\r\n\r\n',
    }
    for (const [what, bytes] of Object.entries(ways))
      await t.test(what, async t => {
        let begun = 0
        const { open, closed } = await bounded(
          t,
          { total: 4, perAddress: 2 },
          {},
          {
            async selfService(app) {
              app.addContentTypeParser('*', { parseAs: 'string' }, (_request, body, done) => done(null, body))
              app.addHook('onRequest', async () => void (begun += 1))
              app.post('/form', async () => 'ok')
              app.get('/long', async () => Buffer.alloc(30_000_000))
            },
          },
        )
        for (const from of ['127.0.0.2', '127.0.0.3'])
          for (const caller of [await open(from), await open(from)]) {
            caller.socket.pause()
            caller.socket.write(bytes)
          }
        await until(() => begun === 4)
        const good = await open()
        await good.busy()
        const neighbour = await open('127.0.0.3')
        await neighbour.busy()
        for (const each of [good, neighbour]) t.notOk(each.socket.destroyed)
        t.strictSame(
          closed.map(([why]) => why),
          ['gave-way', 'gave-way'],
        )
        const another = await open('127.0.0.4')
        await another.busy()
      })
  },
)

t.test('an upload with a right password does not give way, however slowly it comes', async t => {
  const { open, closed } = await bounded(t, { perAddress: 1 })
  const upload = await open()
  upload.socket.write(`POST ${get.slice(4).trimEnd()}\r\nExpect: 100-continue\r\nContent-Length: 9\r\n\r\n`)
  await until(() => upload.text().includes('100 Continue')) // it is allowed, and its body is waited for
  const { socket } = await open()
  await until(() => socket.closed)
  t.strictSame(closed, [['too-many-from-address', '127.0.0.1']])
  t.notOk(upload.socket.destroyed)
})

t.test('when all connections are busy, a further one is closed', async t => {
  const { open, closed } = await bounded(t, { total: 2 })
  for (const from of ['127.0.0.1', '127.0.0.2']) await (await open(from)).busy()
  const third = await open('127.0.0.3')
  await until(() => third.socket.closed)
  t.strictSame(closed, [['too-many', '127.0.0.3']])
})

t.test('a trusted proxy is not counted by address, and gives way last', async t => {
  const isProxy = (address: string) => address === '127.0.0.9'
  const { open, closed } = await bounded(t, { perAddress: 1, total: 4 }, { isProxy })
  const proxy = [await open('127.0.0.9'), await open('127.0.0.9'), await open('127.0.0.9')]
  const caller = await open()
  await open('127.0.0.2')
  await until(() => caller.socket.closed)
  t.strictSame(closed, [['gave-way', '127.0.0.1']])
  for (const { socket } of proxy) t.notOk(socket.destroyed)
})

t.test('an IPv6 network counts as one address', async t => {
  const networkOf = (address: string) => address.replace(/\.\d+$/, '')
  const { open, closed } = await bounded(t, { perAddress: 1 }, { networkOf })
  const first = await open('127.0.0.1')
  await open('127.0.0.2')
  await until(() => first.socket.closed)
  t.strictSame(closed, [['gave-way', '127.0.0']])
})

t.test('a TLS handshake that does not end counts as a connection, and has the time of a head', async t => {
  const files = await makeCertificate(t.testdir())
  const tls = { cert: readFileSync(files.certFile, 'utf8'), key: readFileSync(files.keyFile, 'utf8') }
  const { open, closed, connections } = await bounded(t, { headSeconds: 1, perAddress: 3 }, {}, { tls })
  const [silent, slow, half] = [await open(), await open(), await open()]
  const hello = Buffer.from('16030100c8010000c40303', 'hex') // the start of a ClientHello
  let sent = 0
  const drip = setInterval(() => void slow.socket.write(hello.subarray(sent++ % 11, (sent % 11) + 1)), 100)
  t.teardown(() => clearInterval(drip))
  half.socket.write(hello)
  const fourth = await open()
  await until(() => silent.socket.closed)
  t.strictSame(closed, [['gave-way', '127.0.0.1']], 'at the limit, the oldest one gives way')
  for (const { socket } of [slow, half, fourth]) await until(() => socket.closed)
  await until(() => connections.open === 0)
})
