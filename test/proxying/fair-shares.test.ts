import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { connect, type Socket } from 'node:net'
import t, { type Test } from 'tap'
import type { Subject } from '../../src/gateway/names.ts'
import { FairShares, type Place, type ShareLimits } from '../../src/proxying/fair-shares.ts'
import { anna, basic, runningServer } from '../support/public-server.ts'
import { rawConnection } from '../support/raw-request.ts'
import { recordingUpstream } from '../support/recording-upstream.ts'
import { until } from '../support/until.ts'
import { aWorld } from '../support/world.ts'
import { wholeCollections } from '../support/whole-collections.ts'

const bert = { username: 'bert@example.com', password: 'another horse' } as const

/** Accounts `fabrikam` and `contoso` with one upstream, which holds every path with `slow` in it until it is told to answer. */
async function aSlowUpstream(t: Test, patience: Parameters<typeof runningServer>[1]['patience'] = {}) {
  const held: ServerResponse[] = []
  const upstream = await recordingUpstream(t, (request, response) => {
    if (request.url?.includes('slow')) held.push(response)
    else request.resume().on('end', () => response.end('quick'))
  })
  const world = aWorld({
    accounts: ['fabrikam', 'contoso'].map(name => ({ name, upstream: upstream.url })),
    credentials: [anna, bert],
  })
  const server = await runningServer(t, { upstream: upstream.url, world, patience })
  const sockets: Socket[] = []
  t.teardown(() => sockets.forEach(socket => socket.destroy()))
  async function open() {
    const socket = connect({ port: server.port, host: '127.0.0.1' })
    sockets.push(socket)
    let text = ''
    socket.on('data', (chunk: Buffer) => (text += chunk.toString('latin1'))).on('error', () => {})
    await once(socket, 'connect')
    return { socket, text: () => text }
  }
  async function send(who: typeof anna | typeof bert, path: string, method = 'GET', rest = '\r\n') {
    const client = await open()
    client.socket.write(
      `${method} ${path} HTTP/1.1\r\nHost: git.example.com\r\nAuthorization: ${basic(who)}\r\n${rest}`,
    )
    return client
  }
  const decided = (count: number) => until(() => world.seen.length >= count)
  return { server, upstream, held, send, decided }
}

t.test('one user has 1,000 slow requests open, and another is served as if alone', async t => {
  const { server, upstream, held, send, decided } = await aSlowUpstream(t, {
    connectionsPerOrigin: 256,
  })
  const clients = await Promise.all(
    Array.from({ length: 1000 }, (_, at) => send(anna, `/fabrikam/slow/${at}`)),
  )
  await decided(1000)
  await until(() => held.length === 128)
  for (const path of ['/fabrikam/x', '/contoso/x']) {
    const other = await send(bert, path)
    await until(() => other.text().includes('quick'))
    t.match(other.text(), /^HTTP\/1\.1 200 /)
  }
  t.equal(held.length, 128, 'half of the connections are all that one user has')
  t.equal(server.crowded.length, 872)

  const waited = await send(anna, '/contoso/x')
  await decided(1003)
  const posted = await send(anna, '/fabrikam/x', 'POST', 'Content-Length: 5\r\n\r\nhello')
  await decided(1004)
  t.equal(upstream.requests.length, 130, 'neither another account nor another method gets round it')
  for (let at = 0; at < 1000; at += 1) {
    await until(() => held.length > at)
    held[at]?.end('slow')
  }
  for (const { text } of clients) await until(() => text().endsWith('slow'))
  for (const { text } of [waited, posted]) await until(() => text().includes('quick'))
  t.strictSame([server.failures, server.bugs], [[], []], 'each is answered in the end')
})

