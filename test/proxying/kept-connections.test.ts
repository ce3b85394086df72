import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import { KeptConnections } from '../../src/proxying/kept-connections.ts'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import { Agent, type Dispatcher } from 'undici'
import { hasLlhttp } from '../../src/proxying/answer-parser.ts'
import { closedUnanswered } from '../../src/proxying/closed-unanswered.ts'
import { createUpstreamAgents, type UpstreamAgents } from '../../src/proxying/upstream-connections.ts'
import { bareServer } from '../support/bare-server.ts'
import { basic, runningServer } from '../support/public-server.ts'
import { rawConnection, rawRequest } from '../support/raw-request.ts'
import { until } from '../support/until.ts'

// The leg to an upstream that is our own (ADR 0109), on raw bytes. `hostile-answers.test.ts` compares it with undici's.

const ok = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'

function agentsOf(t: Test, more: Partial<Parameters<typeof createUpstreamAgents>[0]> = {}): UpstreamAgents {
  const agents = createUpstreamAgents({
    connectTimeoutSeconds: 5,
    headersTimeoutSeconds: 30,
    idleTimeoutSeconds: 30,
    connectionsPerOrigin: 8,
    connectionsPerUser: 'auto',
    keepAliveSeconds: 60, // longer than a test, so that nothing closes by itself
    maxHeaderBytes: 65_536,
    ...more,
  })
  t.teardown(async () => {
    await agents.fresh.close()
    // undici does not close twice.
    await agents.kept.close().catch(() => {})
  })
  return agents
}

t.test('an upstream to which only undici has connections is not kept', async t => {
  const bounds = {
    connections: 1,
    headersTimeout: 1000,
    bodyTimeout: 1000,
    keepAliveTimeout: 1000,
    keepAliveTimeoutThreshold: 100,
    maxHeaderSize: 65_536,
  }
  let asked = 0
  const ofUndici = () => {
    asked += 1
    return 1
  }
  const undici = { dispatch: () => true, async close() {} }
  const connector = () => () => t.fail('it opens none of its own')
  const kept = new KeptConnections(undici as unknown as Dispatcher, { ...bounds, ofUndici, connector })
  send(kept, { origin: 'http://upstream.example' })
  t.equal(asked, 1)
  kept.makeRoomAt('http://upstream.example')
  t.equal(asked, 1, 'there is none that could give way')
  await kept.close()
})

/** What became of a request, and what controls it. */
interface Sent {
  controller?: Dispatcher.DispatchController
  body: string
  status?: number
  error?: Error
  readonly ended: Promise<void>
}

function send(leg: Pick<Dispatcher, 'dispatch'>, request: Partial<Dispatcher.DispatchOptions>): Sent {
  let end = () => {}
  const sent: Sent = { body: '', ended: new Promise(resolve => void (end = resolve)) }
  leg.dispatch(
    { path: '/x', method: 'GET', headers: [], body: null, ...request },
    {
      onRequestStart: controller => void (sent.controller = controller),
      onResponseStart: (_, status) => void (sent.status = status),
      onResponseData: (_, chunk) => void (sent.body += chunk.toString('latin1')),
      onResponseEnd: () => end(),
      onResponseError(_, error) {
        sent.error = error
        end()
      },
    },
  )
  return sent
}

/** Answers each request on connection `n` (from 1) with what `say` gives. Keeps what came. */
async function talkingUpstream(t: Test, say: (socket: Socket, n: number, head: string) => void) {
  const heads: string[] = []
  const upstream = await bareServer(t, (socket, n) => {
    let head = ''
    socket.on('data', (chunk: Buffer) => {
      head += chunk.toString('latin1')
      if (!head.endsWith('\r\n\r\n')) return
      heads.push(head)
      const whole = head
      head = ''
      say(socket, n, whole)
    })
  })
  return { ...upstream, heads }
}

