import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import type { Test } from 'tap'

/**
 * A line to an `http:` address that takes so many milliseconds each way: what one end sends has not arrived when the
 * other speaks. It ends with the test.
 */
export async function slowLine(t: Test, to: string, milliseconds: number): Promise<{ readonly url: string }> {
  const { hostname, port, pathname } = new URL(to)
  const sockets = new Set<Socket>()
  const server = createServer({ allowHalfOpen: true }, near => {
    const far = connect({ port: Number(port), host: hostname, allowHalfOpen: true })
    for (const [from, into] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(from)
      from.on('error', () => {}).on('data', chunk => setTimeout(() => into.write(chunk), milliseconds))
      from.on('end', () => setTimeout(() => into.end(), milliseconds))
      from.on('close', () => setTimeout(() => into.destroy(), milliseconds))
    }
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  const address = server.address() as AddressInfo // a TCP server: never a pipe's name
  return { url: `http://127.0.0.1:${address.port}${pathname}` }
}
