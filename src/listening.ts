import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { platform } from 'node:os'
import { reasonOf } from './commands/failure.ts'

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

/** Files of one process that are not callers' connections nor lead to upstreams: store, Redis, pipes, logs. */
const filesKept = 128

/** More would not be a gateway but an attack: about 10 KB each. */
const mostConnections = 10_000

/** How many connections one process takes. With `auto` each has room for one to an upstream beside it. */
export function connectionsWithin(
  filesLimit: number,
  asked: { readonly total: number | 'auto'; readonly perAddress: number | 'auto' },
): { readonly total: number; readonly perAddress: number } {
  const fitting = Math.max(8, Math.min(mostConnections, Math.floor((filesLimit - filesKept) / 2)))
  const total = asked.total === 'auto' ? fitting : asked.total
  return { total, perAddress: asked.perAddress === 'auto' ? Math.ceil(total / 4) : asked.perAddress }
}

/** How many files, sockets among them, a process of ours may have open. Node raises its own limit as far as it may. */
export function openFilesLimit(): number {
  return limitNamed('Max open files') ?? Infinity
}

/** Of a limit of this process: what is in force, in its own unit. `undefined`: this system does not tell. */
export function limitNamed(name: string): number | undefined {
  try {
    const line = readFileSync('/proc/self/limits', 'utf8')
      .split('\n')
      .find(each => each.startsWith(`${name} `))
    const [soft] = line?.slice(name.length).trim().split(/\s+/) ?? []
    return soft === undefined ? undefined : soft === 'unlimited' ? Infinity : Number(soft)
  } catch {
    return undefined // not Linux
  }
}
