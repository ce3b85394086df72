import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { platform } from 'node:os'
import { reasonOf } from './commands/reason.ts'

/** Where a port is. */
export interface Where {
  readonly host: string
  readonly port: number
}

/**
 * How a worker listens. On Linux each has a socket of its own and the kernel deals the connections out: from one socket
 * whoever is awake takes more of them, up to all (ADR 0033). Elsewhere the workers share one.
 */
export function asOneOfMany({ host, port }: Where): Where & { readonly reusePort: boolean } {
  return { host, port, reusePort: platform() === 'linux' }
}

/**
 * The port, or, for 0, one that is free. Sees that nobody listens there: workers share their port with whoever asks for
 * it, another gateway too, which would take half of the connections without a word. Throws an `Error` with a sentence.
 */
export async function freePort({ host, port }: Where): Promise<number> {
  await using server = createServer()
  try {
    server.listen({ host, port })
    await once(server, 'listening')
    return (server.address() as AddressInfo).port // listening on TCP: never null, never a pipe's name
  } catch (error) {
    throw cannotListen({ host, port }, error)
  }
}

/** The sentence for whoever starts the gateway. */
export function cannotListen({ host, port }: Where, cause: unknown): Error {
  return new Error(`Cannot listen on ${host}:${port}: ${reasonOf(cause)}.`)
}
