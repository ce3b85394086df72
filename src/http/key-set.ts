import type { FastifyInstance } from 'fastify'

export interface KeySetOptions {
  /** Keys as a JSON Web Key Set has them (RFC 7517). */
  readonly publicKeys: () => readonly object[]
}

/** Seconds for which the set may be kept. A key is in it for at least a day before it is used. */
const maxAge = 3600

/** `keys`: what upstreams check the gateway's assertions with. It holds no secret, and anybody may ask. */
export async function keySet(app: FastifyInstance, { publicKeys }: KeySetOptions): Promise<void> {
  app.get(
    '/keys',
    async (_, reply) =>
      reply
        .header('Cache-Control', `public, max-age=${maxAge}`)
        .type('application/jwk-set+json')
        .send(Buffer.from(JSON.stringify({ keys: publicKeys() }))), // to text Fastify would add a charset
  )
}
