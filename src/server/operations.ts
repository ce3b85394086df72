import fastify, { type FastifyInstance } from 'fastify'
import { createServer } from '../engine/http.ts'
import { Connections, unbounded } from './connections.ts'

export interface OperationsOptions {
  /** Whether this process should get requests, and the state of each part in a word or a sentence. */
  ready(): { readonly ready: boolean; readonly parts: Readonly<Record<string, string>> }
  metrics(): Promise<{ readonly contentType: string; readonly body: string }>
  /** Left out: unlimited. */
  readonly connections?: Connections
}

/**
 * The operations port: `/live` (the process runs), `/ready` (it can do its work) and `/metrics`. It requires no password,
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
  return app
}

const plain = 'text/plain; charset=utf-8'
