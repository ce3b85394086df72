import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import type { Test } from 'tap'

/** A line between gateway and upstream that can be held, as a slow upstream would. */
export interface Relay {
  readonly url: string
  /** Lets at most so many more bytes of answers through, until `release`. */
  hold(afterBytes: number): void
  /** Resolves when the line is held for the first time. */
  readonly held: Promise<void>
  release(): void
}

/** Starts a relay to an `http:` address; it ends with the test. `from`: the address of this machine that it uses. */
export async function startRelay(
  t: Test,
  to: string,
  { from = '127.0.0.1' }: { readonly from?: string } = {},
): Promise<Relay> {
  const { hostname, port } = new URL(to)
  let left = Number.POSITIVE_INFINITY
  const held = Promise.withResolvers<void>()
  const waiting = new Set<Socket>()
  const sockets = new Set<Socket>()

  const server = createServer(near => {
    const far = connect({ port: Number(port), host: hostname, localAddress: from })
    for (const socket of [near, far]) {
      sockets.add(socket)
      socket.on('error', () => {}).on('close', () => sockets.delete(socket))
    }
    near.pipe(far)
    far.on('data', chunk => {
      near.write(chunk)
      left -= chunk.length
      if (left > 0) return
      waiting.add(far.pause())
      held.resolve()
    })
    far.on('end', () => near.end())
    near.on('close', () => far.destroy())
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')

  const release = () => {
    left = Number.POSITIVE_INFINITY
    for (const socket of waiting) socket.resume()
    waiting.clear()
  }
  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, // a TCP server: never a pipe's name
    hold: afterBytes => (left = afterBytes),
    held: held.promise,
    release,
  }
}
