import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import t, { type Test } from 'tap'
import { makeCertificate } from '../support/certificate.ts'
import { freePort } from '../support/ports.ts'
import { anna, basic, runningServer } from '../support/public-server.ts'
import { recordingUpstream } from '../support/recording-upstream.ts'
import { firstEvent } from '../support/first-event.ts'
import { until } from '../support/until.ts'
import { aWorld, entra, msa } from '../support/world.ts'

const mebibyte = 1024 * 1024
/** More than two kernels take of what nobody reads: some mebibytes. */
const size = 12 * mebibyte

/** Answers at once, and never reads a body. */
const early = await recordingUpstream(t, (_, response) => {
  response.writeHead(403, { 'Content-Type': 'text/plain' }).end('not this file')
})
const earlyInChunks = await recordingUpstream(t, (_, response) => {
  response.writeHead(403, { 'Content-Type': 'text/plain' }).write('not this ')
  response.end('file')
})
const silent = await recordingUpstream(
  t,
  request => void request.once('data', () => request.socket.destroy()),
)
const world = () =>
  aWorld({
    accounts: [
      { name: 'fabrikam', upstream: early.url },
      { name: 'chunks', upstream: earlyInChunks.url },
      { name: 'silent', upstream: silent.url },
      { name: 'dead', upstream: `http://127.0.0.1:${deadPort}` },
      {
        name: 'moved',
        connection: entra('Contoso'),
        former: { connection: msa, leftAt: 0 },
        upstream: early.url,
      },
    ],
    credentials: [anna, { username: 'off@example.com', password: 'correct', enabled: false }],
  })
const deadPort = await freePort()
const server = await runningServer(t, { upstream: early.url, world: world() })
const files = await makeCertificate(t.testdir())
const tls = { cert: readFileSync(files.certFile, 'utf8'), key: readFileSync(files.keyFile, 'utf8') }
const encrypted = await runningServer(t, { upstream: early.url, world: world(), tls })

/** Such a client writes the whole body before it reads a byte. */
async function writesAllFirst(socket: Socket, head: string, framing: 'length' | 'chunks', bytes = size) {
  let fault = ''
  socket.on('error', error => (fault = String(error)))
  socket.write(head)
  const block = Buffer.alloc(64 * 1024, 'x')
  const frame = framing === 'chunks' ? [Buffer.from('10000\r\n'), block, Buffer.from('\r\n')] : [block]
  const packet = Buffer.concat(frame)
  for (let sent = 0; sent < bytes && fault === '' && !socket.destroyed; sent += block.length)
    if (!socket.write(packet)) await firstEvent(socket, 'drain', 'close').catch(() => {})
  if (framing === 'chunks') socket.write('0\r\n\r\n')
  return fault
}

const headOf = (path: string, framing: 'length' | 'chunks', lines: readonly string[], version = '1.1') =>
  [
    `POST ${path} HTTP/${version}`,
    'Host: git.example.com',
    framing === 'chunks' ? 'Transfer-Encoding: chunked' : `Content-Length: ${size}`,
    ...lines,
    '',
    '',
  ].join('\r\n')

/** Collects what arrives from now on. */
function read(socket: Socket): { text(): string } {
  let text = ''
  socket.on('data', (chunk: Buffer) => (text += chunk.toString('latin1'))).resume()
  return { text: () => text }
}

async function readToEnd(socket: Socket): Promise<string> {
  const answer = read(socket)
  await until(() => socket.readableEnded || socket.closed)
  return answer.text()
}

/** Reads only on demand, and continues to write after the other side has ended. */
async function opened(
  t: Test,
  secure: boolean,
  port = secure ? encrypted.port : server.port,
  from = '127.0.0.1',
) {
  const to = { port, host: '127.0.0.1', localAddress: from, allowHalfOpen: true }
  const socket = secure ? connectTls({ ...to, ca: tls.cert }) : connect(to)
  socket.pause()
  t.teardown(() => socket.destroy())
  await once(socket, secure ? 'secureConnect' : 'connect')
  return socket
}

