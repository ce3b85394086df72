import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer as createHttpsServer } from 'node:https'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { temporaryDirectory } from '../support/directory.ts'
import { freePort } from '../support/ports.ts'
import { bareServer } from '../support/bare-server.ts'
import { basic, runningServer, type RunningServer } from '../support/public-server.ts'
import { rawConnection } from '../support/raw-request.ts'
import { recordingUpstream } from '../support/recording-upstream.ts'
import { reset } from '../support/reset.ts'

const authorization = basic()

async function failsWith(
  t: Test,
  server: RunningServer,
  because: string,
  { status = 502, method = 'GET' } = {},
): Promise<void> {
  const body = method === 'POST' ? { body: 'hello' } : {}
  const answer = await fetch(`${server.url}/fabrikam/x`, { method, headers: { authorization }, ...body })
  const text = await answer.text()
  t.equal(answer.status, status)
  t.equal(answer.headers.get('x-altgate-outcome'), 'upstream-failed')
  t.equal(answer.headers.get('content-type'), 'text/plain; charset=utf-8')
  t.match(text, `Reference: ${answer.headers.get('x-request-id')}\n`)
  t.notMatch(text, /127\.0\.0\.1|ECONN|UND_ERR|localhost|invalid/, 'no details')
  t.equal(server.failures.at(-1)?.because, because)
}

t.test('an unreachable upstream is a 502', async t => {
  const server = await runningServer(t, { upstream: `http://127.0.0.1:${await freePort()}` })
  await failsWith(t, server, 'refused')
  await failsWith(t, server, 'refused', { method: 'POST' })
  t.match(server.failures[0]?.cause, { code: 'ECONNREFUSED' }, 'the operator hears the reason')
})

t.test('an unknown host is a 502', async t => {
  await failsWith(t, await runningServer(t, { upstream: 'http://upstream.invalid' }), 'refused')
})

t.test('an account whose upstream is not a URL is a 502', async t => {
  await failsWith(t, await runningServer(t, { upstream: 'file:///etc/passwd' }), 'bad-address')
})

t.test('an upstream that disconnects without an answer is a 502, after one try', async t => {
  for (const method of ['GET', 'POST']) {
    const upstream = await bareServer(t, socket => socket.once('data', () => reset(socket)))
    await failsWith(t, await runningServer(t, { upstream: upstream.url }), 'dropped', { method })
    t.equal(upstream.calls(), 1, 'no retry')
  }
})

t.test('a 503 of the upstream is passed on without a retry', async t => {
  const upstream = await recordingUpstream(t, (_, response) =>
    response.writeHead(503, { 'Retry-After': '1' }).end('later'),
  )
  const server = await runningServer(t, { upstream: upstream.url })
  const answer = await fetch(`${server.url}/fabrikam/x`, { headers: { authorization } })
  t.equal(answer.status, 503)
  t.equal(await answer.text(), 'later')
  t.equal(upstream.requests.length, 1)
})

t.test('an answer that is not HTTP is a 502', async t => {
  for (const answer of [
    'SSH-2.0-OpenSSH_9.2\r\n',
    'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n',
    'HTTP/1.1 200 OK\r\nContent-Length: +1\r\n\r\n',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2 \r\n',
    `HTTP/1.1 200 OK\r\nX: ${'x'.repeat(100_000)}\r\n\r\n`,
  ]) {
    const upstream = await bareServer(t, socket => socket.once('data', () => socket.end(answer)))
    await failsWith(t, await runningServer(t, { upstream: upstream.url }), 'bad-answer')
  }
})

t.test('an upstream that switches protocols unsolicited is a 502', async t => {
  const upstream = await bareServer(t, socket =>
    socket.once('data', () =>
      socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n'),
    ),
  )
  const server = await runningServer(t, { upstream: upstream.url })
  const client = await rawConnection(server.port)
  client.send(
    `GET /fabrikam/x HTTP/1.1\r\nHost: h\r\nAuthorization: ${authorization}\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n`,
  )
  t.match(await client.until(/Reference/), /^HTTP\/1\.1 502/)
  client.socket.destroy()
})

t.test('an unsolicited answer does not go to the next client', async t => {
  // CVE-2026-6733: the second answer waits on an idle connection for the next client.
  const upstream = await bareServer(t, socket =>
    socket.on('data', () => {
      const one = (text: string) => `HTTP/1.1 200 OK\r\nContent-Length: ${text.length}\r\n\r\n${text}`
      socket.write(one('first') + one('stolen'))
    }),
  )
  const server = await runningServer(t, { upstream: upstream.url })
  for (let n = 0; n < 5; n++) {
    const answer = await fetch(`${server.url}/fabrikam/x`, { headers: { authorization } })
    t.not(await answer.text(), 'stolen')
  }
})

t.test('an upstream that thinks for too long is a 504', async t => {
  const upstream = await recordingUpstream(t, () => {})
  const server = await runningServer(t, { upstream: upstream.url, patience: { headersTimeoutSeconds: 1 } })
  await failsWith(t, server, 'timeout', { status: 504 })
  await failsWith(t, server, 'timeout', { status: 504, method: 'POST' })
})

