import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import type { Dispatcher } from 'undici'
import t, { type Test } from 'tap'
import type { AddressMapping } from '../../src/proxying/addresses.ts'
import { Exchange, type ExchangeEvents } from '../../src/proxying/exchange.ts'
import { BatchExchange } from '../../src/proxying/lfs-batch.ts'
import { until } from '../support/until.ts'

const mebibyte = Buffer.alloc(2 ** 20, 'x')
const json = { 'content-type': 'application/vnd.git-lfs+json' }

const kinds: readonly (readonly [string, (response: ServerResponse) => Exchange])[] = [
  ['an answer', response => new Exchange(response, mapping, events)],
  // More than it buffers: what was buffered then goes out at once.
  ['a batch answer of git-lfs', response => new BatchExchange(response, mapping, events, () => undefined)],
]

for (const [what, exchangeOf] of kinds)
  t.test(`${what} of which more comes after a pause waits for its client once`, async t => {
    const { response, socket } = await unread(t)
    const leg = new Leg()
    const exchange = exchangeOf(response)
    exchange.onRequestStart(leg)
    exchange.onResponseStart(leg, 200, json)
    // undici passes on what it has read when its upstream disconnects, paused or not.
    for (let n = 0; n < 20; n++) exchange.onResponseData(leg, mebibyte)
    t.ok(leg.paused)
    t.equal(response.listenerCount('drain'), 1)
    t.equal(leg.resumed, 0)
    let received = 0
    socket.on('data', piece => void (received += piece.length)).resume()
    await until(() => leg.resumed > 0)
    t.equal(leg.resumed, 1)
    t.equal(response.writableNeedDrain, false, 'the client has taken it all')
    t.equal(response.listenerCount('drain'), 0)
    exchange.onResponseEnd()
    await once(socket, 'close')
    t.ok(received > 20 * mebibyte.length)
  })

/** A response whose client reads only when it is told to. */
async function unread(t: Test): Promise<{ readonly response: ServerResponse; readonly socket: Socket }> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo // it listens on a port
  const socket = connect(port, '127.0.0.1').pause()
  t.teardown(() => {
    socket.destroy()
    server.close()
  })
  socket.write('GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n')
  const [, response] = (await once(server, 'request')) as [unknown, ServerResponse] // what `request` is documented to give
  return { response, socket }
}

/** What undici gives a handler, and how often it was told to go on. */
class Leg implements Dispatcher.DispatchController {
  readonly aborted = false
  readonly reason = null
  readonly rawHeaders: string[] = []
  paused = false
  resumed = 0

  pause(): void {
    this.paused = true
  }

  resume(): void {
    this.paused = false
    this.resumed += 1
  }

  abort(): void {}
}

const mapping: AddressMapping = {
  target: '/fabrikam/x',
  address: 'https://h',
  destination: { origin: 'http://127.0.0.1:1', path: '/x', outer: '/fabrikam', inner: '' },
}

const events: ExchangeEvents = {
  answered() {},
  again: () => false,
  withheld: failure => failure,
  failed() {},
  brokeOff() {},
  broke(error) {
    throw error
  },
}