const off = basic({ username: 'off@example.com', password: 'correct' })
const wrong = basic({ username: anna.username, password: 'wrong' })
const ends = [
  ['challenge', '/fabrikam/upload.ashx', [], 401],
  ['refused', '/fabrikam/upload.ashx', [`Authorization: ${wrong}`], 401],
  ['garbled', '/fabrikam/upload.ashx', ['Authorization: Basic !!!'], 401],
  ['reset-needed', '/moved/upload.ashx', [`Authorization: ${basic()}`], 401],
  ['disabled', '/fabrikam/upload.ashx', [`Authorization: ${off}`], 403],
  ['no-account', '/nobody/upload.ashx', [`Authorization: ${basic()}`], 404],
  ['unclear-target', '/fabrikam/../upload.ashx', [], 400],
  ['upstream-failed', '/dead/upload.ashx', [`Authorization: ${basic()}`], 502],
  ['upstream-failed', '/silent/upload.ashx', [`Authorization: ${basic()}`], 502],
  [undefined, '/fabrikam/upload.ashx', [`Authorization: ${basic()}`], 403],
  [undefined, '/chunks/upload.ashx', [`Authorization: ${basic()}`], 403],
] as const

/** Alternates framing and transport, so that every combination is covered. */
for (const [at, [outcome, path, lines, status]] of ends.entries())
  for (const framing of ['length', 'chunks'] as const) {
    const secure = at % 3 === 0
    const what = `${path} ${outcome ?? 'answered early'}, ${framing}, ${secure ? 'TLS' : 'plain'}`
    t.test(
      `${what}: the body is written, then the answer is read, and the connection stays open`,
      async t => {
        const socket = await opened(t, secure)
        t.equal(await writesAllFirst(socket, headOf(path, framing, lines), framing), '')
        socket.write('GET /_altgate/none HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n')
        const answer = await readToEnd(socket)
        t.match(answer, new RegExp(`^HTTP/1\\.1 ${status} `))
        if (outcome !== undefined) t.match(answer, `X-Altgate-Outcome: ${outcome}\r\n`)
        else t.match(answer, /not this (?:\r\n4\r\n)?file/)
        t.match(answer, /HTTP\/1\.1 404 Not Found\r\n[^]*Reference: \w+\n$/, 'the next request is answered')
      },
    )

    t.test(
      `${what}, with close: the body is written, the answer is read, and the connection closes`,
      async t => {
        const socket = await opened(t, secure)
        t.equal(
          await writesAllFirst(socket, headOf(path, framing, [...lines, 'Connection: close']), framing),
          '',
        )
        // What follows is ignored.
        socket.write(`GET /fabrikam/after HTTP/1.1\r\nHost: h\r\nAuthorization: ${basic()}\r\n\r\n`)
        const answer = await readToEnd(socket)
        t.match(answer, new RegExp(`^HTTP/1\\.1 ${status} `))
        t.match(answer, /\r\nConnection: close\r\n/)
        t.equal(answer.match(/HTTP\/1\.1/g)?.length, 1)
        t.notOk(early.requests.some(({ url }) => url === '/fabrikam/after'))
        t.notOk(socket.errored, 'in good order')
      },
    )
  }

t.test('HTTP/1.0, as nginx speaks it to its upstreams', async t => {
  const socket = await opened(t, false)
  t.equal(await writesAllFirst(socket, headOf('/fabrikam/x', 'length', [], '1.0'), 'length'), '')
  t.match(await readToEnd(socket), /^HTTP\/1\.1 401 [^]*Reference: \w+\n$/)
  t.notOk(socket.errored)
})

for (const [flaw, head] of [
  ['a line that is no header', 'POST / HTTP/1.1\r\nHost: h\r\nno header\r\n\r\n'],
  ['two lengths', `POST / HTTP/1.1\r\nContent-Length: 3\r\nContent-Length: ${size}\r\n\r\n`],
  ['headers without end', `POST / HTTP/1.1\r\nX: ${'x'.repeat(40_000)}`],
] as const)
  for (const secure of [false, true])
    t.test(`${flaw}, ${secure ? 'TLS' : 'plain'}: the answer is read after the whole body`, async t => {
      const socket = await opened(t, secure)
      t.equal(await writesAllFirst(socket, head, 'length'), '')
      t.match(await readToEnd(socket), /^HTTP\/1\.1 4(?:00|31) [^]*Reference: \w+\n$/)
      t.notOk(socket.errored)
    })

