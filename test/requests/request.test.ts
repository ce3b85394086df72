import t from 'tap'
import { basic, runningServer } from '../support/public-server.ts'
import { rawConnection, rawRequest } from '../support/raw-request.ts'
import { recordingUpstream } from '../support/recording-upstream.ts'

// Request smuggling (CVE-2022-32213 and related, CVE-2023-30589, CVE-2024-27982, CVE-2025-23167): bytes that are one request
// to us and two to the upstream. Each must be answered 400 on a closed connection, and the upstream sees nothing.

const upstream = await recordingUpstream(t)
const server = await runningServer(t, { upstream: upstream.url })

const smuggled = 'GET /fabrikam/smuggled HTTP/1.1\r\nHost: x\r\n\r\n'
const start = `POST /fabrikam/x HTTP/1.1\r\nHost: x\r\nAuthorization: ${basic()}\r\n`

const corpus: Readonly<Record<string, string>> = {
  'a length and chunks': `${start}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${smuggled}`,
  'chunks and a length': `${start}Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n${smuggled}`,
  'two lengths': `${start}Content-Length: 0\r\nContent-Length: 44\r\n\r\n${smuggled}`,
  'two equal lengths': `${start}Content-Length: 2\r\nContent-Length: 2\r\n\r\nhi`,
  'a list of lengths': `${start}Content-Length: 2, 2\r\n\r\nhi`,
  'a signed length': `${start}Content-Length: +2\r\n\r\nhi`,
  'a length in hexadecimal': `${start}Content-Length: 0x2\r\n\r\nhi`,
  'a negative length': `${start}Content-Length: -1\r\n\r\n`,
  'an empty length': `${start}Content-Length: \r\n\r\n`,
  'chunks that are not the last coding': `${start}Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n`,
  'another coding': `${start}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n`,
  'chunked twice': `${start}Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n`,
  'a blank before the colon': `${start}Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n`,
  'a blank before a name': `${start} Content-Length: 2\r\n\r\nhi`,
  'a folded header': `${start}X-Folded: one\r\n two\r\nContent-Length: 0\r\n\r\n`,
  'bare line feeds': `${start.replaceAll('\r\n', '\n')}Content-Length: 0\n\n`,
  'a bare carriage return in the head': `${start}X: a\rTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
  'a head that ends in \\r\\n\\rX': `${start}Content-Length: 0\r\n\rX${smuggled}`,
  'a header without a name': `${start}: empty\r\n\r\n`,
  'a NUL in a value': `${start}X: a\0b\r\n\r\n`,
  'a name with a blank': `${start}X Y: 1\r\n\r\n`,
  'no version': 'GET /fabrikam/x\r\n\r\n',
  'a TLS handshake': '\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03',
  'two hosts': start.replace('Host: x\r\n', 'Host: x\r\nHost: y\r\n') + 'Content-Length: 0\r\n\r\n',
  'no host': `GET /fabrikam/x HTTP/1.1\r\nAuthorization: ${basic()}\r\nConnection: close\r\n\r\n`,
  'endless headers': `${start}X: ${'x'.repeat(40_000)}\r\n\r\n`,
}

for (const [what, bytes] of Object.entries(corpus)) {
  const status = what === 'endless headers' ? '431 Request Header Fields Too Large' : '400 Bad Request'
  t.test(`${what}: refused, closed, and nothing goes upstream`, async t => {
    const before = upstream.requests.length
    const connection = await rawConnection(server.port)
    connection.send(bytes)
    const answer = await connection.until(/Reference: \w+\n/)
    t.match(answer, new RegExp(`^HTTP/1\\.1 ${status}\\r\\n`))
    t.match(answer, /\r\nX-Altgate-Outcome: unclear-target\r\n/)
    t.match(answer, /\r\nContent-Type: text\/plain; charset=utf-8\r\n/)
    t.match(answer, /\r\nCache-Control: no-store\r\n/)
    t.match(answer, /\r\nConnection: close\r\n/)
    await connection.closed()
    t.equal(upstream.requests.length, before, 'the upstream has seen nothing')
    t.notMatch(connection.received().slice(20), 'HTTP/1.1', 'one answer, not two')
  })
}

t.test('an invalid chunk ends the connection, and the upstream gets no complete request', async t => {
  let finished = false
  const upstream = await recordingUpstream(t, (request, response) => {
    request.on('end', () => {
      finished = true
      response.end('ok')
    })
  })
  const server = await runningServer(t, { upstream: upstream.url })
  await rawRequest(
    server.port,
    `${start}Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\nZZ\r\n0\r\n\r\n${smuggled}`,
  )
  t.notOk(finished)
  t.notOk(upstream.requests.some(({ url }) => url.includes('smuggled')))
})

t.test('a broken second request does not write into the answer to the first', async t => {
  let finish = () => {}
  const upstream = await recordingUpstream(t, (_, response) => {
    response.writeHead(200, { 'Content-Length': 4 }).write('ok')
    finish = () => response.end('ok')
  })
  const server = await runningServer(t, { upstream: upstream.url })
  const connection = await rawConnection(server.port)
  connection.send(`GET /fabrikam/x HTTP/1.1\r\nHost: x\r\nAuthorization: ${basic()}\r\n\r\n`)
  await connection.until(/ok$/)
  connection.send('\0\0\r\n\r\n')
  const answer = await connection.closed()
  finish()
  t.match(answer, /\r\n\r\nok$/, 'cut off, not mixed')
})

t.test('many chunk extensions cost nothing and are not forwarded', async t => {
  const extension = ';x'.repeat(4000)
  const answer = await rawRequest(
    server.port,
    `${start}Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n2${extension}\r\nhi\r\n0\r\n\r\n`,
  )
  t.match(answer, /^HTTP\/1\.1 200/)
  t.equal(upstream.last().body.toString(), 'hi')
  const endless = `${start}Transfer-Encoding: chunked\r\n\r\n2;${'x'.repeat(20_000)}\r\nhi\r\n0\r\n\r\n`
  t.match(await rawRequest(server.port, endless), /^(?:HTTP\/1\.1 400|$)/)
})
