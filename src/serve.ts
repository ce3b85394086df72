import manifest from '../package.json' with { type: 'json' }
import { availableParallelism } from 'node:os'
import { ipcChannel } from './common/channel.ts'
import { Failure, reasonOf } from './common/failure.ts'
import { aborted, beginStopping, type Fleet, type FromWorker, startFleet, type Stopping } from './fleet.ts'
import { type Foundation, openFoundation, whenStoreAnswers } from './foundation.ts'
import type { Instant } from './gateway/names.ts'
import { Outage } from './gateway/outage.ts'
import { type Lanes, startLanes } from './hashing/lanes.ts'
import { serveHashing } from './hashing/remote.ts'
import { cannotListen, freePort, limitNamed, operationsConnections } from './listening.ts'
import { createReloader, followCertificate, type Load, type Reloader } from './reload.ts'
import { createOperationsServer } from './server/operations.ts'
import { exposedFiles } from './settings/exposed.ts'
import { fingerprint } from './settings/load.ts'
import type { Settings } from './settings/schema.ts'
import { createStanding, type Standing } from './status.ts'
import { type Logger, type Logs, openLogs } from './telemetry/logs.ts'
import { createPrimaryMetrics, type PrimaryMetrics } from './telemetry/primary-metrics.ts'
import { createPartReport, keepServing, type OutageReport } from './telemetry/reports.ts'
import { createPeerRelay } from './throttling/peer-workers.ts'
import { watch, type Watched } from './watching.ts'

export interface ServeOptions {
  readonly settings: Settings
  /** Reads the settings anew. */
  readonly load: Load
  /** Where the settings are from, for the commands that the demo prints. */
  readonly configFile?: string | undefined
  /** Aborted when the gateway is to stop. */
  readonly stop: AbortSignal
}

/** What the primary process shares with the parts it starts and with `/ready`. */
export interface Primary extends ServeOptions, Logs {
  readonly metrics: PrimaryMetrics
  /** Whatever is opened here is closed in reverse order. */
  readonly open: AsyncDisposableStack
}

/**
 * The primary process: operations port, hash lanes, workers. Resolves after an orderly stop; throws `Failure` if it
 * cannot start.
 */
export async function serve(options: ServeOptions): Promise<void> {
  const { settings, stop } = options
  const metrics = createPrimaryMetrics()
  const logs = openLogs(settings, which => metrics.dropped(which, 1))
  if (logs.flaw !== undefined) throw new Failure(logs.flaw)
  const { log } = logs
  const began = performance.now()
  const program = { version: manifest.version, settings: fingerprint(settings) }
  log.info({ ...program, node: process.versions.node, pid: process.pid }, 'starting')
  try {
    await serveUntilStopped({ ...options, ...logs, metrics })
    const seconds = Math.round((performance.now() - began) / 1000)
    log.info({ ...program, because: String(stop.reason), seconds }, 'stopped')
  } catch (error) {
    // The sentence goes to standard error; without this line, the log would end as if the gateway had been killed.
    log.fatal({ ...program, because: whyEnded(error) }, 'the gateway could not start')
    throw error
  } finally {
    await logs.close()
  }
}

/** Only sentences that were made for operators: the text of any other error may contain what was sent. */
function whyEnded(error: unknown): string {
  if (error instanceof Failure) return error.message
  return error instanceof Outage ? `${error.part}: ${reasonOf(error)}` : 'a bug'
}

