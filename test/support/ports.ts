import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { connect, createServer, type ListenOptions, type Server } from 'node:net'

/** The one port of them that `fetch` refuses (https://fetch.spec.whatwg.org/#port-blocking). */
const notFetched = 10_080

/**
 * A TCP port of this machine that is free, and that no other test gets while this process runs. Below those that Linux gives
 * to outgoing connections and to whatever listens on port 0: while a program starts, none of these can take it.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(10_000, 20_000) // nodes of a Redis Cluster use the one 10,000 above as well
    if (port === notFetched || !(await reserved(port))) continue
    const server = await listening({ port, host: '127.0.0.1' })
    if (server === undefined) continue
    server.close()
    await once(server, 'close')
    return port
  }
}

/** By a socket whose name is in no folder, which Linux takes back when the process ends, however it ends. */
async function reserved(port: number): Promise<boolean> {
  const holder = await listening({ path: `\0altgate-test-port-${port}` })
  holder?.unref()
  return holder !== undefined
}

/** `undefined` if another one listens there. */
async function listening(where: ListenOptions): Promise<Server | undefined> {
  const server = createServer().listen(where)
  return await once(server, 'listening').then(
    () => server,
    () => undefined,
  )
}

/** Whether a program takes connections on a port of this machine. */
export async function listens(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1')
  try {
    await once(socket, 'connect')
    return true
  } catch {
    return false
  } finally {
    socket.destroy()
  }
}
