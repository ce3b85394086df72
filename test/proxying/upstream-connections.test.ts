import { readFileSync } from 'node:fs'
import type { Socket } from 'node:net'
import t, { type Test } from 'tap'
import { bareServer } from '../support/bare-server.ts'
import { makeCertificate } from '../support/certificate.ts'
import { temporaryDirectory } from '../support/directory.ts'
import { basic, runningServer, type RunningServer } from '../support/public-server.ts'
import { rawRequest } from '../support/raw-request.ts'
import { reset } from '../support/reset.ts'
import { until } from '../support/until.ts'

// Reported of many gateways: caddy 6452, envoy 1979, h2o 281, sozu 1442.

/** What an upstream does with a request. */
type Act = (socket: Socket) => void

const ok: Act = socket => void socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok')
const ends: Act = socket => void socket.end()
const resets: Act = socket => reset(socket)

/**
 * An upstream that keeps its connections: `act` says what it does with the request of that number (from 1) on the connection
 * of that number (from 1).
 */
async function keepingUpstream(
  t: Test,
  act: (request: number, connection: number) => Act,
  tls?: { readonly cert: string; readonly key: string },
) {
  /** Of all requests, in their order. */
  const methods: string[] = []
  const talk = (socket: Socket, connection: number): void => {
    let requests = 0
    let head = ''
    socket.on('data', (chunk: Buffer) => {
      head += chunk.toString('latin1')
      if (!head.includes('\r\n\r\n')) return
      methods.push(head.split(' ', 1)[0] ?? '')
      head = ''
      act(++requests, connection)(socket)
    })
  }
  return { ...(await bareServer(t, talk, tls)), methods }
}

/** Returns the status. */
async function ask({ port }: RunningServer, method: string, lines = '', body = ''): Promise<number> {
  const answer = await rawRequest(
    port,
    `${method} /fabrikam/x HTTP/1.1\r\nHost: h\r\nAuthorization: ${basic()}\r\nConnection: close\r\n${lines}\r\n${body}`,
  )
  return Number(answer.slice(9, 12))
}

/** The first connection carries one request, and the second meets `end`; later connections are well. */
const onceKept = (end: Act) => (request: number, connection: number) =>
  connection === 1 && request > 1 ? end : ok

for (const [how, end] of [
  ['closes', ends],
  ['resets', resets],
] as const)
  for (const method of ['GET', 'HEAD', 'OPTIONS'])
    t.test(`${method} goes once more if the upstream ${how} the kept connection`, async t => {
      const upstream = await keepingUpstream(t, onceKept(end))
      const server = await runningServer(t, { upstream: upstream.url })
      t.equal(await ask(server, 'GET'), 200)
      t.equal(await ask(server, method), 200)
      t.strictSame(upstream.methods, ['GET', method, method])
      t.equal(upstream.calls(), 2)
      t.strictSame(server.failures, [])
    })

t.test('the same over TLS', async t => {
  const files = await makeCertificate(temporaryDirectory(t))
  const tls = { cert: readFileSync(files.certFile, 'utf8'), key: readFileSync(files.keyFile, 'utf8') }
  const upstream = await keepingUpstream(t, onceKept(ends), tls)
  const server = await runningServer(t, { upstream: upstream.url, patience: { ca: tls.cert } })
  t.equal(await ask(server, 'GET'), 200)
  t.equal(await ask(server, 'GET'), 200)
  t.strictSame(upstream.methods, ['GET', 'GET', 'GET'])
})

const length = 'Content-Length: 2\r\n'
for (const [method, lines, body] of [
  ['GET', length, 'hi'],
  ['OPTIONS', length, 'hi'],
  ['HEAD', 'Transfer-Encoding: chunked\r\n', '2\r\nhi\r\n0\r\n\r\n'],
  ['POST', length, 'hi'],
  ['POST', 'Content-Length: 0\r\n', ''],
  ['POST', '', ''],
  ['PUT', length, 'hi'],
  ['PUT', '', ''],
  ['PATCH', length, 'hi'],
  ['DELETE', '', ''],
  ['PROPFIND', '', ''],
  ['REPORT', length, 'hi'],
  ['MKCOL', '', ''],
  ['SEARCH', '', ''],
  ['QUERY', '', ''],
] as const)
  t.test(`${method} with ${JSON.stringify(lines)} is never sent twice`, async t => {
    const upstream = await keepingUpstream(t, onceKept(ends))
    const server = await runningServer(t, { upstream: upstream.url })
    t.equal(await ask(server, 'POST', length, 'hi'), 200)
    t.equal(await ask(server, method, lines, body), 502)
    t.strictSame(upstream.methods, ['POST', method])
    t.match(server.failures, [{ because: 'dropped' }])
  })

