import type { IncomingMessage, RequestListener, Server } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { Socket } from 'node:net'
import { createServer } from '../engine/http.ts'
import { createRefusedBodyReader, type RefusedBodies } from '../requests/refused-bodies.ts'
import { isReserved, useOriginForm } from '../requests/request.ts'
import type { Connections } from './connections.ts'
import { answerConnect, answerMalformed, serveHalfClosed } from './unreadable.ts'

/** What is behind a port: it can be replaced while the port stays open. */
export interface Behind {
  readonly route: RequestListener
  /** For answers to bytes that are not a request. */
  readonly publicUrl: string
  /** What the client of a request is counted under. */
  readonly clientOf: (request: IncomingMessage) => string
  /** What an address is counted under. */
  readonly networkOf: (address: string) => string
}

export interface PortOptions {
  /** PEM; turns HTTPS on. */
  readonly tls?: { readonly cert: string; readonly key: string }
  readonly refusedBodies: RefusedBodies
  readonly connections: Connections
  /** What is behind the port now; called for each request. */
  readonly behind: () => Behind
}

/** The server of the public port. It does not listen yet. */
export function createPublicPort({ tls, refusedBodies, connections, behind }: PortOptions): Server {
  const bodies = createRefusedBodyReader({
    ...refusedBodies,
    clientOf: request => behind().clientOf(request),
    networkOf: address => behind().networkOf(address),
  })
  const inTurn = connections.inTurn(bodies.wrap((request, response) => behind().route(request, response)))
  const handler: RequestListener = (request, response) => {
    useOriginForm(request)
    inTurn(request, response)
  }
  const { headSeconds } = connections.limits
  const limits = {
    maxHeaderSize: 32 * 1024,
    headersTimeout: headSeconds * 1000,
    handshakeTimeout: headSeconds * 1000,
    // How often Node checks for late heads.
    connectionsCheckingInterval: Math.min(30_000, headSeconds * 250),
    // A push may take any time.
    requestTimeout: 0,
    // A request without a body is a stream that has ended before its handler is called: a twentieth of the time of each.
    optimizeEmptyRequests: true,
    // The gateway refuses a missing or second Host itself, with a text.
    requireHostHeader: false,
  }
  const server =
    tls === undefined
      ? createServer(limits, handler)
      : createTlsServer({ ...limits, ...tls, allowHalfOpen: true }, handler)
  // Only the size of the head is limited: Node silently drops headers beyond a maximum count.
  server.maxHeadersCount = 0
  serveHalfClosed(server as Server)
  connections.watch(server as Server) // as below
  bodies.watch(server as Server)
  server.on('checkContinue', (request, response) => {
    // No upload begins before the request is allowed: `requests/bodies.ts` sends the 100 then.
    if (isReserved(request.url ?? '')) response.writeContinue()
    handler(request, response)
  })
  server.on('connect', (_, socket) => answerConnect(socket as Socket, behind().publicUrl)) // as below
  server.on('clientError', (error, duplex) => {
    const socket = duplex as Socket // no other kind comes from TCP
    // It was answered already: a second answer would be taken for that to the next request.
    if (bodies.isReading(socket)) socket.destroy()
    else answerMalformed({ error, socket, publicUrl: behind().publicUrl, end: each => bodies.end(each) })
  })
  return server as Server // an https.Server has everything that Fastify needs
}
