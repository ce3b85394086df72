import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import t, { type Test } from 'tap'
import { closeGently, Connections, unbounded } from '../../src/server/connections.ts'
import { makeCertificate } from '../support/certificate.ts'
import { temporaryDirectory } from '../support/directory.ts'
import { until } from '../support/until.ts'

// What a port does with its connections when it closes, and when they are idle.

const size = 24_000_000
const ask = (path: string) => `GET ${path} HTTP/1.1\r\nHost: git.example.com\r\n\r\n`

/** A port, and connections to it. It answers `/big` with more than the kernel takes at once. */
async function openPort(t: Test, secure: boolean, limits: Partial<typeof unbounded.limits> = {}) {
  const { certFile, keyFile } = await makeCertificate(temporaryDirectory(t))
  const connections = new Connections({ ...unbounded, limits: { ...unbounded.limits, ...limits } })
  const handler = connections.inTurn((request, response) => {
    const body = request.url === '/big' ? Buffer.alloc(size) : 'ok'
    response.writeHead(200, { 'Content-Length': body.length }).end(body)
  })
  const tls = { cert: readFileSync(certFile), key: readFileSync(keyFile) }
  const server = (secure ? createTlsServer(tls, handler) : createServer(handler)) as Server // as in `port.ts`
  connections.watch(server)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close().closeAllConnections())
  return {
    server,
    connections,
    connection: async (): Promise<Socket> => {
      const where = { port: (server.address() as AddressInfo).port, host: '127.0.0.1' } // listening on TCP
      const socket = secure ? connectTls({ ...where, rejectUnauthorized: false }) : connect(where)
      t.teardown(() => socket.destroy())
      socket.on('error', () => {})
      await once(socket, secure ? 'secureConnect' : 'connect')
      return socket
    },
  }
}

for (const secure of [false, true]) {
  const scheme = secure ? 'https' : 'http'

  t.test(`${scheme}: a slow client gets all of its download from a port that closes`, async t => {
    const { server, connection } = await openPort(t, secure)
    const socket = await connection()
    socket.write(ask('/big'))
    const [head] = (await once(socket, 'data')) as [Buffer]
    let got = head.length - head.indexOf('\r\n\r\n') - 4
    socket.pause().on('data', (data: Buffer) => (got += data.length))
    // The answer has been handed over, and most of it is not sent: the client does not read.
    const closed = closeGently(server)
    await until(() => !server.listening)
    for (let sweep = 0; sweep < 3; sweep++) server.closeIdleConnections()
    socket.resume()
    await closed
    await until(() => socket.closed)
    t.equal(got, size)
  })

  t.test(`${scheme}: connections between two requests are closed, others when they are answered`, async t => {
    const { server, connection } = await openPort(t, secure)
    const [fresh, idle, asking] = [await connection(), await connection(), await connection()]
    for (const each of [idle, asking]) {
      each.write(ask('/'))
      await once(each, 'data')
    }
    // A line end too many begins no request (RFC 9112, 2.2).
    idle.write('\r\n')
    asking.write(ask('/').slice(0, 10))
    const behind = await connection()
    behind.write(ask('/') + ask('/').slice(0, 10))
    await once(behind, 'data')
    // What it has sent is there when the bytes of a connection that wrote later are.
    const later = await connection()
    later.write(ask('/'))
    await once(later, 'data')

    for (const each of [fresh, idle, later]) each.resume()
    await until(() => {
      server.closeIdleConnections()
      return [fresh, idle, later].every(each => each.closed)
    })
    for (const each of [asking, behind]) {
      each.write(ask('/').slice(10))
      const [answer] = (await once(each, 'data')) as [Buffer]
      t.match(answer.toString(), /^HTTP\/1\.1 200 /)
    }
  })

  t.test(
    `${scheme}: idle connections are closed after the announced time, and not those that go on asking`,
    async t => {
      const { connections, connection } = await openPort(t, secure, { idleSeconds: 1 })
      const [idle, busy] = [await connection(), await connection()]
      for (const each of [idle, busy]) each.write(ask('/'))
      const [answer] = (await once(idle, 'data')) as [Buffer]
      t.match(answer.toString(), /\r\nConnection: keep-alive\r\nKeep-Alive: timeout=1\r\n/)
      const begin = performance.now()
      const asking = setInterval(() => busy.write(ask('/')), 100)
      t.teardown(() => clearInterval(asking))
      idle.resume()
      busy.resume()
      await once(idle, 'close')
      t.ok(performance.now() - begin >= 1900, 'a second later, for requests on their way')
      await until(() => connections.open === 1)
      t.notOk(busy.closed)
    },
  )
}

t.test('a port that closes does not wait for the rest of a head, or of a body', async t => {
  const { server, connection } = await openPort(t, false, { headSeconds: 0.1, progressSeconds: 0.1 })
  const [head, body] = [await connection(), await connection()]
  head.write(ask('/').slice(0, 10))
  body.write('POST / HTTP/1.1\r\nHost: git.example.com\r\nContent-Length: 5\r\n\r\n')
  for (const each of [head, body]) each.resume()
  await closeGently(server)
  await until(() => head.closed && body.closed)
  t.pass('it has closed')
})

t.test('what a client expects is ignored, as on every port', async t => {
  const { connection } = await openPort(t, false)
  const socket = await connection()
  socket.write(ask('/').replace('Host:', 'Expect: something\r\nHost:'))
  const [answer] = (await once(socket, 'data')) as [Buffer]
  t.match(answer.toString(), /^HTTP\/1\.1 200 /)
})
