import { Connections } from './server/connections.ts'
import { connectionsWithin, openFilesLimit } from './listening.ts'
import type { Settings } from './settings/schema.ts'
import { among, networkOf } from './common/addresses.ts'
import { createConnectionReport } from './telemetry/reports.ts'
import type { Logger } from './telemetry/logs.ts'
import type { WorkerMetrics } from './telemetry/metrics.ts'

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
