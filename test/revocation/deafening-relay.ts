import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import type { Test } from 'tap'
import type { TestRedis } from '../support/redis.ts'

/** A line to Redis on which a firewall can forget the subscriptions. */
export interface DeafeningRelay {
  readonly url: string
  /** From now on nothing arrives on the subscriptions there are; they stay open, and all other connections work. */
  deafen(): void
}

export async function startDeafeningRelay(t: Test, { port }: TestRedis): Promise<DeafeningRelay> {
  const sockets = new Set<Socket>()
  const subscriptions = new Set<Socket>()

  const server = createServer(near => {
    const far = connect(port, '127.0.0.1')
    for (const socket of [near, far]) {
      sockets.add(socket)
      socket.on('error', () => {}).on('close', () => sockets.delete(socket))
    }
    near.on('data', chunk => {
      if (chunk.includes('subscribe')) subscriptions.add(far)
    })
    near.pipe(far).pipe(near)
    near.on('close', () => far.destroy())
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')

  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return {
    url: `redis://127.0.0.1:${(server.address() as AddressInfo).port}`, // a TCP server: never a pipe's name
    deafen() {
      for (const far of subscriptions) far.unpipe().pause()
    },
  }
}
