import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { platform } from 'node:os'
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
 * How a worker listens. On Linux each has a socket of its own and the kernel distributes the connections; from a shared
 * socket, a worker that is awake takes most of them or all (ADR 0033). Elsewhere the workers share one.
 */
export function asOneOfMany({ host, port }: Where): Where & {
  readonly reusePort: boolean
  readonly backlog: number
} {
  return { host, port, reusePort: platform() === 'linux', backlog }
}

/**
 * Connections that may wait to be accepted. Node's 511 are fewer than a build farm opens at once, and a client whose
 * connection finds no room tries again only after a second. Linux takes 4096 unless `net.core.somaxconn` says otherwise.
 */
const backlog = 4096

/**
 * Returns the port, or a free one for 0. Makes sure that no other program listens there: workers open their port for
 * sharing, so a second gateway would silently take half of the connections. Throws `Failure`.
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

/** The error for the operator who starts the gateway. */
export function cannotListen({ host, port }: Where, cause: unknown): Failure {
  return new Failure(`Cannot listen on ${host}:${port}: ${reasonOf(cause)}.`)
}

/** Descriptors that one process needs besides connections of callers and to upstreams: store, Redis, pipes, logs. */
const filesKept = 128

/** No ordinary load needs more, and each connection costs about 10 KB. */
const mostConnections = 10_000

/** How many connections one process accepts. `auto` leaves room for one upstream connection beside each. */
export function connectionsWithin(
  filesLimit: number,
  asked: { readonly total: number | 'auto'; readonly perAddress: number | 'auto' },
): { readonly total: number; readonly perAddress: number } {
  const fitting = Math.max(8, Math.min(mostConnections, Math.floor((filesLimit - filesKept) / 2)))
  const total = asked.total === 'auto' ? fitting : asked.total
  return { total, perAddress: asked.perAddress === 'auto' ? Math.ceil(total / 4) : asked.perAddress }
}

/** How many files and sockets one of our processes may have open. Node raises its soft limit to the hard one. */
export function openFilesLimit(): number {
  return limitNamed('Max open files') ?? Infinity
}

/** The soft limit of this process, in the limit's own unit. `undefined`: this system does not say. */
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
  readonly settings: Pick<Settings, 'connections'>
  /** What an address is counted under, and whether it is a trusted proxy: by the settings in force. */
  readonly networkOf: (address: string) => string
  readonly isProxy: (address: string) => boolean
  readonly metrics: WorkerMetrics
  readonly log: Logger
}

/** Counts and limits the connections of callers to all ports of this process. */
export function createConnections({
  settings: { connections },
  networkOf,
  isProxy,
  metrics,
  log,
}: ConnectionParts): Connections {
  const all = new Connections({
    limits: { ...connections, ...connectionsWithin(openFilesLimit(), connections) },
    networkOf,
    isProxy,
    observer: createConnectionReport(log, metrics.connectionClosed),
  })
  metrics.connectionsOpen(() => all.open)
  return all
}

/** Probes are few: a client that opens hundreds of connections must not take the descriptors that the workers' pipes need. */
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
