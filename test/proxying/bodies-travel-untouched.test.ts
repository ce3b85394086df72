import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { request as httpRequest, type IncomingMessage, METHODS } from 'node:http'
import { Readable } from 'node:stream'
import { gzipSync } from 'node:zlib'
import t from 'tap'
import { basic, runningServer } from '../support/public-server.ts'
import { rawConnection, rawRequest } from '../support/raw-request.ts'
import { recordingUpstream } from '../support/recording-upstream.ts'
import { until } from '../support/until.ts'

const upstream = await recordingUpstream(t)
const server = await runningServer(t, { upstream: upstream.url })
const authorization = basic()
const head = (method: string, ...lines: readonly string[]) =>
  [`${method} /fabrikam/x HTTP/1.1`, 'Host: h', `Authorization: ${authorization}`, ...lines, '', ''].join(
    '\r\n',
  )

t.test('5 MiB of random bytes declared as text arrive unchanged', async t => {
  const body = randomBytes(5 * 1024 * 1024)
  const answer = await fetch(`${server.url}/fabrikam/x`, {
    method: 'POST',
    headers: { authorization, 'content-type': 'text/plain; charset=utf-8' },
    body,
  })
  t.equal(await answer.text(), 'ok')
  t.ok(upstream.last().body.equals(body))
  t.strictSame(upstream.last().values('content-length'), [String(body.length)])
  t.strictSame(upstream.last().values('content-type'), ['text/plain; charset=utf-8'])
})

t.test('a body without a length is forwarded in chunks while it arrives', async t => {
  const connection = await rawConnection(server.port)
  const before = upstream.requests.length
  connection.send(`${head('POST', 'Transfer-Encoding: chunked', 'Connection: close')}4\r\n0000\r\n`)
  await until(() => upstream.requests.length > before && upstream.last().body.length === 4)
  t.strictSame(upstream.last().values('transfer-encoding'), ['chunked'])
  t.strictSame(upstream.last().values('content-length'), [])
  connection.send('3\r\nabc\r\n0\r\n\r\n')
  t.match(await connection.closed(), /^HTTP\/1\.1 200/)
  t.equal(upstream.last().body.toString(), '0000abc')
})

t.test('every method of Node\u2019s parser is forwarded, with its body', async t => {
  for (const method of METHODS.filter(method => method !== 'TRACE' && method !== 'CONNECT')) {
    const answer = await rawRequest(
      server.port,
      `${head(method, 'Content-Length: 4', 'Connection: close')}body`,
    )
    t.match(answer, /^HTTP\/1\.1 200/, method)
    t.equal(upstream.last().method, method)
    t.equal(upstream.last().body.toString(), 'body', method)
    t.strictSame(upstream.last().values('content-length'), ['4'])
  }
})

t.test('TRACE, which would echo the password, is refused', async t => {
  const before = upstream.requests.length
  const answer = await rawRequest(server.port, head('TRACE', 'Connection: close'))
  t.match(answer, /^HTTP\/1\.1 403 Forbidden\r\n(?:.+\r\n)*X-Altgate-Outcome: not-allowed\r\n/)
  t.equal(upstream.requests.length, before)
})

t.test('a request without a body stays one without a body', async t => {
  for (const method of ['GET', 'DELETE', 'OPTIONS', 'PROPFIND', 'LOCK']) {
    await rawRequest(server.port, head(method, 'Connection: close'))
    t.strictSame(upstream.last().values('transfer-encoding'), [], method)
    t.ok(['', '0'].includes(upstream.last().values('content-length').join()), method)
  }
  await rawRequest(server.port, head('POST', 'Content-Length: 0', 'Connection: close'))
  t.strictSame(upstream.last().values('content-length'), ['0'])
})

