import { once } from 'node:events'
import { connect, createServer, type AddressInfo } from 'node:net'

/** A TCP port of this machine that was free just now. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo // listening on TCP: never null, never a pipe's name
  server.close()
  await once(server, 'close')
  return port
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