async function serveUntilStopped(options: Omit<Primary, 'open'>): Promise<void> {
  await using open = new AsyncDisposableStack()
  const { settings, stop } = options
  const primary: Primary = { ...options, open }
  // Without workers there is nothing to reload yet, but the file may have changed since it was read.
  let early = false
  const noteSignal = () => (early = true)
  process.on('SIGHUP', noteSignal)
  open.defer(() => void process.off('SIGHUP', noteSignal))

  const stopping = beginStopping(primary)
  const { progress, standing, address: operations } = await startOperations(primary)
  const lanes = await startHashing(primary, standing)
  const foundation = await openStoreParts(primary, progress)
  if (foundation === undefined) return
  const announcing = standing.announceIn(foundation.store)
  open.defer(() => announcing.stop())
  const watched = await watch(primary, foundation, progress)
  const guide = await prepareDemo(primary, foundation, lanes)

  const { publicUrl, listen, forwardAuth } = settings
  const port = await freePort(listen)
  if (forwardAuth !== undefined) await freePort(forwardAuth) // always the configured one: it is never 0
  progress.fleet = await startWorkers(primary, foundation, { stopping, lanes, port, standing })
  progress.reloader = takeSignals(primary, { fleet: progress.fleet, watched, port })
  process.off('SIGHUP', noteSignal)
  if (early) await progress.reloader.reload()
  const where = { publicUrl, ...listen, port, ...(forwardAuth && { forwardAuth }), operations }
  if (!stop.aborted) primary.log.info(where, 'listening')
  warn(primary)
  if (guide !== undefined) process.stdout.write(guide)
  keepServing({ log: primary.log, count: primary.metrics.bug })

  await aborted(stop)
  primary.log.info('stopping: finishing requests in progress')
  await stopping.drain(progress.fleet)
}

/** How far the start has come and the state of each part: what `/ready` says. */
export interface Progress {
  fleet?: Fleet
  reloader?: Reloader
  parts: Readonly<Record<string, string>>
  /** Since when each part answers, or does not. */
  since: Readonly<Record<string, Instant>>
  /** What the primary process itself finds failing. */
  outages?: OutageReport['current']
  /** Told of each answer that the primary process itself gets. */
  answered?: (part: 'provider') => void
}

/** Started first, so that `/ready` can say what the gateway is waiting for. */
async function startOperations({ settings, stop, log, metrics, open }: Primary) {
  const progress: Progress = { parts: {}, since: {} }
  const size = processes(settings.workers)
  const standing = createStanding({
    progress,
    settings: () => progress.reloader?.settings ?? settings,
    size: { workers: size, lanes: processes(settings.hashing.lanes) },
    stop,
  })
  const server = createOperationsServer({
    ready() {
      const listening = progress.fleet?.listening() ?? 0
      const parts = { workers: `${listening} of ${size} listen`, ...progress.parts }
      return { ready: listening === size && !stop.aborted, parts }
    },
    metrics: metrics.collect,
    status: {
      document: () => standing.document(),
      async page() {
        const { statusPage } = await import('./status/page.ts')
        return statusPage(await standing.document())
      },
    },
    reload: async () => (await progress.reloader?.reload()) ?? { outcome: 'starting' },
    connections: operationsConnections(settings, log),
  })
  open.defer(() => server.close())
  const { host, port } = settings.operations // Fastify writes into the object that it gets
  const address = await server.listen({ host, port }).catch(error => {
    throw cannotListen({ host, port }, error)
  })
  return { progress, standing, address }
}

async function startHashing(
  { settings, metrics, log, open }: Primary,
  { rates }: Pick<Standing, 'rates'>,
): Promise<Lanes> {
  const lanes = await startLanes({
    lanes: processes(settings.hashing.lanes),
    queueLimit: settings.hashing.queueLimit,
    cost: settings.hashing,
    onHash(result) {
      metrics.hashed(result)
      rates.add('hash', 1)
    },
    onQueue(depth) {
      metrics.hashQueue(depth)
      rates.queued(depth)
    },
    onCrash: err => log.error({ err }, 'a hash lane died and is being replaced'),
    onFlaw: flaw =>
      log.error({ flaw }, 'a stored password hash is damaged: set the password of that credential again'),
  })
  open.defer(() => lanes.close())
  return lanes
}

/** `undefined`: told to stop before the store answered. */
async function openStoreParts(primary: Primary, progress: Progress): Promise<Foundation | undefined> {
  const { settings, stop, log, open } = primary
  const report = createPartReport(log)
  const foundation = await whenStoreAnswers(
    () => openFoundation(settings, primary.metrics.revoked, 'make'),
    outage => {
      report('store', outage)
      progress.parts = { store: outage.message }
      progress.since = { store: progress.since['store'] ?? Date.now() }
    },
    stop,
  )
  if (foundation !== undefined) report('store', undefined)
  if (foundation !== undefined) open.defer(() => foundation.store.close())
  return foundation
}