t.test('a compressed body or an invalid media type is passed on', async t => {
  const body = gzipSync('0032want 0000')
  for (const type of ['application/x-git-upload-pack-request', 'gar bage', 'application/json', '']) {
    const answer = await fetch(`${server.url}/fabrikam/x`, {
      method: 'POST',
      headers: { authorization, 'content-encoding': 'gzip', 'content-type': type },
      body,
    })
    t.equal(answer.status, 200, type)
    await answer.text()
    t.ok(upstream.last().body.equals(body), type)
    t.strictSame(upstream.last().values('content-encoding'), ['gzip'])
    t.strictSame(upstream.last().values('content-type'), [type])
  }
})

t.test(
  'Expect: 100-continue is answered when the request is allowed and the upstream is connected',
  async t => {
    const connection = await rawConnection(server.port)
    connection.send(head('POST', 'Content-Length: 4', 'Expect: 100-continue', 'Connection: close'))
    t.match(await connection.until(/\r\n\r\n/), /^HTTP\/1\.1 100 Continue\r\n\r\n$/)
    connection.send('body')
    t.match(await connection.closed(), /\r\n\r\nHTTP\/1\.1 200 OK/)
    t.equal(upstream.last().body.toString(), 'body')
    t.strictSame(upstream.last().values('expect'), [])
  },
)

t.test('a client that expects 100 and is refused uploads nothing', async t => {
  const connection = await rawConnection(server.port)
  const lines = ['POST /fabrikam/x HTTP/1.1', 'Host: h', 'Content-Length: 4', 'Expect: 100-continue']
  connection.send(`${lines.join('\r\n')}\r\n\r\n`)
  const answer = await connection.until(/Reference/)
  t.match(answer, /^HTTP\/1\.1 401/)
  t.match(answer, /\r\nConnection: close\r\n/)
  connection.socket.destroy()
})

t.test('other expectations are not answered with 417', async t => {
  const answer = await rawRequest(
    server.port,
    `${head('POST', 'Content-Length: 4', 'Expect: something', 'Connection: close')}body`,
  )
  t.match(answer, /^HTTP\/1\.1 200/)
})

t.test('an answer arrives unchanged: headers in order, with repeats, and every byte', async t => {
  const body = randomBytes(300_000)
  const lines = [
    'Content-Type',
    'application/x-git-upload-pack-advertisement',
    'set-cookie',
    'a=1',
    'X-Bytes',
    '\xe9\xff',
    'Set-Cookie',
    'b=2',
    'Content-Encoding',
    'gzip',
    'ETag',
    '"x"',
    'Content-Length',
    String(body.length),
    'Date',
    'Mon, 23 Nov 2026 10:00:00 GMT',
  ]
  const upstream = await recordingUpstream(t, (_, response) =>
    response
      .writeHead(207, 'Some Status', [
        ...lines,
        'Connection',
        'X-Gone, close',
        'X-Gone',
        '1',
        'Keep-Alive',
        'timeout=3',
        'Upgrade',
        'h2c',
        'WWW-Authenticate',
        'NTLM',
        'X-Altgate-Outcome',
        'refused',
      ])
      .end(body),
  )
  const server = await runningServer(t, { upstream: upstream.url })
  const request = httpRequest(`${server.url}/fabrikam/x`, { headers: { authorization } }).end()
  const [answer] = (await once(request, 'response')) as [IncomingMessage]
  t.equal(answer.statusCode, 207)
  t.equal(answer.statusMessage, 'Some Status')
  t.strictSame(answer.rawHeaders.slice(0, lines.length), lines)
  t.strictSame(answer.rawHeaders.slice(lines.length), [
    'Connection',
    'keep-alive',
    'Keep-Alive',
    'timeout=72',
  ])
  t.ok(Buffer.concat(await answer.toArray()).equals(body))
})

