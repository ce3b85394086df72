import { once } from 'node:events'
import type { Server } from 'node:http'
import { Server as TlsServer } from 'node:https'
import { ipcChannel } from './common/channel.ts'
import { Failure, reasonOf } from './common/failure.ts'
import { type FromWorker, type Order, sharedOutput, type ToWorker } from './fleet.ts'
import { createForwardAuthPort } from './forward-auth/door.ts'
import { whenStoreAnswers } from './foundation.ts'
import { Outage } from './gateway/outage.ts'
import { type Generation, networkUnder, openGeneration, readTls, type WorkerParts } from './generation.ts'
import { createRemoteHasher } from './hashing/remote.ts'
import { asOneOfMany, cannotListen, createConnections, type Where } from './listening.ts'
import { closeGently, type Connections } from './server/connections.ts'
import { createPublicPort } from './server/port.ts'
import { takeOver } from './settings/handed-over.ts'
import type { Settings } from './settings/schema.ts'
import { openLogs } from './telemetry/logs.ts'
import { createWorkerMetrics } from './telemetry/metrics.ts'
import { reportObservations } from './telemetry/observed.ts'
import { createOutageReport, createSilenceReport, keepServing } from './telemetry/reports.ts'
import { peerWorkersOver } from './throttling/peer-workers.ts'

// A worker process: it serves the public port, and the forward-auth port if the settings have one. `fleet.ts` is its
// other end, and tells it when to stop and when its settings change; signals do not (`ignore-signals.ts`).

// Only Node itself prints there: a reader that is gone, or a full disk, must not end the process.
process.stderr.on('error', () => {})

/** What this worker has opened; closed in reverse order. */
const open = new AsyncDisposableStack()
let connections: Connections | undefined
let draining = false
const handedOver = Promise.withResolvers<{ settings: Settings; store: string | undefined }>()
const started = Promise.withResolvers<void>()
process.on('message', (message: ToWorker) => {
  if (message?.altgate === 'settings')
    handedOver.resolve({ settings: takeOver(message), store: message.store })
  if (message?.altgate === 'order') void carryOut(message)
  if (message?.altgate === 'drain') drain()
  if (message?.altgate === 'stop') void stop()
})

const { settings, store: expectedStore } = await handedOver.promise
const logs = openLogs(settings, createLossReport(), sharedOutput)
const { log } = logs
const metrics = createWorkerMetrics()
const outage = createOutageReport(log, metrics.outage)
const silent = createSilenceReport(log)
const primary = ipcChannel(process)

/** Open only while the next one is being made, or until their last request has ended. */
const retiring = new Set<Promise<void>>()
open.defer(async () => void (await Promise.all(retiring)))

connections = createConnections({
  settings,
  isProxy: address => inForce.isProxy(address),
  networkOf: address => networkUnder(inForce, address),
  metrics,
  log,
})
if (draining) connections.announceEnd()
const parts: WorkerParts = {
  logs,
  metrics,
  outage,
  silent,
  hasher: createRemoteHasher(primary, { cost: settings.hashing }),
  joinPeers: peerWorkersOver(primary),
  connections,
  expectedStore,
  revoked: seconds => tell({ altgate: 'revoked', seconds }),
}
let inForce = await whenStoreAnswers(() => openGeneration(settings, parts), outage)
let prepared: Generation | undefined
open.defer(() => inForce.retire())
open.defer(() => prepared?.retire())

const publicPort = createPublicPort({
  ...(inForce.tls && { tls: inForce.tls }),
  refusedBodies: settings.refusedBodies,
  connections,
  behind: () => inForce.behind,
})
const closePorts = [() => closeGently(publicPort)]
open.defer(async () => void (await Promise.all(closePorts.map(close => close()))))
const listening = [listen(settings.listen, where => listensAt(publicPort, where))]
if (settings.forwardAuth !== undefined) {
  const forwardAuth = createForwardAuthPort(connections, () => inForce.forwardAuth)
  closePorts.push(() => forwardAuth.close())
  listening.push(listen(settings.forwardAuth, where => forwardAuth.listen(where)))
}
if ((await Promise.all(listening)).every(listens => listens)) {
  keepServing({ log, count: metrics.bug })
  tell({ altgate: 'listening' })
  started.resolve()
  const observing = reportObservations({ metrics, outage, silent }, observation =>
    tell({ altgate: 'observed', observation }),
  )
  open.defer(() => observing.stop())
}

/** Whether it listens now; if not, the primary process has been told why. */
async function listen(
  where: Where,
  begin: (where: ReturnType<typeof asOneOfMany>) => Promise<unknown>,
): Promise<boolean> {
  try {
    await begin(asOneOfMany(where))
    return true
  } catch (error) {
    tell({ altgate: 'cannot-start', why: cannotListen(where, error).message })
    return false
  }
}

async function listensAt(server: Server, where: ReturnType<typeof asOneOfMany>): Promise<void> {
  server.listen(where)
  await once(server, 'listening')
}

/** Orders come one after the other: the primary process waits for each answer. */
async function carryOut({ id, order }: Extract<ToWorker, { altgate: 'order' }>): Promise<void> {
  await started.promise
  try {
    await obey(order)
    tell({ altgate: 'done', id })
  } catch (error) {
    if (!(error instanceof Failure || error instanceof Outage))
      log.error({ err: error }, 'bug: an order failed')
    tell({ altgate: 'done', id, flaw: error instanceof Failure ? error.message : reasonOf(error) })
  }
}

async function obey(order: Order): Promise<void> {
  switch (order.to) {
    case 'reopen-logs':
      return logs.reopen()
    case 'read-certificate':
      return useCertificate(readTls(inForce.settings))
    case 'prepare':
      await prepared?.retire()
      prepared = undefined
      prepared = await openGeneration(takeOver(order), parts)
      return
    case 'forget-prepared':
      retire(prepared)
      prepared = undefined
      return
    case 'use-prepared': {
      if (prepared === undefined) throw new Failure('there are no new settings')
      const former = inForce
      inForce = prepared
      prepared = undefined
      logs.setLevel(inForce.settings.log.level)
      useCertificate(inForce.tls)
      retire(former)
    }
  }
}

function useCertificate(tls: Generation['tls']): void {
  if (tls !== undefined && publicPort instanceof TlsServer) publicPort.setSecureContext(tls)
}

/** Not awaited: a transfer may take hours. */
function retire(generation: Generation | undefined): void {
  const end = generation?.retire().catch(error => log.error({ err: error }, 'bug: old settings did not end'))
  if (end === undefined) return
  retiring.add(end)
  void end.finally(() => retiring.delete(end))
}

function drain(): void {
  draining = true
  connections?.announceEnd()
}

async function stop(): Promise<void> {
  drain()
  await open.disposeAsync()
  await logs.close()
  process.exit(0)
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