t.test('llhttp is where this undici has it, and plain requests share a connection of their own', async t => {
  t.ok(hasLlhttp())
  const upstream = await talkingUpstream(t, socket => void socket.write(ok))
  const { kept } = agentsOf(t)
  for (const method of ['GET', 'OPTIONS', 'GET'] as const) {
    const sent = send(kept, { origin: upstream.url, method })
    await sent.ended
    t.match(sent, { status: 200, body: 'ok', error: undefined })
  }
  t.equal(upstream.calls(), 1)
  await send(kept, { origin: upstream.url, headers: ['Content-Length', '0'] }).ended
  t.equal(upstream.calls(), 2, 'undici has others')
})

t.test('the bytes of a request are those of undici', async t => {
  const upstream = await talkingUpstream(t, (socket, _, head) => {
    socket.write(head.startsWith('HEAD') ? ok.slice(0, -2) : ok)
  })
  const { kept } = agentsOf(t)
  const undici = new Agent({ pipelining: 1 })
  t.teardown(() => undici.close())
  for (const [method, path, headers] of [
    ['GET', '/', []],
    ['OPTIONS', '/a%20b/?q=1&r[]=%C3%A9', ['X-Empty', '', 'x-two', 'a', 'X-Two', 'b\tc']],
    ['HEAD', '/\xe9\xff', ['Cookie', 'a=b; c="d"', 'X-Latin', '\xe9\xff', "!#$%&'*+-.^_`|~09aZ", ':']],
  ] as const)
    for (const leg of [kept, undici]) send(leg, { origin: upstream.url, method, path, headers: [...headers] })
  await until(() => upstream.heads.length === 6)
  const heads = upstream.heads.toSorted()
  t.strictSame([heads[0], heads[2], heads[4]], [heads[1], heads[3], heads[5]])
  t.equal(new Set(heads).size, 3)
})

t.test('what would break out of its line is never written', async t => {
  const upstream = await talkingUpstream(t, socket => void socket.write(ok))
  const { kept } = agentsOf(t)
  const headers = (...list: readonly unknown[]) => ({ headers: list as string[] })
  for (const request of [
    ...['\r', '\n', '\r\n', '\0', '\r\nEvil: 1', '\u010a', '\u{1f600}', '\x1b'].flatMap(evil => [
      headers('X', `a${evil}b`),
      headers('X', evil),
      headers(`X${evil}`, 'b'),
      { path: `/a${evil}b` },
      { method: `GET${evil}` },
    ]),
    headers('X', 'a\x7fb'),
    { method: 'GET\x7f' },
    { path: '/a b' },
    { path: '/ HTTP/1.1' },
    { path: 'a' },
    { path: '*' },
    { path: '' },
    { path: 'http://evil/' },
    { method: 'G T' },
    headers('', 'x'),
    headers('X Y', 'x'),
    headers('X:', 'x'),
    headers('X'),
    headers('Host', 'a', 'Host', 'b'),
    headers('Transfer-Encoding', 'chunked'),
    headers('transfer-encoding', 'identity'),
    headers('Keep-Alive', 'x'),
    headers('Upgrade', 'x'),
    headers('Expect', '100-continue'),
  ]) {
    const sent = send(kept, { origin: upstream.url, ...(request as Partial<Dispatcher.DispatchOptions>) })
    await sent.ended
    t.equal(sent.error?.name, 'InvalidArgumentError', JSON.stringify(request))
    // With a body it would be undici's.
    const post = send(kept, { origin: upstream.url, method: 'POST', ...(request as object) })
    await post.ended
    t.equal(post.error?.name, 'InvalidArgumentError')
  }
  t.equal(upstream.calls(), 0)
  await send(kept, { origin: upstream.url, method: 'POST' }).ended
  t.equal(upstream.calls(), 1)
})

