import fastify, { type FastifyInstance } from 'fastify'

export interface OperationsOptions {
  /** Whether requests should come here now, and how each part is, in a word or a sentence. */
  ready(): { readonly ready: boolean; readonly parts: Readonly<Record<string, string>> }
  metrics(): Promise<{ readonly contentType: string; readonly body: string }>
}

/**
 * The operations port: `/live` (the process runs), `/ready` (it can do its work) and `/metrics`. It asks nobody for
 * a password, so it is a server of its own, to be kept inside.
 */
export function createOperationsServer(options: OperationsOptions): FastifyInstance {
  const app = fastify({ return503OnClosing: false })
  app.get('/live', (_, reply) => reply.type(plain).send('ok\n'))
  app.get('/ready', (_, reply) => {
    const now = options.ready()
    return reply.code(now.ready ? 200 : 503).send(now)
  })
  app.get('/metrics', async (_, reply) => {
    const { contentType, body } = await options.metrics()
    return reply.type(contentType).send(body)
  })
  return app
}

const plain = 'text/plain; charset=utf-8'
