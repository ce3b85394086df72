import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import type { ServerResponse } from 'node:http'
import { connect, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import t, { type Test } from 'tap'
import { makeCertificate } from '../support/certificate.ts'
import { temporaryDirectory } from '../support/directory.ts'
import { anna, basic, runningServer, type RunningServer } from '../support/public-server.ts'
import { rawRequest } from '../support/raw-request.ts'
import { recordingUpstream, type Respond } from '../support/recording-upstream.ts'
import { until } from '../support/until.ts'

// envoyproxy/envoy 2066, 17160: a client may send its request, then FIN, and wait for the answer (RFC 9112, 9.6).

const head = `Host: h\r\nAuthorization: ${basic()}\r\n`
const get = `GET /fabrikam/x HTTP/1.1\r\n${head}\r\n`

/** A server before an upstream whose answers the test makes. */
async function heldBack(t: Test, respond?: Respond) {
  const waiting: ServerResponse[] = []
  const upstream = await recordingUpstream(t, respond ?? ((_, response) => void waiting.push(response)))
  const server = await runningServer(t, { upstream: upstream.url })
  return { upstream, server, waiting }
}

/** What a socket receives, one character a byte. */
function reading(socket: Socket) {
  let text = ''
  let over = false
  socket
    .on('data', (chunk: Buffer) => (text += chunk.toString('latin1')))
    .on('error', () => {})
    .on('close', () => (over = true))
  return {
    until: (pattern: RegExp) => until(() => pattern.test(text)),
    async closed() {
      await until(() => over)
      return text
    },
  }
}

/** Sends the bytes, then FIN, and keeps reading. */
async function halfClosed(server: Pick<RunningServer, 'port'>, bytes: string) {
  const socket = connect({ port: server.port, host: '127.0.0.1', allowHalfOpen: true })
  const received = reading(socket)
  await once(socket, 'connect')
  socket.end(bytes)
  return received
}

t.test('the answer comes, however long the upstream takes, and then the connection ends', async t => {
  const { server, upstream, waiting } = await heldBack(t)
  const client = await halfClosed(server, get)
  // The interim answer is how the gateway finds out whether the client is still there.
  await client.until(/^HTTP\/1\.1 100 Continue\r\n\r\n$/)
  await until(() => upstream.requests.length === 1)
  waiting[0]?.end('hello')
  t.match(await client.closed(), /^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200 OK\r\n[^]*hello$/)
  t.strictSame(server.failures, [])
  t.strictSame(server.bugs, [])
})

t.test('a request line that cannot be read is told what is wrong with it, and is no refusal', async t => {
  const { server, upstream } = await heldBack(t)
  const unencoded = /: its URL is not percent-encoded\.\n/
  const unknown = /: its method is not known here\.\n/
  for (const [line, sentence] of [
    ['GET /fabrikam/\u00c3\u00a9.git/info/refs HTTP/1.1', unencoded], // UTF-8, as curl sends what is typed
    ['GET /fabrikam/\u00e9 HTTP/1.1', unencoded],
    ['GET /fabrikam/x?name=\u00c3\u00bc HTTP/1.1', unencoded],
    ['GET /fabrikam/x\u0001 HTTP/1.1', unencoded],
    ['GET /fabrikam/a b HTTP/1.1', unencoded],
    ['FOO /fabrikam/x HTTP/1.1', unknown],
    ['get /fabrikam/x HTTP/1.1', unknown],
    ['VERSION-CONTROL /fabrikam/x HTTP/1.1', unknown], // RFC 3253, 3.5
    ['G\u00c3\u0089T /fabrikam/x HTTP/1.1', unknown],
    ['GET /fabrikam/x HTTP/2.0', /: it is not valid HTTP\.\n/],
  ] as const) {
    const answer = await rawRequest(server.port, `${line}\r\n${head}\r\n`)
    t.match(answer, /^HTTP\/1\.1 400 Bad Request\r\n/, line)
    t.match(answer, sentence, line)
    t.match(answer, /\nReference: \w+\n$/, line)
    t.notMatch(answer, /WWW-Authenticate/i, line)
  }
  t.strictSame(upstream.requests, [])
})

t.test('an upload, a refusal, and several requests in a row are answered as well', async t => {
  const { server, upstream } = await heldBack(t, (request, response) => {
    request.resume().on('end', () => setImmediate(() => response.end(`${request.url} done`)))
  })
  const post = `POST /fabrikam/post HTTP/1.1\r\n${head}Content-Length: 5\r\n\r\nhello`
  const upload = await halfClosed(server, post)
  t.match(await upload.closed(), /HTTP\/1\.1 200 OK\r\n[^]*\/fabrikam\/post done/)
  t.equal(upstream.last().body.toString(), 'hello')
  const chunks = await halfClosed(
    server,
    post.replace(
      'Content-Length: 5\r\n\r\nhello',
      'Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n',
    ),
  )
  t.match(await chunks.closed(), /\/fabrikam\/post done/)
  const refused = await halfClosed(server, get.replace(basic(), basic({ ...anna, password: 'wrong' })))
  t.match(await refused.closed(), /HTTP\/1\.1 401 [^]*Reference: /)
  const three = await halfClosed(server, [1, 2, 3].map(at => get.replace('/x', `/${at}`)).join(''))
  t.match(await three.closed(), /\/fabrikam\/1 done[^]*\/fabrikam\/2 done[^]*\/fabrikam\/3 done/)
  t.strictSame(server.bugs, [])
})

t.test('HTTP/1.0 gets no interim answer, and its answer', async t => {
  const { server, upstream, waiting } = await heldBack(t)
  const client = await halfClosed(server, get.replace('HTTP/1.1', 'HTTP/1.0'))
  await until(() => upstream.requests.length === 1)
  waiting[0]?.end('hello')
  t.match(await client.closed(), /^HTTP\/1\.1 200 OK\r\n[^]*hello$/)
})

t.test('a download goes on after the client has closed its side in the middle of it', async t => {
  const { server, waiting } = await heldBack(t, (_, response) => {
    response.write('first')
    waiting.push(response)
  })
  const socket = connect({ port: server.port, host: '127.0.0.1', allowHalfOpen: true })
  const received = reading(socket)
  await once(socket, 'connect')
  socket.write(get)
  await received.until(/first/)
  socket.end()
  waiting[0]?.write('more')
  await received.until(/more/)
  waiting[0]?.end('last')
  t.match(await received.closed(), /first[^]*more[^]*last\r\n0\r\n\r\n$/)
})

t.test('the same over TLS', async t => {
  const { certFile, keyFile } = await makeCertificate(temporaryDirectory(t))
  const tls = { cert: readFileSync(certFile, 'utf8'), key: readFileSync(keyFile, 'utf8') }
  const waiting: ServerResponse[] = []
  const upstream = await recordingUpstream(t, (_, response) => void waiting.push(response))
  const server = await runningServer(t, { upstream: upstream.url, tls })
  // Node knows `allowHalfOpen` here, its types do not.
  const options = { port: server.port, host: '127.0.0.1', rejectUnauthorized: false, allowHalfOpen: true }
  const socket = connectTls(options)
  const received = reading(socket)
  await once(socket, 'secureConnect')
  socket.end(get)
  await received.until(/100 Continue/)
  await until(() => waiting.length === 1)
  waiting[0]?.end('hello')
  t.match(await received.closed(), /HTTP\/1\.1 200 OK\r\n[^]*hello/)

  const gone = connectTls({ port: server.port, host: '127.0.0.1', rejectUnauthorized: false })
  gone.on('error', () => {})
  await once(gone, 'secureConnect')
  gone.write(get)
  await until(() => waiting.length === 2)
  gone.destroy()
  await until(() => upstream.open() <= 1 && waiting[1]?.destroyed === true)
  t.strictSame(server.failures, [])
})

t.test('half a request is not a request, and an idle connection ends', async t => {
  const { server, upstream } = await heldBack(t)
  for (const bytes of [
    'GET /fabrikam/x HTTP/1.1\r\nHost:',
    `POST /fabrikam/x HTTP/1.1\r\n${head}Content-Length: 5\r\n\r\nhe`,
  ]) {
    const client = await halfClosed(server, bytes)
    t.notMatch(await client.closed(), /HTTP\/1\.1 200/)
  }
  await until(() => upstream.open() === 0)
  t.equal(await (await halfClosed(server, '')).closed(), '')
})