t.test('too many that wait are told to come later, and what was there goes on', async t => {
  const { server, held, send, decided } = await aSlowUpstream(t, {
    connectionsPerOrigin: 4,
    connectionsPerUser: 1,
  })
  const clients = await Promise.all(Array.from({ length: 1001 }, () => send(anna, '/fabrikam/slow')))
  await decided(1001)
  const late = await send(anna, '/fabrikam/slow')
  await until(() => /already waiting/.test(late.text()))
  t.match(late.text(), /^HTTP\/1\.1 503 /)
  t.match(late.text(), /\r\nX-Altgate-Outcome: busy\r\n/)
  t.match(late.text(), /\r\nRetry-After: \d+\r\n/)
  t.notMatch(late.text(), /WWW-Authenticate/i)
  t.equal(server.crowded.at(-1), 'turned-away')
  // A client that leaves makes room for another.
  clients[1000]?.socket.destroy()
  await until(async () => {
    const again = await send(anna, '/fabrikam/slow')
    const before = server.crowded.length
    await until(() => server.crowded.length > before || again.text() !== '')
    return server.crowded.at(-1) === 'waits'
  })
  held[0]?.end('slow')
  await until(() => held.length === 2)
  for (const { socket } of clients) socket.destroy()
})

t.test('a client that leaves gives up its place, whether its request is under way or waits', async t => {
  const { held, send, decided, upstream } = await aSlowUpstream(t, {
    connectionsPerOrigin: 4,
    connectionsPerUser: 1,
  })
  const first = await send(anna, '/fabrikam/slow/1')
  await until(() => held.length === 1)
  const second = await send(anna, '/fabrikam/slow/2')
  await decided(2)
  await send(anna, '/fabrikam/slow/3')
  await decided(3)
  second.socket.destroy()
  first.socket.destroy()
  await until(() => held.length === 2)
  t.equal(upstream.last().url, '/fabrikam/slow/3', 'an abandoned request is never sent')
})

t.test(
  'nothing of a body is read while its request waits, and a client that has left is noticed',
  async t => {
    const { held, send, decided, server, upstream } = await aSlowUpstream(t, {
      connectionsPerOrigin: 4,
      connectionsPerUser: 1,
    })
    await send(anna, '/fabrikam/slow/1')
    await until(() => held.length === 1)
    const connected: Socket[] = []
    server.app.server.on('connection', (socket: Socket) => connected.push(socket))
    const piece = Buffer.alloc(1000, 'a')
    const head = `Content-Length: ${piece.length * 3}\r\n\r\n`
    const leaves = await send(anna, '/fabrikam/slow/2', 'POST', head)
    const stays = await send(anna, '/fabrikam/x', 'POST', head)
    await decided(3)
    const seen = () => connected.map(({ bytesRead }) => bytesRead)
    const before = seen()
    for (const { socket } of [leaves, stays]) socket.write(piece)
    // Others are served, so what came had its turn.
    for (let turn = 0; turn < 3; turn += 1) {
      const other = await send(bert, '/fabrikam/x')
      await until(() => other.text().includes('quick'))
    }
    t.strictSame(seen().slice(0, 2), before)

    leaves.socket.destroy()
    await until(() => connected[0]?.destroyed === true)
    stays.socket.write(piece)
    held[0]?.end('slow')
    stays.socket.write(piece)
    await until(() => stays.text().includes('quick'))
    t.equal(upstream.last().url, '/fabrikam/x', 'an abandoned request is never sent')
    t.equal(upstream.last().body.length, 3 * piece.length)
    t.strictSame([server.failures, server.bugs], [[], []])
  },
)

