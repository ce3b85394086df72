import { once } from 'node:events'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Allow } from '../../../src/gateway/decision.ts'
import { type AccountName, foldUsername, msaScope, type Subject } from '../../../src/gateway/names.ts'
import type { Witness } from '../../../src/gateway/ports.ts'
import { openWitness } from '../../../src/generation.ts'
import { createArgon2id } from '../../../src/hashing/argon2id.ts'
import { openServices, type Services } from '../../../src/services.ts'
import type { Settings } from '../../../src/settings/schema.ts'
import { openLogs } from '../../../src/telemetry/logs.ts'
import { createWorkerMetrics } from '../../../src/telemetry/metrics.ts'
import { account, anna } from '../people.ts'

/** What a step is given. */
export interface StepParts {
  readonly settings: Settings
  /** The address of the small upstream. */
  readonly upstream: string
}

/** A step that serves. */
export interface Serving {
  readonly port: number
  readonly close: () => Promise<void>
}

export interface Step {
  /** What it adds to the step before. */
  readonly adds: string
  readonly serve: (parts: StepParts) => Promise<Serving>
}

/** Listens on a free port. `after`: what is closed when the server is. */
export async function listen(server: Server, ...after: readonly (() => unknown)[]): Promise<Serving> {
  server.listen({ port: 0, host: '127.0.0.1' })
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port, // listening on TCP
    async close() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
      for (const each of after) await each()
    },
  }
}

/** What a gateway would decide that did not look at the request. */
export function allowedAt(upstream: string): Allow {
  return {
    outcome: 'allow',
    account: { name: account as AccountName, connection: { kind: 'msa' }, upstream },
    scope: msaScope,
    username: foldUsername(anna.user),
    subject: '01234567-89ab-cdef-0123-456789abcdef' as Subject,
    via: 'l1',
  }
}

/** Sees nothing. */
export const nobody: Witness = { saw() {} }

/** The services of a worker, which hashes in its own process: it does so once. */
export async function openStepServices(settings: Settings): Promise<Services> {
  const fail = (error: unknown): never => {
    throw error
  }
  return await openServices(settings, {
    hasher: await createArgon2id({ cost: settings.hashing, onFlaw: fail }),
    peerWorkers: { tell() {}, onTold() {} },
    outage: fail,
    upgradeFailed: fail,
    provedInPart: fail,
    upstreamAuthWarning: fail,
    revoked() {},
    asked() {},
  })
}

/** The witnesses of a worker. */
export function openWitnesses(
  settings: Settings,
  services: Services,
): { readonly witness: Witness; close(): Promise<void> } {
  const opening = new AsyncDisposableStack()
  const logs = openLogs(settings, () => {})
  const { witness } = openWitness(settings, {
    logs,
    services,
    opening,
    metrics: createWorkerMetrics(),
    outage() {},
  })
  return { witness, close: () => opening.disposeAsync() }
}