t.test('a client that waits for 100 Continue is answered before it sends, and may still send', async t => {
  for (const bytes of [0, size]) {
    const socket = await opened(t, false)
    socket.write(headOf('/fabrikam/x', 'length', ['Expect: 100-continue']))
    const answer = read(socket)
    await until(() => answer.text().includes('Reference: '))
    t.match(answer.text(), /^HTTP\/1\.1 401 [^]*\r\nConnection: close\r\n/, 'and no 100')
    t.equal(await writesAllFirst(socket, '', 'length', bytes), '')
    await until(() => socket.readableEnded)
    socket.end()
    await until(() => socket.closed)
    t.notOk(socket.errored, 'told that it ends, and not cut')
  }
})

t.test('a body that is not valid HTTP ends the connection, without a second answer', async t => {
  const socket = await opened(t, false)
  const answer = read(socket)
  socket.write(headOf('/fabrikam/x', 'chunks', []))
  await until(() => answer.text().includes('Reference: '))
  socket.write('nonsense\r\n')
  await until(() => socket.closed || socket.readableEnded)
  t.equal(answer.text().match(/HTTP\/1\.1/g)?.length, 1)
})

t.test('a body beyond a limit gets an end of the connection, and is then cut off', async t => {
  const limits = { maxBytes: 4 * mebibyte }
  const strict = await runningServer(t, { upstream: early.url, world: world(), refusedBodies: limits })
  for (const lines of [[], ['Connection: close']]) {
    const socket = await opened(t, false, strict.port)
    const answer = read(socket)
    await writesAllFirst(socket, headOf('/fabrikam/x', 'chunks', lines), 'chunks', 30 * mebibyte)
    await until(() => socket.closed)
    t.match(answer.text(), /^HTTP\/1\.1 401 [^]*Reference: \w+\n$/)
    t.ok(socket.bytesWritten < 20 * mebibyte, 'with what the two kernels hold')
  }
  const impatient = await runningServer(t, {
    upstream: early.url,
    world: world(),
    refusedBodies: { maxSeconds: 1 },
  })
  const socket = await opened(t, false, impatient.port)
  const answer = read(socket)
  socket.write(headOf('/fabrikam/x', 'length', []))
  await until(() => socket.readableEnded)
  t.match(answer.text(), /^HTTP\/1\.1 401 [^]*Reference: \w+\n$/)
})

t.test('two hundred refused uploads from one address are bounded, and others are served', async t => {
  const flooded = await runningServer(t, { upstream: early.url, world: world() })
  const flood = await Promise.all(Array.from({ length: 200 }, () => opened(t, false, flooded.port)))
  const head = 'POST /fabrikam/x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n'
  const chunk = `100000\r\n${'x'.repeat(mebibyte)}\r\n`
  const answers = flood.map(socket => {
    socket.on('error', () => {})
    socket.write(head)
    for (let sent = 0; sent < 12; sent++) socket.write(chunk)
    return read(socket)
  })
  await until(() => answers.every(answer => /Reference: \w+\n$/.test(answer.text())))
  const began = performance.now()
  const innocent = await fetch(`${flooded.url}/fabrikam/x`, { headers: { authorization: basic() } })
  t.equal(innocent.status, 403, 'from the upstream')
  t.ok(performance.now() - began < 5000)
  await until(() => flood.filter(socket => socket.closed).length === 184)
  t.equal(flood.filter(socket => !socket.closed).length, 16, 'these are read on')

  const elsewhere = await opened(t, false, flooded.port, '127.0.0.2')
  t.equal(await writesAllFirst(elsewhere, headOf('/fabrikam/x', 'length', []), 'length'), '')
  const answer = read(elsewhere)
  await until(() => /Reference: \w+\n$/.test(answer.text()))
  t.match(answer.text(), /^HTTP\/1\.1 401 /)
  for (const socket of flood) socket.destroy()
  const after = await opened(t, false, flooded.port)
  t.equal(await writesAllFirst(after, headOf('/fabrikam/x', 'length', ['Connection: close']), 'length'), '')
  t.match(await readToEnd(after), /^HTTP\/1\.1 401 /, 'the places are free again')
})
