import { createServer } from 'node:http'
import fastify, { type FastifyInstance } from 'fastify'
import { Connections, unbounded } from './connections.ts'

export interface OperationsOptions {
  /** Whether this process should get requests, and the state of each part in a word or a sentence. */
  ready(): { readonly ready: boolean; readonly parts: Readonly<Record<string, string>> }
  metrics(): Promise<{ readonly contentType: string; readonly body: string }>
  /** What `altgate reload` asks for; resolves with what to tell it. Left out: there is nothing to reload. */
  reload?(): Promise<object>
  /** Left out: unlimited. */
  readonly connections?: Connections
}

/** Web pages cannot send it to another origin without asking first, which this server never answers. */
export const reloadHeader = 'x-altgate-reload'

/**
 * The operations port: `/live` (the process runs), `/ready` (it can do its work) and `/metrics`. `altgate reload` uses it as
 * well, from the same machine. It requires no password,
 * so it is a separate server, which must not be reachable from outside.
 */
export function createOperationsServer(options: OperationsOptions): FastifyInstance {
  const { connections = new Connections(unbounded) } = options
  const app = fastify({
    return503OnClosing: false,
    serverFactory(handler) {
      const { headSeconds, idleSeconds } = connections.limits
      const limits = { headersTimeout: headSeconds * 1000, keepAliveTimeout: idleSeconds * 1000 }
      const server = createServer(limits, connections.inTurn(handler))
      connections.watch(server)
      return server
    },
  })
  app.get('/live', (_, reply) => reply.type(plain).send('ok\n'))
  app.get('/ready', (_, reply) => {
    const now = options.ready()
    return reply.code(now.ready ? 200 : 503).send(now)
  })
  // Collecting costs every worker some milliseconds, so concurrent requests share one collection.
  let collecting: ReturnType<OperationsOptions['metrics']> | undefined
  app.get('/metrics', async (_, reply) => {
    collecting ??= options.metrics().finally(() => (collecting = undefined))
    const { contentType, body } = await collecting
    return reply.type(contentType).send(body)
  })
  app.post('/reload', async ({ raw }, reply) => {
    const { remoteAddress, localAddress } = raw.socket
    // A connection of this machine to itself has the same address at both ends, unless it is a loopback one.
    const isLocal = remoteAddress === localAddress || isLoopbackAddress(remoteAddress)
    if (!isLocal || raw.headers[reloadHeader] === undefined) return reply.code(403).send()
    return reply.send((await options.reload?.()) ?? { outcome: 'starting' })
  })
  return app
}

function isLoopbackAddress(address = ''): boolean {
  return address === '::1' || /^(?:::ffff:)?127\./.test(address)
}

const plain = 'text/plain; charset=utf-8'