for (const [what, first, later] of [
  ['in the packet of the answer', `${ok}HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nstolen`, ''],
  ['half of it in the packet of the answer', `${ok}HTTP/1.1 2`, '00 OK\r\nContent-Length: 6\r\n\r\nstolen'],
  ['in a packet of its own', ok, 'HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nstolen'],
  ['as an interim answer', ok, 'HTTP/1.1 100 Continue\r\n\r\n'],
  ['a byte', ok, 'x'],
  ['an empty line', ok, '\r\n'],
  ['behind 204', 'HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nstolen', ''],
  ['as the body of 304', 'HTTP/1.1 304 Not Modified\r\nContent-Length: 6\r\n\r\n', 'stolen'],
  [
    'as the body of 204',
    'HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n',
    '6\r\nstolen\r\n0\r\n\r\n',
  ],
] as const)
  t.test(`no request gets what an upstream sends unasked: ${what}`, async t => {
    let unasked = () => {}
    const upstream = await talkingUpstream(t, (socket, n) => {
      if (n > 1) return void socket.write(ok)
      socket.write(first)
      unasked = () => void socket.write(later)
    })
    const { kept } = agentsOf(t)
    const one = send(kept, { origin: upstream.url })
    await one.ended
    t.equal(one.error, undefined)
    // Not before: llhttp passes over an empty line in the packet of the answer.
    unasked()
    if (later !== '') await until(() => upstream.open() === 0)
    const next = send(kept, { origin: upstream.url })
    await next.ended
    t.match(next, { status: 200, body: 'ok', error: undefined })
    t.equal(upstream.calls(), 2)
  })

t.test('a connection on which a body may follow is not kept', async t => {
  for (const [lines, kept] of [
    ['', true],
    ['Content-Length: 0\r\n', true],
    ['Content-Length: 6\r\n', false],
    ['Transfer-Encoding: chunked\r\n', false],
    ['Connection: close\r\n', false],
  ] as const)
    for (const status of ['204 No Content', '304 Not Modified']) {
      const upstream = await talkingUpstream(
        t,
        socket => void socket.write(`HTTP/1.1 ${status}\r\n${lines}\r\n`),
      )
      const leg = agentsOf(t).kept
      for (let n = 0; n < 2; n++) await send(leg, { origin: upstream.url }).ended
      t.equal(upstream.calls(), kept ? 1 : 2, `${status}, ${lines}`)
    }
})

t.test('HEAD ends its connection, because a body may follow', async t => {
  const upstream = await talkingUpstream(t, (socket, _, head) => {
    socket.write(head.startsWith('HEAD') ? 'HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n' : ok)
    if (head.startsWith('HEAD')) setTimeout(() => socket.write('stolen'), 2)
  })
  const { kept } = agentsOf(t)
  for (const method of ['GET', 'HEAD', 'GET', 'HEAD', 'GET'] as const) {
    const sent = send(kept, { origin: upstream.url, method })
    await sent.ended
    t.equal(sent.body, method === 'HEAD' ? '' : 'ok')
  }
  t.equal(upstream.calls(), 3)
})

for (const [what, head, body] of [
  ['two lengths', 'Content-Length: 2\r\nContent-Length: 3\r\n', undefined],
  ['no number as a length', 'Content-Length: +2\r\n', undefined],
  // These are mended before the parser.
  ['a length and chunks', 'Content-Length: 2\r\nTransfer-Encoding: chunked\r\n', 'ok'],
  ['chunks and a length', 'Transfer-Encoding: chunked\r\nContent-Length: 2\r\n', 'ok'],
  ['the same length twice', 'Content-Length: 2\r\nContent-Length: 2\r\n', '2\r'],
  ['a folded line', 'X: a\r\n b\r\nContent-Length: 2\r\n', '2\r'],
  ['a space before the colon', 'Content-Length : 2\r\n', '2\r'],
] as const)
  t.test(`an answer with ${what} is ${body ? 'read' : 'refused'}, and its connection is closed`, async t => {
    const upstream = await talkingUpstream(t, (socket, n) => {
      socket.write(n === 1 ? `HTTP/1.1 200 OK\r\n${head}\r\n2\r\nok\r\n0\r\n\r\n` : ok)
    })
    const { kept } = agentsOf(t)
    const one = send(kept, { origin: upstream.url })
    await one.ended
    if (body === undefined) t.equal(one.error?.name, 'HTTPParserError')
    else t.match(one, { status: 200, body, error: undefined })
    const next = send(kept, { origin: upstream.url })
    await next.ended
    t.match(next, { status: 200, body: 'ok' })
    t.equal(upstream.calls(), 2)
  })

