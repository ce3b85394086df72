import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { setImmediate as nextTurn } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { answerCarried, waitsForTurn } from '../../src/proxying/body-turns.ts'
import { basic, runningServer } from '../support/public-server.ts'
import { until } from '../support/until.ts'

const most = 512 * 1024
const piece = 64 * 1024

t.test(
  'a turn of the event loop has a limit, and answers beyond it continue first come, first served',
  async t => {
    const carried: number[] = []
    const inThisTurn: number[] = []
    const goOn = (number: number) => () => {
      if (waitsForTurn(goOn(number))) return
      answerCarried(piece)
      carried.push(number)
    }
    for (let number = 0; number < 20; number += 1) goOn(number)()
    for (let turn = 0; carried.length < 20; turn += 1) {
      inThisTurn.push(carried.length)
      await nextTurn()
    }
    t.strictSame(inThisTurn, [8, 16])
    t.strictSame(
      carried,
      Array.from({ length: 20 }, (_, number) => number),
    )
  },
)

t.test('a chunk of one byte costs more than a byte', async t => {
  await nextTurn()
  let pieces = 0
  for (; !waitsForTurn(() => {}); pieces += 1) answerCarried(1)
  t.ok(pieces > 10 && pieces <= 1000, `${pieces} pieces`)
  await nextTurn()
})

t.test('clients that do not read their downloads do not use up the turns either', async t => {
  const downloads = 60
  const bytes = 3 * 2 ** 20
  const upstream = await upstreamOf(t, response => response.end(Buffer.alloc(bytes)))
  const { app, port } = await runningServer(t, { upstream, patience: { connectionsPerUser: downloads } })
  const served = new Set<Socket>()
  app.server.on('connection', (socket: Socket) => served.add(socket))
  const written = () => [...served].reduce((sum, socket) => sum + socket.bytesWritten, 0)

  const clients = Array.from({ length: downloads }, () => download(t, port))
  let [largest, before] = [0, 0]
  let isOver = false
  void until(() => written() > downloads * 2 ** 19).then(() => (isOver = true))
  while (!isOver) {
    await nextTurn()
    const now = written()
    largest = Math.max(largest, now - before)
    before = now
  }
  // A piece that was on its way is taken: of each connection one, and not of all in one turn.
  t.ok(largest < most + (downloads / 2) * piece, `${largest} bytes in one turn`)
  for (const client of clients) client.resume()
  await Promise.all(clients.map(client => once(client, 'close')))
  t.ok(written() > downloads * bytes, 'and in the end all of it is there')
})

t.test('an answer whose client disconnects while it waits for its turn is dropped', async t => {
  const upstream = await upstreamOf(t, response => response.end(Buffer.alloc(2 ** 20)))
  const { port, bugs, failures } = await runningServer(t, { upstream })
  const clients = Array.from({ length: 30 }, () => download(t, port))
  await once(clients[0] ?? t, 'readable')
  for (const client of clients) client.destroy()
  const last = download(t, port)
  last.resume()
  await once(last, 'close')
  t.strictSame([bugs, failures], [[], []])
})

/** A client that reads nothing until it is told to. */
function download(t: Test, port: number): Socket {
  const socket = connect(port, '127.0.0.1')
  socket.write(
    `GET /fabrikam/pack HTTP/1.1\r\nHost: git.example.com\r\nAuthorization: ${basic()}\r\nConnection: close\r\n\r\n`,
  )
  socket.on('error', () => {})
  t.teardown(() => void socket.destroy())
  return socket
}

async function upstreamOf(t: Test, answer: (response: ServerResponse) => void): Promise<string> {
  const server = createServer((_, response) => answer(response)).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}` // a TCP server: never a pipe's name
}