t.test(
  'where all connections are taken, users take turns, however many requests one of them has',
  async t => {
    const { held, upstream, send, decided } = await aSlowUpstream(t, {
      connectionsPerOrigin: 1,
      connectionsPerUser: 1,
    })
    await send(anna, '/fabrikam/slow/anna-0')
    await until(() => held.length === 1)
    for (const [at, [who, name]] of [
      [anna, 'anna-1'],
      [anna, 'anna-2'],
      [bert, 'bert-1'],
      [bert, 'bert-2'],
    ].entries() as ArrayIterator<[number, [typeof anna, string]]>) {
      await send(who, `/fabrikam/slow/${name}`)
      await decided(at + 2)
    }
    for (let at = 0; at < 5; at += 1) {
      await until(() => held.length > at)
      held[at]?.end('slow')
    }
    t.strictSame(
      upstream.requests.map(({ url }) => url.slice('/fabrikam/slow/'.length)),
      ['anna-0', 'bert-1', 'anna-1', 'bert-2', 'anna-2'],
    )
  },
)

t.test('what says who the user is, is made when the request has its turn', async t => {
  const held: ServerResponse[] = []
  const upstream = await recordingUpstream(t, (_, response) => void held.push(response))
  let made = 0
  const { port, world } = await runningServer(t, {
    upstream: upstream.url,
    patience: { connectionsPerOrigin: 1 },
    authorize: () => ['X-Made', String((made += 1))],
  })
  const get = `GET /fabrikam/x HTTP/1.1\r\nHost: git.example.com\r\nAuthorization: ${basic()}\r\n\r\n`
  const clients = [await rawConnection(port), await rawConnection(port)]
  t.teardown(() => clients.forEach(({ socket }) => socket.destroy()))
  for (const [at, client] of clients.entries()) {
    client.send(get)
    await until(() => world.seen.length === at + 1)
  }
  await until(() => held.length === 1)
  t.equal(made, 1)
  held[0]?.end('done')
  await until(() => held.length === 2)
  t.strictSame(upstream.last().values('X-Made'), ['2'])
})

/** Shares without a server: what is under way, in the order in which it began. */
function shares(limits: Partial<ShareLimits> = {}) {
  const all = new FairShares({ perOrigin: 2, perUser: 1, waiting: 10, ...limits })
  const begun: string[] = []
  return {
    begun,
    all,
    enter: (name: string, subject: string, origin = 'http://upstream'): Place | undefined => {
      const place = all.enter(origin, subject as Subject, { go: () => void begun.push(name) })
      if (place?.waits === false) begun.push(name)
      return place
    },
  }
}

t.test('a place that is left twice is freed once', async t => {
  const { enter, begun } = shares()
  const first = enter('first', 'anna')
  for (const name of ['second', 'third']) enter(name, 'anna')
  first?.leave()
  first?.leave()
  t.strictSame(begun, ['first', 'second'])
})

t.test('each upstream has its own connections', async t => {
  const { enter, begun } = shares()
  enter('here', 'anna', 'http://one')
  enter('there', 'anna', 'http://other')
  t.strictSame(begun, ['here', 'there'])
})

t.test('nothing is kept for users and upstreams without a request under way', async t => {
  const { all, enter } = shares({ perUser: 2 })
  const places = Array.from({ length: 100 }, (_, at) => enter(`${at}`, `user-${at % 7}`, `http://${at % 3}`))
  t.equal(all.waiting, 94)
  for (const place of places.toReversed()) place?.leave()
  t.equal(all.waiting, 0)
  t.equal(all.upstreams, 0)
})

t.test('a request that has waited is young garbage when it is over', async t => {
  const whole = await wholeCollections(`
    import { FairShares } from '${new URL('../../src/proxying/fair-shares.ts', import.meta.url).href}'
    const shares = new FairShares({ perOrigin: 1, perUser: 1, waiting: 100 })
    const places = []
    const enter = () => {
      const request = { bytes: new Array(200).fill(0), go() {} }
      places.push(shares.enter('http://upstream', 'anna', request))
    }
    for (let each = 0; each < 32; each++) enter()
    await count(async turns => {
      for (let each = 0; each < turns; each++) {
        for (let one = 0; one < 32; one++) {
          places.shift().leave()
          enter()
        }
        await turn()
      }
    })`)
  t.ok(whole <= 6, `${whole} collections of the whole heap for 128,000 requests`)
})
