import { LRUCache } from 'lru-cache'
import { createApp, createForwardAuth } from './app.ts'
import { ipcChannel } from './common/channel.ts'
import { atMost } from './engine/memory.ts'
import { type FromWorker, sharedOutput, type ToWorker } from './fleet.ts'
import { whenStoreAnswers } from './foundation.ts'
import type { Subject } from './gateway/names.ts'
import type { ProvedInPart } from './gateway/verifier.ts'
import { createRemoteHasher } from './hashing/remote.ts'
import { asOneOfMany, cannotListen, createConnections, type Where } from './listening.ts'
import type { Connections } from './server/connections.ts'
import { openNotice } from './notices.ts'
import { pathOf, requestKindAt } from './requests/tool.ts'
import { openServices, type Services } from './services.ts'
import { takeOver } from './settings/handed-over.ts'
import type { Settings } from './settings/schema.ts'
import { createLastUsedWitness } from './telemetry/last-used.ts'
import { createRefusalWitness } from './telemetry/refusals.ts'
import { openLogs, witnesses } from './telemetry/logs.ts'
import { createWorkerMetrics } from './telemetry/metrics.ts'
import { createOutageReport, keepServing } from './telemetry/reports.ts'
import { peerWorkersOver } from './throttling/peer-workers.ts'

// A worker process: it serves the public port, and the forward-auth port if the settings have one. `fleet.ts` is its
// other end, and tells it when to stop; signals do not (`ignore-signals.ts`).

// Only Node itself prints there: a reader that is gone, or a full disk, must not end the process.
process.stderr.on('error', () => {})

/** What this worker has opened; closed in reverse order. */
const open = new AsyncDisposableStack()
let connections: Connections | undefined
let draining = false
const handedOver = Promise.withResolvers<{ settings: Settings; store: string | undefined }>()
process.on('message', (message: ToWorker) => {
  if (message?.altgate === 'settings')
    handedOver.resolve({ settings: takeOver(message), store: message.store })
  if (message?.altgate === 'drain') drain()
  if (message?.altgate === 'stop') void stop()
})

const { settings, store: expectedStore } = await handedOver.promise
const { log, audit } = openLogs(settings, createLossReport(), sharedOutput)
const metrics = createWorkerMetrics()
const outage = createOutageReport(log, metrics.outage)

const primary = ipcChannel(process)
const hasher = createRemoteHasher(primary, { cost: settings.hashing })
const notice = await openNotice(settings, log)
const unguarded = await openServicesHere()
open.defer(() => unguarded.close())
const services = { ...unguarded, gateway: audit.guard(unguarded.gateway) }
const lastUsed = createLastUsedWitness({ store: services.lastUsed, outage, now: Date.now })
open.defer(() => lastUsed.close())
const refusals = createRefusalWitness({
  store: services.refusals,
  keptMs: settings.refusals.keepDays * 24 * 60 * 60 * 1000,
  kindOf: ({ target }) => requestKindAt(pathOf(target)),
  outage,
  now: Date.now,
})
open.defer(() => refusals.close())
const witness = witnesses(audit, metrics, lastUsed, refusals)
connections = createConnections({ settings, metrics, log })
if (draining) connections.announceEnd()
const parts = { settings, services, hasher, witness, refusals, notice, metrics, outage, log, connections }
const app = createApp(parts)
open.defer(() => app.close())
const listening = [listen(settings.listen, app)]
if (settings.forwardAuth !== undefined) {
  const forwardAuth = createForwardAuth(parts)
  open.defer(() => forwardAuth.close())
  listening.push(listen(settings.forwardAuth, forwardAuth))
}
if ((await Promise.all(listening)).every(listens => listens)) {
  keepServing({ log, count: metrics.bug })
  tell({ altgate: 'listening' })
}

/** Whether it listens now; if not, the primary process has been told why. */
async function listen(
  where: Where,
  server: { listen(where: ReturnType<typeof asOneOfMany>): Promise<unknown> },
): Promise<boolean> {
  try {
    await server.listen(asOneOfMany(where))
    return true
  } catch (error) {
    tell({ altgate: 'cannot-start', why: cannotListen(where, error).message })
    return false
  }
}

function drain(): void {
  draining = true
  connections?.announceEnd()
}

async function stop(): Promise<void> {
  drain()
  await open.disposeAsync()
  process.exit(0)
}

async function openServicesHere(): Promise<Services> {
  const upgradeFailed = (err: unknown) =>
    log.warn({ err }, 'a hash could not be renewed; its next use tries again')
  const asksTooOften = (from: string) =>
    log.warn({ from }, 'an address keeps sending requests without a credential and is throttled')
  const told = new LRUCache<Subject, true>(atMost(10_000))
  // Otherwise every sign-in would log it again.
  const provedInPart = ({ scope, subject }: ProvedInPart) => {
    if (told.has(subject)) return
    told.set(subject, true)
    log.warn(
      { scope, subject },
      'an imported hash covers only the first 72 bytes of this password, or 8 with DES crypt, so it is not renewed: any password with the same first bytes is accepted. Have the password set again',
    )
  }
  const upstreamAuthWarning = (sentence: string, cause: unknown) =>
    log.warn({ cause: String(cause) }, sentence)
  const opened = {
    expectedStore,
    hasher,
    peerWorkers: peerWorkersOver(primary),
    outage,
    asksTooOften,
    upgradeFailed,
    provedInPart,
    upstreamAuthWarning,
    renewed: metrics.renewed,
    delegationWarning: (sentence: string, facts: Readonly<Record<string, string>>) =>
      log.warn(facts, sentence),
    revoked: (seconds: number) => tell({ altgate: 'revoked', seconds }),
    asked: metrics.asked,
    notice,
  }
  return await whenStoreAnswers(() => openServices(settings, opened), outage)
}

/** Counts lines that are lost; the primary process has the metric, so that the count outlives this worker. */
function createLossReport(): (which: 'log' | 'audit') => void {
  const lost = { log: 0, audit: 0 }
  let telling: NodeJS.Timeout | undefined
  return which => {
    lost[which] += 1
    telling ??= setTimeout(() => {
      for (const log of ['log', 'audit'] as const)
        if (lost[log] > 0) tell({ altgate: 'dropped', log, lines: lost[log] })
      lost.log = lost.audit = 0
      telling = undefined
    }, 200).unref()
  }
}

function tell(message: FromWorker): void {
  process.send?.(message, undefined, undefined, () => {}) // without its primary this process ends anyway
}