t.test('HEAD, 204 and 304 have no body, and the connection stays open', async t => {
  const upstream = await recordingUpstream(t, (request, response) => {
    const status = request.method === 'HEAD' ? 200 : Number(request.url?.slice(-3))
    response.writeHead(status, status === 200 ? { 'Content-Length': '1234' } : {}).end()
  })
  const server = await runningServer(t, { upstream: upstream.url })
  const connection = await rawConnection(server.port)
  connection.send(head('HEAD'))
  const answer = await connection.until(/\r\n\r\n/)
  t.match(answer, /^HTTP\/1\.1 200 OK\r\n(?:.+\r\n)*Content-Length: 1234\r\n/)
  t.match(answer, /\r\nConnection: keep-alive\r\n/, 'what undici says to the upstream stays there')
  connection.send(head('GET').replace('/fabrikam/x', '/fabrikam/204'))
  await connection.until(/HTTP\/1\.1 204 No Content\r\n(?:.+\r\n)*\r\n$/)
  connection.send(head('GET', 'Connection: close').replace('/fabrikam/x', '/fabrikam/304'))
  t.match(await connection.closed(), /HTTP\/1\.1 304 Not Modified\r\n(?:.+\r\n)*\r\n$/)
})

t.test('an answer without a length is streamed in chunks', async t => {
  let write: (text: string) => void = () => {}
  let end = () => {}
  const upstream = await recordingUpstream(t, (_, response) => {
    response.write('first')
    write = text => void response.write(text)
    end = () => response.end()
  })
  const server = await runningServer(t, { upstream: upstream.url })
  const connection = await rawConnection(server.port)
  connection.send(head('GET', 'Connection: close'))
  t.match(await connection.until(/first/), /\r\nTransfer-Encoding: chunked\r\n/)
  write('second')
  await connection.until(/second/)
  end()
  t.match(await connection.closed(), /0\r\n\r\n$/)
})

t.test('an interim answer of the upstream is skipped', async t => {
  const upstream = await recordingUpstream(t, (_, response) => {
    response.writeEarlyHints({ link: '</x>; rel=preload' })
    response.writeProcessing()
    response.end('ok')
  })
  const server = await runningServer(t, { upstream: upstream.url })
  t.match(
    await rawRequest(server.port, head('GET', 'Connection: close')),
    /^HTTP\/1\.1 200 OK\r\n(?:.+\r\n)+\r\nok$/,
  )
})

t.test('64 MiB are uploaded and downloaded, and a slow reader pauses the whole chain', async t => {
  const pieces = 1024
  const upstream = await recordingUpstream(t, (request, response) => void request.pipe(response))
  const server = await runningServer(t, { upstream: upstream.url })
  const piece = randomBytes(64 * 1024)
  const sent = createHash('sha256')
  let pulled = 0
  const request = httpRequest(`${server.url}/fabrikam/x`, { method: 'PUT', headers: { authorization } })
  Readable.from(
    (function* () {
      for (; pulled < pieces; pulled++) {
        sent.update(piece)
        yield piece
      }
    })(),
  ).pipe(request)
  const [answer] = (await once(request, 'response')) as [IncomingMessage]
  // The answer is not read: once the buffers of the four connections are full, no side may take more.
  let same = 0
  let last = -1
  await until(() => {
    same = pulled === last ? same + 1 : 0
    last = pulled
    return same === 40
  })
  t.ok(pulled < pieces, `stopped after ${pulled} of ${pieces} pieces`)
  const got = createHash('sha256')
  for await (const chunk of answer) got.update(chunk as Buffer)
  t.equal(got.digest('hex'), sent.digest('hex'))
})

t.test('a head whose body is late is sent alone', async t => {
  // caddy 4247: a page that waits for events would wait for the first of them to learn that it may.
  const upstream = await recordingUpstream(t, (_, response) => {
    response.writeHead(200, { 'Content-Type': 'text/event-stream' }).flushHeaders()
  })
  const server = await runningServer(t, { upstream: upstream.url })
  const client = await rawConnection(server.port)
  client.send(`GET /fabrikam/x HTTP/1.1\r\nHost: h\r\nAuthorization: ${basic()}\r\n\r\n`)
  t.match(await client.until(/\r\n\r\n/), /^HTTP\/1\.1 200 OK\r\nContent-Type: text\/event-stream\r\n/)
  client.socket.destroy()
})
