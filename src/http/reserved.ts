import type { IncomingMessage } from 'node:http'

/** Whether a request target belongs to the gateway itself. In any other spelling it is an account that nobody has. */
export function isReserved(target: string): boolean {
  return target === '/_altgate' || target.startsWith('/_altgate/') || target.startsWith('/_altgate?')
}

/**
 * The address by which Fastify finds a route: the reserved ones as they are, `/` for all that goes to the gate.
 * Routers decode, compare without case and refuse escapes that are no UTF-8; the gateway reads the original.
 */
export function routeOf({ url = '/', headers }: IncomingMessage): string {
  if (isReserved(url)) return url
  // Fastify would refuse a media type that it cannot read, and its parser for text/plain buffers, stops at 1 MiB and
  // re-encodes. Without a type a body is a stream. The upstream gets its headers from the raw list.
  delete headers['content-type']
  return '/'
}
