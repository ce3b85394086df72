import { readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { reasonOf } from './commands/reason.ts'
import type { FromWorker, ToWorker } from './fleet.ts'
import { Outage } from './gateway/outage.ts'
import { ipcChannel } from './hashing/channel.ts'
import { createRemoteHasher } from './hashing/remote.ts'
import { createSenderReader } from './http/sender.ts'
import { createPublicServer } from './http/server.ts'
import { createSelfService } from './self-service/plugin.ts'
import { createWebhook } from './self-service/webhook.ts'
import { openServices, type Services } from './services.ts'
import { loadSettings } from './settings/load.ts'
import type { Settings } from './settings/schema.ts'
import { createAuditLog, witnesses } from './witnesses/audit.ts'
import { createLastUsedWitness } from './witnesses/last-used.ts'
import { createLog } from './witnesses/log.ts'
import { createWorkerMetrics } from './witnesses/metrics.ts'
import { createOutageReport } from './witnesses/outages.ts'

// A worker process: it serves the public port. `fleet.ts` is its other end, and tells it when to stop: signals
// reach the whole group, but the primary process decides what happens and in which order.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {})

/** Milliseconds between two tries to reach a store that is down while this worker starts. */
const storePause = 1000

/** What this worker has opened; closed in reverse order. */
const open = new AsyncDisposableStack()
process.once('disconnect', stop)
process.on('message', (message: ToWorker) => {
  if (message?.altgate === 'stop') void stop()
})

const settings = readSettings()
const log = createLog(settings.log)
const metrics = createWorkerMetrics()
const outage = createOutageReport(log, metrics.outage)

const hasher = createRemoteHasher(ipcChannel(process), { cost: settings.hashing })
const services = await openWhenStoreAnswers()
open.defer(() => services.close())
const lastUsed = createLastUsedWitness({ store: services.lastUsed, outage, now: Date.now })
open.defer(() => lastUsed.close())
const app = createPublicServer({
  gateway: services.gateway,
  witness: witnesses(
    createAuditLog(settings.audit.file ? createLog({ ...settings.log, file: settings.audit.file }) : log),
    metrics,
    lastUsed,
  ),
  naming: settings.accounts.naming,
  publicUrl: settings.publicUrl,
  trustedProxies: settings.trustedProxies,
  upstream: {
    ...settings.upstream,
    ...(settings.upstream.caFile && { ca: readFileSync(settings.upstream.caFile, 'utf8') }),
  },
  observer: {
    upstreamAnswered: metrics.upstream,
    upstreamFailed(failure, cause, ask) {
      metrics.outage('upstream')
      log.warn({ request: ask.id, because: failure.because, cause: String(cause) }, 'the upstream failed')
    },
    bug: (err, request) => log.error({ request, err }, 'a bug; the request was answered 503'),
  },
  selfService: createSelfService({
    ...services,
    hasher,
    notice: settings.notice
      ? createWebhook({
          url: settings.notice.webhookUrl,
          ...(settings.notice.secret && { secret: settings.notice.secret }),
          failed: cause => log.warn({ cause: String(cause) }, 'a notice of a change did not arrive'),
        })
      : { credentialChanged() {} },
    observer: {
      providerFailed: ({ failing, detail }, request) =>
        log.warn({ request, failing, detail }, 'an identity provider failed'),
      outage,
      bug: (err, request) =>
        log.error({ request, err }, 'a bug; the page said that something is out of order'),
    },
    publicUrl: settings.publicUrl,
    naming: settings.accounts.naming,
    signIn: settings.signIn,
    httpsOnly: settings.plainHttp === 'refuse',
    senderOf: createSenderReader(settings.trustedProxies),
  }),
  ...(settings.listen.tls && { tls: readTls(settings.listen.tls) }),
})

open.defer(() => app.close())
try {
  await app.listen({ host: settings.listen.host, port: settings.listen.port })
  tell({ altgate: 'listening' })
} catch (error) {
  tell({
    altgate: 'cannot-start',
    why: `Cannot listen on ${settings.listen.host}:${settings.listen.port}: ${reasonOf(error)}.`,
  })
}

async function stop(): Promise<void> {
  await open.disposeAsync()
  process.exit(0)
}

/** The primary process has just read them: what is wrong now has changed since. */
function readSettings(): Settings {
  const loaded = loadSettings({ file: process.argv[2], env: process.env, cwd: process.cwd() })
  if ('settings' in loaded) return loaded.settings
  throw new Error(
    `the settings have become wrong: ${loaded.complaints.map(({ path, message }) => `${path}: ${message}`).join('; ')}`,
  )
}

async function openWhenStoreAnswers(): Promise<Services> {
  const upgradeFailed = (err: unknown) =>
    log.warn({ err }, 'a hash could not be renewed; its next use tries again')
  for (;;) {
    try {
      return await openServices(settings, { hasher, outage, upgradeFailed, revoked: metrics.revoked })
    } catch (error) {
      if (!(error instanceof Outage)) throw error
      outage(error)
      await delay(storePause)
    }
  }
}

function readTls({ certFile, keyFile }: { readonly certFile: string; readonly keyFile: string }) {
  return { cert: readFileSync(certFile, 'utf8'), key: readFileSync(keyFile, 'utf8') }
}

function tell(message: FromWorker): void {
  process.send?.(message)
}