t.test('what is allowed to take long does: the clock starts when the upload has ended', async t => {
  const upstream = await recordingUpstream(t)
  const server = await runningServer(t, { upstream: upstream.url, patience: { headersTimeoutSeconds: 1 } })
  const client = await rawConnection(server.port)
  client.send(
    `POST /fabrikam/x HTTP/1.1\r\nHost: h\r\nAuthorization: ${authorization}\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n`,
  )
  // Three times a piece, each after most of the time that an answer may take.
  for (let n = 0; n < 3; n++) {
    await new Promise(resolve => setTimeout(resolve, 700))
    client.send('4\r\n0000\r\n')
  }
  client.send('0\r\n\r\n')
  t.match(await client.closed(), /^HTTP\/1\.1 200/)
})

t.test('an upstream that stops in the middle of its answer is cut off, and so is the client', async t => {
  const upstream = await recordingUpstream(t, (_, response) => void response.write('half'))
  const server = await runningServer(t, { upstream: upstream.url, patience: { idleTimeoutSeconds: 1 } })
  const answer = await fetch(`${server.url}/fabrikam/x`, { headers: { authorization } })
  await t.rejects(answer.text())
  t.equal(server.failures.at(-1)?.because, 'timeout')
})

t.test('the client reads why, though its upload was under way', async t => {
  const server = await runningServer(t, { upstream: `http://127.0.0.1:${await freePort()}` })
  const client = await rawConnection(server.port)
  client.send(
    `POST /fabrikam/x HTTP/1.1\r\nHost: h\r\nAuthorization: ${authorization}\r\nContent-Length: 300000\r\n\r\n`,
  )
  client.send('x'.repeat(100_000))
  t.match(await client.until(/Reference: \w+\n/), /^HTTP\/1\.1 502[^]*\r\nConnection: keep-alive\r\n/)
  client.send('x'.repeat(200_000))
  client.send('GET /_altgate/none HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n')
  t.match(await client.closed(), /HTTP\/1\.1 404 /, 'and asks on the same connection')
})

t.test('how long upstreams take is told in seconds, once per answer', async t => {
  const upstream = await recordingUpstream(t)
  const server = await runningServer(t, { upstream: upstream.url })
  await (await fetch(`${server.url}/fabrikam/x`, { headers: { authorization } })).text()
  t.equal(server.answered.length, 1)
  t.ok((server.answered[0] ?? -1) >= 0 && (server.answered[0] ?? 9) < 5)
})

/** A self-signed certificate for `name`. */
function certificate(t: Test, name: string): { cert: string; key: string } {
  const directory = temporaryDirectory(t)
  const cert = join(directory, 'cert.pem')
  const key = join(directory, 'key.pem')
  const request = 'req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2'.split(' ')
  const names = ['-subj', `/CN=${name}`, '-addext', `subjectAltName=${name}`]
  execFileSync('openssl', [...request, ...names, '-keyout', key, '-out', cert], { stdio: 'ignore' })
  return { cert: readFileSync(cert, 'utf8'), key: readFileSync(key, 'utf8') }
}

async function tlsUpstream(t: Test, tls: { cert: string; key: string }) {
  let requests = 0
  const upstream = createHttpsServer(tls, (_, response) => {
    requests++
    response.end('ok')
  }).listen(0, '127.0.0.1')
  await once(upstream, 'listening')
  t.teardown(() => {
    upstream.close()
    upstream.closeAllConnections()
  })
  const address = upstream.address()
  if (address === null || typeof address === 'string') throw new Error('not listening on TCP')
  return { url: `https://127.0.0.1:${address.port}`, requests: () => requests }
}

t.test('an upstream with an untrusted certificate gets no request', async t => {
  // CVE-2026-107318: the proxy's own client did not look.
  const upstream = await tlsUpstream(t, certificate(t, 'IP:127.0.0.1'))
  await failsWith(t, await runningServer(t, { upstream: upstream.url }), 'certificate')
  t.equal(upstream.requests(), 0)
})

t.test('an upstream with the certificate of another host gets no request', async t => {
  const tls = certificate(t, 'DNS:elsewhere.example.com')
  const upstream = await tlsUpstream(t, tls)
  const server = await runningServer(t, { upstream: upstream.url, patience: { ca: tls.cert } })
  await failsWith(t, server, 'certificate')
  t.equal(upstream.requests(), 0)
})

t.test('a certificate that the settings vouch for is good', async t => {
  const tls = certificate(t, 'IP:127.0.0.1')
  const upstream = await tlsUpstream(t, tls)
  const server = await runningServer(t, { upstream: upstream.url, patience: { ca: tls.cert } })
  const answer = await fetch(`${server.url}/fabrikam/x`, { headers: { authorization } })
  t.equal(await answer.text(), 'ok')
})
