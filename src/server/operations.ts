import { createServer } from 'node:http'
import fastify, { type FastifyInstance } from 'fastify'
import { Connections, unbounded } from './connections.ts'

export interface OperationsOptions {
  /** Whether requests should come here now, and how each part is, in a word or a sentence. */
  ready(): { readonly ready: boolean; readonly parts: Readonly<Record<string, string>> }
  metrics(): Promise<{ readonly contentType: string; readonly body: string }>
  /** Left out: as many as come. */
  readonly connections?: Connections
}

/**
 * The operations port: `/live` (the process runs), `/ready` (it can do its work) and `/metrics`. It asks nobody for
 * a password, so it is a server of its own, to be kept inside.
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
  // Every worker is asked, and each spends some milliseconds on its answer: whoever asks meanwhile gets the same one.
  let collecting: ReturnType<OperationsOptions['metrics']> | undefined
  app.get('/metrics', async (_, reply) => {
    collecting ??= options.metrics().finally(() => (collecting = undefined))
    const { contentType, body } = await collecting
    return reply.type(contentType).send(body)
  })
  return app
}

const plain = 'text/plain; charset=utf-8'
