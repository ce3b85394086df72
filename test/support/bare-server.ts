import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { createServer as createTlsServer, type TlsOptions } from 'node:tls'
import type { Test } from 'tap'

/** A server of this machine that speaks TCP, or TLS, and otherwise only what the test writes. */
export interface BareServer {
  /** As an upstream: `http:`, or `https:`. */
  readonly url: string
  readonly port: number
  /** Connections so far. */
  readonly calls: () => number
  /** Connections that are open now. */
  readonly open: () => number
}

/** Gives every connection to `talk`, and the number that it has, from 1; ends with the test. `tls`: it speaks TLS. */
export async function bareServer(
  t: Pick<Test, 'teardown'>,
  talk: (socket: Socket, call: number) => void,
  tls?: TlsOptions,
): Promise<BareServer> {
  let calls = 0
  const sockets = new Set<Socket>()
  const accept = (socket: Socket) => {
    sockets.add(socket)
    socket.on('error', () => {}).on('close', () => sockets.delete(socket))
    talk(socket, ++calls)
  }
  const options = { noDelay: true }
  const server = tls ? createTlsServer({ ...options, ...tls }, accept) : createServer(options, accept)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.close()
    for (const socket of sockets) socket.destroy()
  })
  const { port } = server.address() as AddressInfo // listening on TCP
  return {
    url: `${tls ? 'https' : 'http'}://127.0.0.1:${port}`,
    port,
    calls: () => calls,
    open: () => sockets.size,
  }
}