for (const [what, said] of [
  ['a letter', 'H'],
  ['half a status line', 'HTTP/1.1 1'],
  ['an empty line', '\r\n'],
  ['an interim answer', 'HTTP/1.1 100 Continue\r\n\r\n'],
  ['a head', 'HTTP/1.1 200 OK\r\n'],
] as const)
  t.test(`nothing is sent twice after ${what}`, async t => {
    const upstream = await keepingUpstream(
      t,
      onceKept(socket => socket.end(said)),
    )
    const server = await runningServer(t, { upstream: upstream.url })
    t.equal(await ask(server, 'GET'), 200)
    t.equal(await ask(server, 'GET'), 502)
    t.strictSame(upstream.methods, ['GET', 'GET'])
  })

t.test('nothing is sent twice on a new connection', async t => {
  for (const end of [ends, resets]) {
    const upstream = await keepingUpstream(t, () => end)
    const server = await runningServer(t, { upstream: upstream.url })
    t.equal(await ask(server, 'GET'), 502)
    t.strictSame(upstream.methods, ['GET'])
  }
})

t.test('nothing is sent three times', async t => {
  const upstream = await keepingUpstream(t, (request, connection) =>
    request === 1 && connection === 1 ? ok : ends,
  )
  const server = await runningServer(t, { upstream: upstream.url })
  t.equal(await ask(server, 'GET'), 200)
  t.equal(await ask(server, 'GET'), 502)
  t.strictSame(upstream.methods, ['GET', 'GET', 'GET'])
  t.match(server.failures, [{ because: 'dropped' }])
})

t.test('the second try uses a new connection, although there are other kept ones', async t => {
  // Three connections at once, then all of them end with their next request.
  let waiting: Socket[] = []
  const upstream = await keepingUpstream(t, (request, connection) => socket => {
    if (connection > 3) return ok(socket)
    if (request > 1) return ends(socket)
    waiting.push(socket)
    if (waiting.length < 3) return
    for (const each of waiting) ok(each)
    waiting = []
  })
  const server = await runningServer(t, { upstream: upstream.url })
  t.strictSame(await Promise.all([1, 2, 3].map(() => ask(server, 'GET'))), [200, 200, 200])
  t.equal(await ask(server, 'GET'), 200)
  t.equal(upstream.calls(), 4)
})

t.test('nothing is sent twice after a timeout', async t => {
  const upstream = await keepingUpstream(
    t,
    onceKept(() => {}),
  )
  const server = await runningServer(t, { upstream: upstream.url, patience: { headersTimeoutSeconds: 1 } })
  t.equal(await ask(server, 'GET'), 200)
  t.equal(await ask(server, 'GET'), 504)
  t.strictSame(upstream.methods, ['GET', 'GET'])
})

t.test('each of 40 requests at the idle limit of an upstream is answered', async t => {
  const limit = 25
  const upstream = await keepingUpstream(t, () => socket => {
    ok(socket)
    setTimeout(ends, limit, socket)
  })
  const server = await runningServer(t, { upstream: upstream.url })
  for (let n = 0; n < 40; n++) {
    t.equal(await ask(server, n % 2 === 0 ? 'GET' : 'OPTIONS'), 200)
    // Each a little earlier or later, so that some cross the upstream's FIN.
    await new Promise(resolve => setTimeout(resolve, limit - 2 + (n % 4)))
  }
})

/** A request that goes over our own connections, and one that undici sends. */
const legs = [
  ['GET', '', ''],
  ['POST', length, 'hi'],
] as const

t.test('a connection is kept a little shorter than the upstream announces', async t => {
  for (const [announced, connections] of [
    ['timeout=0', 2],
    ['timeout=1', 2],
    ['timeout=2', 2],
    ['max=1000, Timeout=1', 2],
    ['timeout=30', 1],
    ['timeout=nonsense', 1],
  ] as const) {
    const upstream = await keepingUpstream(
      t,
      () => socket =>
        void socket.write(`HTTP/1.1 200 OK\r\nKeep-Alive: ${announced}\r\nContent-Length: 2\r\n\r\nok`),
    )
    const server = await runningServer(t, { upstream: upstream.url })
    for (const [method, lines, body] of legs) {
      const before = upstream.calls()
      t.equal(await ask(server, method, lines, body), 200)
      t.equal(await ask(server, method, lines, body), 200)
      t.equal(upstream.calls() - before, connections, `${announced}, ${method}`)
    }
  }
})

t.test('an idle connection is closed', async t => {
  for (const lines of ['', 'Keep-Alive: timeout=100\r\n']) {
    const upstream = await keepingUpstream(
      t,
      () => socket => void socket.write(`HTTP/1.1 200 OK\r\n${lines}Content-Length: 2\r\n\r\nok`),
    )
    // Longer than a busy machine may take for the two requests.
    const server = await runningServer(t, { upstream: upstream.url, patience: { keepAliveSeconds: 3 } })
    for (const [method, lines, body] of legs) t.equal(await ask(server, method, lines, body), 200)
    t.equal(upstream.open(), 2)
    await until(() => upstream.open() === 0)
  }
})
