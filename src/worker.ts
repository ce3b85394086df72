import { setTimeout as delay } from 'node:timers/promises'
import { LRUCache } from 'lru-cache'
import { createApp, createForwardAuth } from './app.ts'
import type { FromWorker, ToWorker } from './fleet.ts'
import { atMost } from './gateway/at-most.ts'
import type { Subject } from './gateway/names.ts'
import { Outage } from './gateway/outage.ts'
import type { ProvedInPart } from './gateway/verifier.ts'
import { ipcChannel } from './hashing/channel.ts'
import { createRemoteHasher } from './hashing/remote.ts'
import { asOneOfMany, cannotListen, type Where } from './listening.ts'
import { openServices, type Services } from './services.ts'
import { takeOver } from './settings/handed-over.ts'
import type { Settings } from './settings/schema.ts'
import { neighboursOver } from './throttling/neighbours.ts'
import { openAuditLog, witnesses } from './witnesses/audit.ts'
import { createLastUsedWitness } from './witnesses/last-used.ts'
import { createLog } from './witnesses/log.ts'
import { createWorkerMetrics } from './witnesses/metrics.ts'
import { createOutageReport } from './witnesses/outages.ts'

// A worker process: it serves the public port, and the forward-auth port if the settings have one. `fleet.ts` is its
// other end, and tells it when to stop: signals reach the whole group, but the primary process decides what happens and
// in which order.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {})

/** Milliseconds between two tries to reach a store that is down while this worker starts. */
const storePause = 1000

/** What this worker has opened; closed in reverse order. */
const open = new AsyncDisposableStack()
const handedOver = Promise.withResolvers<Settings>()
process.on('message', (message: ToWorker) => {
  if (message?.altgate === 'settings') handedOver.resolve(takeOver(message))
  if (message?.altgate === 'stop') void stop()
})

const settings = await handedOver.promise
const log = createLog(settings.log)
const metrics = createWorkerMetrics()
const outage = createOutageReport(log, metrics.outage)

const primary = ipcChannel(process)
const hasher = createRemoteHasher(primary, { cost: settings.hashing })
const services = await openWhenStoreAnswers()
open.defer(() => services.close())
const lastUsed = createLastUsedWitness({ store: services.lastUsed, outage, now: Date.now })
open.defer(() => lastUsed.close())
const witness = witnesses(openAuditLog(settings.audit, log), metrics, lastUsed)
const parts = { settings, services, hasher, witness, metrics, outage, log }
const app = createApp(parts)
open.defer(() => app.close())
const listening = [listen(settings.listen, app)]
if (settings.forwardAuth !== undefined) {
  const forwardAuth = createForwardAuth(parts)
  open.defer(() => forwardAuth.close())
  listening.push(listen(settings.forwardAuth, forwardAuth))
}
if ((await Promise.all(listening)).every(listens => listens)) tell({ altgate: 'listening' })

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

async function stop(): Promise<void> {
  await open.disposeAsync()
  process.exit(0)
}

async function openWhenStoreAnswers(): Promise<Services> {
  const upgradeFailed = (err: unknown) =>
    log.warn({ err }, 'a hash could not be renewed; its next use tries again')
  const asksTooOften = (from: string) =>
    log.warn({ from }, 'an address asks again and again and presents no credential: it is told to come later')
  const told = new LRUCache<Subject, true>(atMost(10_000))
  // Every sign-in would say it again.
  const provedInPart = ({ scope, subject }: ProvedInPart) => {
    if (told.has(subject)) return
    told.set(subject, true)
    log.warn(
      { scope, subject },
      'an imported bcrypt hash proves only the first 72 bytes of this password, so it stays as it is: whatever follows them is let in. Have the password set again',
    )
  }
  const upstreamAuthWarning = (sentence: string, cause: unknown) =>
    log.warn({ cause: String(cause) }, sentence)
  for (;;) {
    try {
      return await openServices(settings, {
        hasher,
        neighbours: neighboursOver(primary),
        outage,
        asksTooOften,
        upgradeFailed,
        provedInPart,
        upstreamAuthWarning,
        revoked: metrics.revoked,
        asked: metrics.asked,
      })
    } catch (error) {
      if (!(error instanceof Outage)) throw error
      outage(error)
      await delay(storePause)
    }
  }
}

function tell(message: FromWorker): void {
  process.send?.(message)
}
