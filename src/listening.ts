import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { platform } from 'node:os'
import { among, networkOf } from './common/addresses.ts'
import { Failure, reasonOf } from './common/failure.ts'
import { Connections } from './server/connections.ts'
import type { Settings } from './settings/schema.ts'
import type { Logger } from './telemetry/logs.ts'
import type { WorkerMetrics } from './telemetry/metrics.ts'
import { createConnectionReport } from './telemetry/reports.ts'

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
 * it, another gateway too, which would take half of the connections without a word. Throws `Failure`.
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
export function cannotListen({ host, port }: Where, cause: unknown): Failure {
  return new Failure(`Cannot listen on ${host}:${port}: ${reasonOf(cause)}.`)
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

interface ConnectionParts {
  readonly settings: Settings
  readonly metrics: WorkerMetrics
  readonly log: Logger
}

/** What the callers' connections to all ports of this process are counted and looked after by. */
export function createConnections({
  settings: { connections, trustedProxies, throttle },
  metrics,
  log,
}: ConnectionParts): Connections {
  const all = new Connections({
    limits: { ...connections, ...connectionsWithin(openFilesLimit(), connections) },
    networkOf: address => networkOf(address, throttle.ipv6PrefixBits),
    isProxy: among(trustedProxies),
    observer: createConnectionReport(log, metrics.connectionClosed),
  })
  metrics.connectionsOpen(() => all.open)
  return all
}

/** Those who probe are few: whoever opens hundreds must not take the descriptors that the workers' pipes need. */
export function operationsConnections({ connections }: Settings, log: Logger): Connections {
  const { total } = connectionsWithin(openFilesLimit(), { total: 'auto', perAddress: 'auto' })
  const most = Math.min(total, 256)
  return new Connections({
    limits: { ...connections, total: most, perAddress: most },
    networkOf: address => address,
    isProxy: () => false,
    observer: createConnectionReport(log, () => {}),
  })
}