t.test('an answer never reaches another request: each gets its own, whoever leaves in between', async t => {
  const upstream = await talkingUpstream(t, (socket, _, head) => {
    const [, path = ''] = head.split(' ')
    const answer = () => socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${path.length}\r\n\r\n${path}`)
    setTimeout(answer, Number(path.slice(-1)))
  })
  const { kept } = agentsOf(t)
  const lanes = Array.from({ length: 8 }, async (_, lane) => {
    for (let n = 0; n < 60; n++) {
      const path = `/${lane}/${n}`
      const sent = send(kept, { origin: upstream.url, path })
      if (n % 3 === 1) setTimeout(() => sent.controller?.abort(new Error('left')), n % 7)
      await sent.ended
      // As handlers do that are not asked any more.
      sent.controller?.abort(new Error('too late'))
      sent.controller?.resume()
      if (sent.error === undefined) t.equal(sent.body, path)
      else t.equal(sent.error.message, 'left')
    }
  })
  await Promise.all(lanes)
})

t.test('a request that was not written goes over another connection if its own one has ended', async t => {
  for (const end of ['end', 'resetAndDestroy', 'write'] as const) {
    let talking: Socket | undefined
    const upstream = await talkingUpstream(t, socket => {
      talking = socket
      socket.write(ok)
    })
    const { kept } = agentsOf(t)
    await send(kept, { origin: upstream.url }).ended
    // It has arrived when the next request comes, but was not read.
    await new Promise(resolve => setImmediate(resolve))
    if (end === 'write') talking?.write(`${ok.slice(0, -2)}st`)
    else talking?.[end]()
    const next = send(kept, { origin: upstream.url })
    await next.ended
    t.match(next, { status: 200, body: 'ok', error: undefined }, end)
    t.equal(upstream.heads.length, 2, 'written once')
  }
})

t.test('a kept connection that ends as the request is written is told apart', async t => {
  const upstream = await talkingUpstream(t, (socket, _, head) => {
    if (head.includes('first')) socket.write(ok)
    else socket.destroy()
  })
  const { kept } = agentsOf(t)
  const alone = send(kept, { origin: upstream.url })
  await alone.ended
  t.equal(closedUnanswered(alone.error), false)
  await send(kept, { origin: upstream.url, path: '/first' }).ended
  const second = send(kept, { origin: upstream.url })
  await second.ended
  t.equal(closedUnanswered(second.error), true)
})

t.test('more requests than connections wait, also for those that fail', async t => {
  const upstream = await talkingUpstream(t, (socket, n) => {
    if (n % 3 === 0) socket.destroy()
    else socket.write(ok)
  })
  const { kept } = agentsOf(t, { connectionsPerOrigin: 2 })
  const all = Array.from({ length: 20 }, () => send(kept, { origin: upstream.url }))
  for (const each of all) await each.ended
  t.ok(all.every(({ error, body }) => error !== undefined || body === 'ok'))
})

t.test('both legs together keep no more connections than they may', async t => {
  const answers: (() => void)[] = []
  const upstream = await talkingUpstream(t, socket => void answers.push(() => socket.write(ok)))
  const { kept } = agentsOf(t, { connectionsPerOrigin: 4 })
  const over = {
    own: { origin: upstream.url },
    undici: { origin: upstream.url, headers: ['Content-Length', '0'] },
  }
  for (const legs of [
    ['own', 'own', 'own', 'own'],
    ['undici', 'undici', 'undici'],
    ['own', 'own', 'own', 'own'],
    ['undici', 'undici', 'undici', 'undici'],
    ['own'],
  ] as const) {
    const all = legs.map(leg => send(kept, over[leg]))
    await until(() => answers.length === all.length)
    for (const answer of answers.splice(0)) answer()
    for (const each of all) {
      await each.ended
      t.match(each, { status: 200, body: 'ok', error: undefined })
    }
    await until(() => upstream.open() <= 4)
  }
})

t.test('all addresses of a host are tried', async t => {
  const server = createServer({ noDelay: true }, socket =>
    socket.on('data', () => socket.write(ok)).on('error', () => {}),
  )
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => void server.close())
  const { port } = server.address() as AddressInfo // listening on TCP
  const { kept } = agentsOf(t)
  // Mostly ::1 and 127.0.0.1.
  const sent = send(kept, { origin: `http://localhost:${port}` })
  await sent.ended
  t.match(sent, { status: 200, body: 'ok', error: undefined })
})

t.test('a used connection that a request gave up rests no longer than the upstream has said', async t => {
  const upstream = await talkingUpstream(t, socket => {
    socket.write(ok.replace('\r\n', '\r\nKeep-Alive: timeout=3\r\n'))
  })
  const { kept } = agentsOf(t)
  await send(kept, { origin: upstream.url }).ended
  const start = performance.now()
  const left = new Promise<Error>(resolve =>
    kept.dispatch(
      { origin: upstream.url, path: '/', method: 'GET', headers: [], body: null },
      {
        onRequestStart: controller => controller.abort(new Error('left')),
        onResponseError: (_, error) => resolve(error),
      },
    ),
  )
  t.match(await left, { message: 'left' })
  await until(() => upstream.open() === 0)
  t.equal(upstream.heads.length, 1, 'it was not written')
  t.ok(performance.now() - start < 30_000, 'a minute without the announced time')
})

t.test('what cannot be reached fails as over undici', async t => {
  const { kept } = agentsOf(t)
  const origin = 'http://127.0.0.1:1'
  const [own, undici] = [send(kept, { origin }), send(kept, { origin, headers: ['Content-Length', '0'] })]
  await own.ended
  await undici.ended
  t.match(own.error, { code: 'ECONNREFUSED' })
  t.match(undici.error, { code: 'ECONNREFUSED' })
})

t.test('a paused answer loses and repeats nothing, whatever its chunks', async t => {
  const text = Array.from({ length: 60_000 }, (_, at) => String.fromCharCode(97 + (at % 26))).join('')
  const chunks = Array.from(text, letter => `1\r\n${letter}\r\n`).join('')
  const upstream = await talkingUpstream(t, socket => {
    socket.write(`HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${chunks}0\r\nX: y\r\n\r\n`)
  })
  const { kept } = agentsOf(t)
  let body = ''
  let pauses = 0
  for (let n = 0; n < 2; n++) {
    body = ''
    await new Promise<void>((resolve, reject) =>
      kept.dispatch(
        { origin: upstream.url, path: '/', method: 'GET', headers: [], body: null },
        {
          onRequestStart() {},
          onResponseStart: () => {},
          onResponseData(controller, chunk) {
            body += chunk.toString('latin1')
            if (body.length % 997 > 0 && body.length !== text.length) return
            pauses++
            controller.pause()
            setTimeout(() => controller.resume(), pauses % 3)
          },
          onResponseEnd: () => resolve(),
          onResponseError: (_, error) => reject(error),
        },
      ),
    )
    t.ok(body === text)
  }
  t.ok(pauses > 100)
  t.equal(upstream.calls(), 1, 'the connection is kept')
})

t.test('a handler that pauses at each piece gets the next one', async t => {
  const pieces = ['ab', 'cd', 'ef']
  let next = () => {}
  const upstream = await talkingUpstream(t, socket => {
    const rest = [...pieces]
    next = () => void socket.write(rest.shift() ?? '')
    socket.write('HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n')
  })
  const { kept } = agentsOf(t)
  const got: string[] = []
  const ended = new Promise<Error | undefined>(resolve =>
    kept.dispatch(
      { origin: upstream.url, path: '/', method: 'GET', headers: [], body: null },
      {
        onRequestStart() {},
        onResponseStart: () => next(),
        onResponseData(controller, chunk) {
          got.push(chunk.toString())
          controller.pause()
          if (got.length > pieces.length) return resolve(undefined)
          next()
          setImmediate(() => controller.resume())
        },
        onResponseEnd: () => resolve(undefined),
        onResponseError: (_, error) => resolve(error),
      },
    ),
  )
  t.equal(await ended, undefined)
  t.strictSame(got, pieces)
})

t.test('a handler that throws ends only its own request', async t => {
  const upstream = await talkingUpstream(t, socket => void socket.write(ok))
  const { kept } = agentsOf(t)
  for (const method of ['onRequestStart', 'onResponseStart', 'onResponseData', 'onResponseEnd'] as const) {
    const failed = new Promise<Error | undefined>(resolve => {
      const handler: Dispatcher.DispatchHandler = {
        onRequestStart() {},
        onResponseStart() {},
        onResponseData() {},
        onResponseEnd() {},
        onResponseError: (_, error) => resolve(error),
        [method]() {
          // The answer has ended, so there is no error to tell.
          if (method === 'onResponseEnd') resolve(undefined)
          throw new Error('oops')
        },
      }
      kept.dispatch({ origin: upstream.url, path: '/', method: 'GET', headers: [], body: null }, handler)
    })
    if (method === 'onResponseEnd') t.equal(await failed, undefined)
    else t.match(await failed, { message: 'oops' }, method)
    const next = send(kept, { origin: upstream.url })
    await next.ended
    t.match(next, { status: 200, body: 'ok' })
  }
})

t.test(
  'the request that the end of another lets in takes its connection, also where there may be no more',
  async t => {
    const upstream = await talkingUpstream(t, socket => void socket.write(ok))
    const { kept } = agentsOf(t, { connectionsPerOrigin: 1 })
    let left = 20
    await new Promise<void>((resolve, reject) => {
      const next = (): void => {
        left -= 1
        kept.dispatch(
          { origin: upstream.url, path: '/', method: 'GET', headers: [], body: null },
          {
            onRequestStart() {},
            onResponseStart() {},
            onResponseData() {},
            onResponseEnd: () => (left === 0 ? resolve() : next()),
            onResponseError: (_, error) => reject(error),
          },
        )
      }
      next()
    })
    t.equal(upstream.heads.length, 20)
    t.equal(upstream.calls(), 1)
  },
)

t.test('closing waits for what is under way', async t => {
  let answer = () => {}
  const upstream = await talkingUpstream(t, (socket, n) => {
    if (n === 2) answer = () => socket.write(ok)
    else socket.write(ok)
  })
  const { kept } = agentsOf(t)
  const [resting, slow] = [send(kept, { origin: upstream.url }), send(kept, { origin: upstream.url })]
  await resting.ended
  await until(() => upstream.heads.length === 2)
  let isClosed = false
  const closing = kept.close().then(() => void (isClosed = true))
  await until(() => upstream.open() === 1)
  t.equal(isClosed, false)
  answer()
  await slow.ended
  await closing
  t.match(slow, { status: 200, body: 'ok' })
  const late = send(kept, { origin: upstream.url })
  await late.ended
  t.match(late.error?.name, /^Client(?:Closed|Destroyed)Error$/)
})

t.test('a client that leaves takes its connection along, and no other', async t => {
  const upstream = await talkingUpstream(t, (socket, n) => {
    if (n > 1) socket.write(ok)
  })
  const server = await runningServer(t, { upstream: upstream.url })
  const head = `GET /fabrikam/x HTTP/1.1\r\nHost: h\r\nAuthorization: ${basic()}\r\nConnection: close\r\n\r\n`
  const leaving = await rawConnection(server.port)
  leaving.send(head)
  await until(() => upstream.heads.length === 1)
  leaving.socket.destroy()
  await until(() => upstream.open() === 0)
  t.match(await rawRequest(server.port, head), /^HTTP\/1\.1 200 OK\r\n[^]*ok$/)
  t.strictSame(server.failures, [])
})
