import { statSync } from 'node:fs'
import type { Fleet } from './fleet.ts'
import type { Complaint } from './settings/document.ts'
import { certificateIn, fileComplaints } from './settings/given-files.ts'
import { handOver } from './settings/handed-over.ts'
import { changeLive } from './settings/live.ts'
import { fingerprint } from './settings/load.ts'
import type { Settings } from './settings/schema.ts'
import type { Logger, Logs } from './telemetry/logs.ts'

/** What became of a reload. Whatever it is, log files are reopened. */
export type Reloaded =
  /** In force in every process; `kept`: the settings that differ in the file, and need a restart. */
  | {
      readonly outcome: 'reloaded'
      readonly settings: string
      readonly changed: readonly string[]
      readonly kept: readonly string[]
    }
  /** Nothing has changed. */
  | { readonly outcome: 'refused'; readonly complaints: readonly Complaint[] }
  | { readonly outcome: 'failed'; readonly why: readonly string[] }

/** Settings to serve with, or everything that is wrong with them and their files. */
export type Load = () => { readonly settings: Settings } | { readonly complaints: readonly Complaint[] }

interface ReloaderParts {
  readonly load: Load
  /** As they were read at the start. */
  readonly settings: Settings
  /** What workers get that is not in the file: a port that was 0. */
  readonly forWorkers: (settings: Settings) => Settings
  readonly fleet: Fleet
  readonly logs: Pick<Logs, 'log' | 'reopen' | 'setLevel'>
  /** What the primary process itself changes, once every worker is ready. */
  readonly apply: (settings: Settings) => Promise<void>
}

export interface Reloader {
  /** The settings in force. */
  readonly settings: Settings
  /** Reads everything anew. Calls during a reload share the next one. */
  reload(): Promise<Reloaded>
  reopenLogs(): Promise<void>
}

/**
 * Changes the settings of a running gateway, in all its processes or in none: each worker first opens all that the new
 * settings need beside the old, and only when every one has done so they take effect.
 */
export function createReloader(parts: ReloaderParts): Reloader {
  const { load, fleet, logs, forWorkers, apply } = parts
  const { log } = logs
  let { settings } = parts
  let last: Promise<unknown> = Promise.resolve()
  let waiting: Promise<Reloaded> | undefined

  async function reopenLogs(): Promise<void> {
    logs.reopen()
    for (const flaw of await fleet.order({ to: 'reopen-logs' }))
      log.error({ flaw }, 'a worker did not reopen the log files')
  }

  async function run(): Promise<Reloaded> {
    waiting = undefined
    await reopenLogs()
    const read = load()
    if ('complaints' in read) {
      const complaints = read.complaints.map(({ path, message }) => `${path}: ${message}`)
      log.error({ complaints }, 'the settings are refused: nothing has changed')
      return { outcome: 'refused', complaints: read.complaints }
    }
    const next = changeLive(settings, read.settings)
    let flaws: readonly string[] = []
    await fleet.change(async () => {
      flaws = await takeEffect(next.settings)
      return flaws.length === 0 ? forWorkers(next.settings) : undefined
    })
    if (flaws.length > 0) {
      log.error({ flaws }, 'the settings cannot take effect: nothing has changed')
      return { outcome: 'failed', why: flaws }
    }
    settings = next.settings
    logs.setLevel(settings.log.level)
    await apply(settings)
    const { changed, kept } = next
    log.info({ settings: fingerprint(settings), changed }, 'settings reloaded')
    if (kept.length > 0) log.warn({ kept }, 'these settings keep their values until a restart')
    return { outcome: 'reloaded', settings: fingerprint(settings), changed, kept }
  }

  /** Returns what went wrong, and then nothing has changed. */
  async function takeEffect(next: Settings): Promise<readonly string[]> {
    const { settings } = handOver(forWorkers(next))
    const flaws = await fleet.order({ to: 'prepare', settings })
    if (flaws.length === 0) return await fleet.order({ to: 'use-prepared' })
    await fleet.order({ to: 'forget-prepared' })
    return [...new Set(flaws)]
  }

  return {
    get settings() {
      return settings
    },
    reload() {
      const next = (waiting ??= last.then(run))
      last = next.catch(() => {}) // the caller sees the bug
      return next
    },
    reopenLogs,
  }
}

/** Milliseconds between two looks at the TLS files. */
const lookEveryMs = 1000

/**
 * Puts a renewed certificate into use: a watcher would not see every change (Kubernetes swaps a link two folders above). Two
 * files are rarely written at the same moment, so they must have been still from one look to the next.
 */
export function followCertificate({
  settings: inForce,
  fleet,
  log,
}: {
  readonly settings: () => Settings
  readonly fleet: Fleet
  readonly log: Logger
}): { stop(): void } {
  let used = stampsOf(inForce())
  let seen = used

  async function look(): Promise<void> {
    const settings = inForce()
    const now = stampsOf(settings)
    const isStill = now === seen
    seen = now
    if (settings.listen.tls === undefined || now === used || !isStill) return
    used = now
    const { certFile } = settings.listen.tls
    const complaints = fileComplaints(settings).filter(({ path }) => path.startsWith('listen.tls.'))
    const flaws = complaints.map(({ path, message }) => `${path}: ${message}`)
    if (flaws.length === 0) flaws.push(...(await fleet.order({ to: 'read-certificate' })))
    if (flaws.length > 0)
      return log.error(
        { flaws },
        'the TLS files have changed and cannot be used: the former ones stay in use',
      )
    const read = certificateIn(certFile)
    const end = 'certificate' in read && { validUntil: read.certificate.validToDate.toISOString() }
    log.info({ certFile, ...end }, 'the TLS files have changed and are in use')
  }

  let looking = false
  const timer = setInterval(() => {
    if (looking) return
    looking = true
    void look().finally(() => (looking = false))
  }, lookEveryMs)
  return { stop: () => clearInterval(timer) }
}

/** Changes whenever the content of a file does: a link to another file shows as another inode. */
function stampsOf({ listen: { tls } }: Settings): string {
  return [tls?.certFile, tls?.keyFile]
    .map(file => {
      const found = file === undefined ? undefined : statSync(file, { throwIfNoEntry: false })
      return found && [found.dev, found.ino, found.size, found.mtimeMs, found.ctimeMs].join(':')
    })
    .join(' ')
}
