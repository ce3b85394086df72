import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { connect } from 'node:net'
import type { FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import { Connections, unbounded } from '../../src/server/connections.ts'
import { makeCertificate } from '../support/certificate.ts'
import { temporaryDirectory } from '../support/directory.ts'
import { basic, runningServer } from '../support/public-server.ts'
import { rawConnection } from '../support/raw-request.ts'
import { recordingUpstream, type Respond } from '../support/recording-upstream.ts'
import { until } from '../support/until.ts'

const right = `Host: git.example.com\r\nAuthorization: ${basic()}\r\n`

/** A server that waits a second for progress, and two for heads. */
async function impatient(
  t: Test,
  respond?: Respond,
  options: Partial<Parameters<typeof runningServer>[1]> = {},
  progressSeconds = 1,
) {
  const upstream = await recordingUpstream(t, respond)
  const closed: string[] = []
  const connections = new Connections({
    ...unbounded,
    limits: { ...unbounded.limits, progressSeconds, headSeconds: 2, idleSeconds: 1 },
    observer: { closed: why => void closed.push(why) },
  })
  const server = await runningServer(t, { upstream: upstream.url, connections, ...options })
  return { ...server, upstream, closed }
}

/** Seconds. Long enough for a busy machine, where the process of both ends may get nothing for a second. */
const patient = 3

/** A page that takes a form. */
async function formPage(app: FastifyInstance): Promise<void> {
  app.addContentTypeParser('*', { parseAs: 'string' }, (_request, body, done) => done(null, body))
  app.post('/x', async () => 'ok')
}

const late = /^HTTP\/1\.1 400 Bad Request\r\n[^]*X-Altgate-Outcome: unclear-target[^]*did not arrive in time/

t.test('a stalled upload ends, for both sides', async t => {
  const server = await impatient(t)
  for (const [name, head, part] of [
    ['with a length', 'Content-Length: 1000', 'x'],
    ['in chunks', 'Transfer-Encoding: chunked', '1\r\nx\r\n'],
    ['of which nothing comes', 'Content-Length: 1000', ''],
    ['in the middle of a chunk', 'Transfer-Encoding: chunked', '5\r\nx'],
  ] as const)
    await t.test(name, async t => {
      const connection = await rawConnection(server.port)
      connection.send(`POST /fabrikam/x HTTP/1.1\r\n${right}${head}\r\n\r\n${part}`)
      t.match(await connection.closed(), late)
      await until(() => server.upstream.open() === 0)
      connection.socket.destroy()
    })
  t.strictSame(new Set(server.closed), new Set(['late-body']))
  t.strictSame(server.bugs, [])
})

t.test('an upload that stalls after the answer has begun is cut off', async t => {
  const server = await impatient(t, (_, response) => void response.write('begun'))
  const connection = await rawConnection(server.port)
  connection.send(`POST /fabrikam/x HTTP/1.1\r\n${right}Content-Length: 1000\r\n\r\nx`)
  t.match(await connection.closed(), /^HTTP\/1\.1 200 OK[^]*begun/)
  connection.socket.destroy()
})

t.test('a stalled body for the page ends', async t => {
  const server = await impatient(t, undefined, { selfService: formPage })
  const connection = await rawConnection(server.port)
  connection.send(
    `POST /_altgate/x HTTP/1.1\r\nHost: x\r\nContent-Type: text/x\r\nContent-Length: 1000\r\n\r\nx`,
  )
  t.match(await connection.closed(), late)
  t.strictSame(server.bugs, [])
})

t.test('a body for the page that arrives byte by byte ends, too: it needs no password', async t => {
  const server = await impatient(t, undefined, { selfService: formPage })
  for (const [framing, part] of [
    ['Content-Length: 1000', 'x'],
    ['Transfer-Encoding: chunked', '1\r\nx\r\n'],
    ['Transfer-Encoding: chunked', '1;'],
  ] as const) {
    const connection = await rawConnection(server.port)
    connection.send(`POST /_altgate/x HTTP/1.1\r\nHost: x\r\nContent-Type: text/x\r\n${framing}\r\n\r\n`)
    const drip = setInterval(() => connection.send(part), 100)
    t.teardown(() => clearInterval(drip))
    t.match(await connection.closed(), late, framing)
    clearInterval(drip)
  }
  t.strictSame(server.bugs, [])
})

t.test('consecutive requests on one connection, each in time, may continue without limit', async t => {
  const server = await impatient(t, undefined, { selfService: formPage }, patient)
  const connection = await rawConnection(server.port)
  const form = 'POST /_altgate/x HTTP/1.1\r\nHost: x\r\nContent-Type: text/x\r\nContent-Length: 4\r\n'
  for (let sent = 0; sent < 6; sent++) {
    connection.send(`${form}${sent === 5 ? 'Connection: close\r\n' : ''}\r\nxx`)
    await pause(600)
    connection.send('xx')
  }
  t.equal((await connection.closed()).match(/HTTP\/1\.1 200 OK/g)?.length, 6)
  t.strictSame(server.bugs, [])
})

t.test('a refused body that never comes does not keep its connection', async t => {
  const server = await impatient(t)
  const connection = await rawConnection(server.port)
  connection.send('POST /fabrikam/x HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nx')
  t.match(await connection.closed(), /^HTTP\/1\.1 401 /)
})

t.test('a slow upload may take any time', async t => {
  const server = await impatient(t, undefined, {}, patient)
  const connection = await rawConnection(server.port)
  connection.send(`POST /fabrikam/x HTTP/1.1\r\n${right}Content-Length: 10\r\nConnection: close\r\n\r\n`)
  for (let sent = 0; sent < 10; sent++) {
    connection.send('x')
    await until(() => server.upstream.requests[0]?.body.length === sent + 1, 5, 20)
    await pause(400)
  }
  t.match(await connection.closed(), /^HTTP\/1\.1 200 OK/)
  t.strictSame(server.closed, [])
})

t.test('a slow upstream is not the client’s fault', async t => {
  let answer = () => {}
  const server = await impatient(t, (request, response) => {
    request.pause() // and what is sent fills all buffers on the way
    answer = () => request.resume().on('end', () => response.end('ok'))
  })
  const connection = await rawConnection(server.port)
  connection.send(
    `POST /fabrikam/x HTTP/1.1\r\n${right}Content-Length: 20000000\r\nConnection: close\r\n\r\n`,
  )
  connection.socket.write(Buffer.alloc(20_000_000))
  await until(() => server.upstream.requests.length === 1)
  await pause(2500)
  answer()
  t.match(await connection.closed(), /^HTTP\/1\.1 200 OK/)
  t.strictSame(server.closed, [])
})

t.test('a client that does not read its answer is disconnected, and the upstream released', async t => {
  const server = await impatient(t, (_, response) => response.end(randomBytes(20_000_000)))
  const connection = await rawConnection(server.port)
  connection.socket.pause()
  connection.send(`GET /fabrikam/x HTTP/1.1\r\n${right}\r\n`)
  await until(() => server.closed.length > 0)
  t.strictSame(server.closed, ['late-reader'])
  await until(() => server.upstream.open() === 0)
  connection.socket.destroy()
})

t.test('a client that reads slowly gets the whole answer', async t => {
  const size = 12_000_000
  const server = await impatient(t, (_, response) => response.end(Buffer.alloc(size)), {}, patient)
  const socket = connect({ port: server.port, host: '127.0.0.1' })
  socket.write(`GET /fabrikam/x HTTP/1.1\r\n${right}Connection: close\r\n\r\n`)
  let got = 0
  const began = performance.now()
  // At first less per second than the free space at which the kernel accepts more, however late the timers are.
  const bytesPerMs = 400
  socket.on('data', (chunk: Buffer) => {
    got += chunk.length
    const wait = began + Math.min(got, 3_000_000) / bytesPerMs - performance.now()
    if (wait <= 0) return
    socket.pause()
    setTimeout(() => socket.resume(), wait)
  })
  await once(socket, 'close')
  t.ok(got > size, `${got} bytes`)
  t.strictSame(server.closed, [])
})

t.test('a missing or incomplete head ends the connection', async t => {
  const server = await impatient(t)
  for (const part of ['', 'GET /fabrikam/x HT', `GET /fabrikam/x HTTP/1.1\r\n${right}`]) {
    const connection = await rawConnection(server.port)
    connection.send(part)
    await connection.closed()
    connection.socket.destroy()
  }
  t.pass('each was closed')
})

t.test('an unfinished TLS handshake ends, and so does a stalled upload over TLS', async t => {
  const { certFile, keyFile } = await makeCertificate(temporaryDirectory(t))
  const tls = { cert: readFileSync(certFile, 'utf8'), key: readFileSync(keyFile, 'utf8') }
  const server = await impatient(t, undefined, { tls })
  for (const part of ['', '\x16\x03\x01']) {
    const connection = await rawConnection(server.port)
    connection.send(part)
    await connection.closed()
    connection.socket.destroy()
  }
  const { connect: connectTls } = await import('node:tls')
  const secure = connectTls({ port: server.port, host: '127.0.0.1', rejectUnauthorized: false })
  secure.write(`POST /fabrikam/x HTTP/1.1\r\n${right}Content-Length: 1000\r\n\r\nx`)
  let text = ''
  secure.on('data', chunk => (text += chunk)).on('error', () => {})
  await once(secure, 'close')
  t.match(text, late)
  t.strictSame(server.closed, ['late-body'])
})

/** In real time: a second without progress is detected, and half a second is not. */
function pause(milliseconds: number): Promise<void> {
  return new Promise(resolve => void setTimeout(resolve, milliseconds))
}