/** Reloads at SIGHUP, reopens the log files at SIGUSR1, and puts renewed certificates into use. */
function takeSignals(
  primary: Primary,
  { fleet, watched, port }: { readonly fleet: Fleet; readonly watched: Watched; readonly port: number },
): Reloader {
  const { log, open, stop } = primary
  const reloader = createReloader({
    ...primary,
    logs: primary,
    fleet,
    forWorkers: settings => ({ ...settings, listen: { ...settings.listen, port } }),
    async apply(settings) {
      await watched.follow(settings)
      warn({ settings, log })
    },
  })
  const on = (signal: NodeJS.Signals, act: () => Promise<unknown>): void => {
    const heard = () => {
      if (!stop.aborted) act().catch(err => log.error({ err, signal }, 'bug: a signal could not be obeyed'))
    }
    process.on(signal, heard)
    open.defer(() => void process.off(signal, heard))
  }
  on('SIGHUP', () => reloader.reload())
  on('SIGUSR1', () => reloader.reopenLogs())
  const following = followCertificate({ settings: () => reloader.settings, fleet, log })
  open.defer(() => following.stop())
  return reloader
}

/** What the demo prints, if the settings ask for one. */
async function prepareDemo(
  primary: Primary,
  foundation: Foundation,
  hasher: Lanes,
): Promise<string | undefined> {
  const { settings, open, configFile } = primary
  if (settings.demo === undefined) return undefined
  const { startDemo } = await import('./demo/demo.ts')
  const registry = foundation.registry()
  const { demo, publicUrl } = settings
  const { guide, close } = await startDemo({ settings: demo, configFile, publicUrl, registry, hasher })
  open.defer(close)
  return guide
}

async function startWorkers(
  { settings, stop, log, metrics, open }: Primary,
  { store }: Foundation,
  {
    stopping,
    lanes,
    port,
    standing: { observations },
  }: {
    readonly stopping: Stopping
    readonly lanes: Lanes
    readonly port: number
    readonly standing: Standing
  },
): Promise<Fleet> {
  const peerRelay = createPeerRelay()
  const fleet = await startFleet({
    size: processes(settings.workers),
    settings: { ...settings, listen: { ...settings.listen, port } },
    store: store.history.store,
    started(worker) {
      const channel = ipcChannel(worker.process)
      serveHashing(lanes, channel)
      peerRelay.join(channel)
      worker.on('message', (message: FromWorker) => {
        if (message?.altgate === 'dropped') metrics.dropped(message.log, message.lines)
        if (message?.altgate === 'revoked') metrics.revoked(message.seconds)
        if (message?.altgate === 'observed') observations.heard(worker.id, message.observation)
      })
      worker.once('exit', () => observations.gone(worker.id))
    },
    log,
    abort: stop,
  })
  open.defer(() => fleet.stop(stopping.secondsLeft()))
  return fleet
}

function processes(setting: number | 'auto'): number {
  return setting === 'auto' ? availableParallelism() : setting
}

function warn(started: Started): void {
  warnOfPassThrough(started)
  warnOfReaders(started)
}

interface Started {
  readonly settings: Settings
  readonly log: Logger
}

/** Pass-through is a deliberate choice, and the log should show it. */
export function warnOfPassThrough({ settings, log }: Started): void {
  const choices = [
    settings.upstreamAuth,
    ...Object.values(settings.upstreamAuthByAccount),
    ...Object.values(settings.upstreamAuthByName),
  ].flatMap(each => (each.method === 'delegated' && each.fallback ? [each.fallback.upstreamAuth] : [each]))
  if (choices.some(({ method }) => method === 'pass-through'))
    log.warn('upstreamAuth is pass-through: upstreams receive the passwords of users')
}

/** What other users of this machine could read: our files, and the memory of a process that crashes. */
export function warnOfReaders({ settings, log }: Started): void {
  const files = exposedFiles(settings).map(({ file }) => file)
  if (files.length > 0) log.warn({ files }, 'every user of this machine can read these files')
  if ((limitNamed('Max core file size') ?? 0) > 0)
    log.warn('core dumps are enabled and would contain passwords; disable them (ulimit -c 0, LimitCORE=0)')
}
