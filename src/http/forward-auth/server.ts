import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { Connections } from '../connections/connections.ts'
import { unbounded } from '../connections/limits.ts'
import { answerMalformed } from '../malformed.ts'
import { createDoor, type DoorOptions } from './door.ts'

export interface ForwardAuthServer {
  /** Gives the port that it listens on. Throws what Node throws if it cannot. */
  listen(where: { readonly host: string; readonly port: number }): Promise<number>
  /** Lets what is under way come to its end. */
  close(): Promise<void>
}

/**
 * The port for proxies that forward by themselves and want the decision alone. It is plain node:http: a router and its
 * hooks would cost as much again as the decision.
 */
export function createForwardAuthServer(
  options: DoorOptions & { readonly connections?: Connections },
): ForwardAuthServer {
  const { connections = new Connections(unbounded) } = options
  const { headSeconds, idleSeconds } = connections.limits
  const limits = {
    // Four times what a proxy passes on by default: the address comes twice, and an answer may come back.
    maxHeaderSize: 128 * 1024,
    headersTimeout: headSeconds * 1000,
    connectionsCheckingInterval: Math.min(30_000, headSeconds * 250),
    // Longer than proxies keep theirs: whoever closes first can cut off a request that has just been sent.
    keepAliveTimeout: idleSeconds * 1000,
    // A missing Host is told with a text.
    requireHostHeader: false,
  }
  const server = createServer(limits, connections.inTurn(createDoor(options)))
  // As at the public port: the size of the head is the limit.
  server.maxHeadersCount = 0
  connections.watch(server)
  server.on('clientError', (error, duplex) => {
    const socket = duplex as Socket // no other kind comes from TCP
    answerMalformed({ error, socket, publicUrl: options.publicUrl, end: each => each.destroySoon() })
  })
  return {
    async listen(where) {
      server.listen(where)
      await once(server, 'listening')
      return (server.address() as AddressInfo).port // listening on TCP: never null, never a pipe's name
    },
    async close() {
      const closed = once(server, 'close')
      server.close()
      // Node ends idle connections once; those that fall idle later would be waited for until they time out.
      const sweep = setInterval(() => server.closeIdleConnections(), 50)
      await closed
      clearInterval(sweep)
    },
  }
}
