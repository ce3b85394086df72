import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { createServer } from 'node:net'
import t from 'tap'
import { basic, runningServer } from '../support/public-server.ts'
import { rawConnection } from '../support/raw-request.ts'
import { recordingUpstream } from '../support/recording-upstream.ts'
import { until } from '../support/until.ts'

const get = `GET /fabrikam/x HTTP/1.1\r\nHost: h\r\nAuthorization: ${basic()}\r\n\r\n`
const post = get
  .replace('GET', 'POST')
  .replace('\r\n\r\n', '\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n0000\r\n')

t.test('a client that leaves before the answer ends the upstream request', async t => {
  const upstream = await recordingUpstream(t, () => {})
  const server = await runningServer(t, { upstream: upstream.url })
  const clients = await Promise.all(Array.from({ length: 10 }, () => rawConnection(server.port)))
  for (const client of clients) client.send(get)
  await until(() => upstream.requests.length === 10)
  t.equal(upstream.open(), 10)
  for (const client of clients) client.socket.destroy()
  await until(() => upstream.open() === 0)
  t.strictSame(server.failures, [], 'which is not a failure')
  t.strictSame(server.bugs, [])
})

t.test('a client that leaves during the download ends it', async t => {
  const upstream = await recordingUpstream(t, (_, response) => {
    response.write('some')
  })
  const server = await runningServer(t, { upstream: upstream.url })
  const client = await rawConnection(server.port)
  client.send(get)
  await client.until(/some/)
  client.socket.destroy()
  await until(() => upstream.open() === 0)
  t.strictSame(server.failures, [])
})

t.test(
  'a client that disconnects during the upload ends it, and the upstream sees it as incomplete',
  async t => {
    let ended = false
    let aborted = false
    const upstream = await recordingUpstream(t, request => {
      request.on('end', () => (ended = true))
      request.on('error', () => (aborted = true))
    })
    const server = await runningServer(t, { upstream: upstream.url })
    const client = await rawConnection(server.port)
    client.send(post)
    await until(() => upstream.requests.length === 1 && upstream.last().body.length === 4)
    client.socket.destroy()
    await until(() => upstream.open() === 0 && aborted)
    t.notOk(ended)
    t.strictSame(server.failures, [])
  },
)

t.test('a client that leaves while its request waits for a connection is never forwarded', async t => {
  const waiting: ServerResponse[] = []
  const upstream = await recordingUpstream(t, (_, response) => void waiting.push(response))
  const server = await runningServer(t, { upstream: upstream.url, patience: { connectionsPerOrigin: 1 } })
  const first = await rawConnection(server.port)
  first.send(get)
  await until(() => upstream.requests.length === 1)
  const second = await rawConnection(server.port)
  second.send(get.replace('/x', '/second'))
  await until(() => server.world.seen.length === 2)
  second.socket.destroy()
  const third = await rawConnection(server.port)
  third.send(get.replace('/x', '/third'))
  await until(() => server.world.seen.length === 3)
  waiting[0]?.end('done')
  await first.until(/done/)
  await until(() => upstream.requests.length === 2)
  t.equal(upstream.last().url, '/fabrikam/third')
  waiting[1]?.end('done')
  await third.until(/done/)
  first.socket.destroy()
  third.socket.destroy()
})

t.test(
  'an upstream that disconnects in the middle disconnects the client, so that a part is not taken for the whole',
  async t => {
    for (const head of ['Content-Length: 10\r\n', 'Transfer-Encoding: chunked\r\n']) {
      const body = head.startsWith('C') ? 'half.' : '5\r\nhalf.\r\n'
      const upstream = createServer(socket => {
        socket.on('error', () => {})
        socket.once('data', () => {
          socket.write(`HTTP/1.1 200 OK\r\n${head}\r\n${body}`)
          socket.end()
        })
      }).listen(0, '127.0.0.1')
      await once(upstream, 'listening')
      t.teardown(() => upstream.close())
      const address = upstream.address()
      if (address === null || typeof address === 'string') throw new Error('not listening on TCP')
      const server = await runningServer(t, { upstream: `http://127.0.0.1:${address.port}` })
      const client = await rawConnection(server.port)
      client.send(get)
      const answer = await client.closed()
      t.match(answer, /half\.(?:\r\n)?$/, 'no end is made up')
      t.equal(server.failures.length, 1)
    }
  },
)

t.test('an early answer of the upstream is passed on, and the rest of the upload is discarded', async t => {
  let answer = () => {}
  const upstream = await recordingUpstream(t, (request, response) => {
    request.pause()
    answer = () => response.writeHead(413, { 'Content-Length': 8, Connection: 'close' }).end('too much')
  })
  const server = await runningServer(t, { upstream: upstream.url })
  const client = await rawConnection(server.port)
  client.send(`${post}2000000\r\n${'x'.repeat(0x2000000)}\r\n0\r\n\r\n`)
  // It is not read: all buffers fill up, and the gateway stops reading, too.
  let last = -1
  let same = 0
  await until(() => {
    same = client.socket.writableLength === last && upstream.requests.length === 1 ? same + 1 : 0
    last = client.socket.writableLength
    return same === 20
  })
  t.ok(last > 0, 'the upload stands still')
  answer()
  t.match(await client.until(/too much/), /^HTTP\/1\.1 413/)
  client.send(get)
  await until(() => upstream.requests.length === 2)
  answer()
  await client.until(/too much[^]*too much/)
  client.socket.destroy()
  t.strictSame(server.failures, [])
})

t.test(
  'a request that was already sent when the server closes is served, and then the connection ends',
  async t => {
    let finish = () => {}
    const upstream = await recordingUpstream(t, (request, response) => {
      if (request.url === '/fabrikam/second') return void response.end('second')
      response.write('first')
      finish = () => response.end()
    })
    const server = await runningServer(t, { upstream: upstream.url })
    const client = await rawConnection(server.port)
    client.send(get)
    await client.until(/first/)
    const closed = server.app.close()
    await until(() => !server.app.server.listening)
    client.send(get.replace('/x', '/second'))
    finish()
    t.match(await client.closed(), /HTTP\/1\.1 200 OK\r\n[^]*HTTP\/1\.1 200 OK\r\n[^]*second/)
    await closed
  },
)

t.test('closing the server waits for requests under way', async t => {
  let finish = () => {}
  const upstream = await recordingUpstream(t, (_, response) => {
    response.write('first')
    finish = () => response.end('last')
  })
  const server = await runningServer(t, { upstream: upstream.url })
  const client = await rawConnection(server.port)
  client.send(get)
  await client.until(/first/)
  const closed = server.app.close()
  await until(() => !server.app.server.listening)
  finish()
  t.match(await client.closed(), /last\r\n0\r\n\r\n$/)
  await closed
  t.strictSame(server.failures, [])
})
