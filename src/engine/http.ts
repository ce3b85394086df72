import type { Server } from 'node:http'
import type { Socket } from 'node:net'

/**
 * Values of `node:http`; types are imported from there. As an ES module it would bring Node's own fetch and WebSocket along,
 * which are among its exports: 40 ms of a processor and 16 MB for each process.
 */
export const { createServer, IncomingMessage, METHODS, ServerResponse, STATUS_CODES } =
  process.getBuiltinModule('node:http')

/** Node's list of a server's connections, by what its parsers have read. It has no public name. */
interface ConnectionList {
  idle(): readonly { readonly socket: Socket }[]
}

/**
 * Sockets of a listening server on which no request is being read: whether a byte that came begins one, only the parser
 * knows. The answer to the last request may not be there yet. `test/server/closing.test.ts` fails if Node renames the list.
 */
export function betweenRequests(server: Server): readonly Socket[] {
  const name = Object.getOwnPropertySymbols(server).find(
    ({ description }) => description === 'http.server.connections',
  )
  const list = name && (server as unknown as Record<symbol, ConnectionList>)[name]
  return list?.idle().map(({ socket }) => socket) ?? []
}
