import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import type { Test } from 'tap'

/** A TCP server that gives every connection to `talk`; its address, and the number of connections so far. */
export async function bareServer(t: Pick<Test, 'teardown'>, talk: (socket: Socket) => void) {
  let calls = 0
  const sockets = new Set<Socket>()
  const server = createServer(socket => {
    calls++
    sockets.add(socket)
    socket.on('error', () => {})
    talk(socket)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.close()
    for (const socket of sockets) socket.destroy()
  })
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('not listening on TCP')
  return { url: `http://127.0.0.1:${address.port}`, calls: () => calls }
}
