import type { Level, Logger } from 'pino'
import type { Ask } from '../gateway/ask.ts'
import type { Decision } from '../gateway/decision.ts'
import type { Witness } from '../gateway/ports.ts'
import { type OpenAuditLog, openAuditLog } from './audit.ts'
import { openLog } from './log.ts'

/** The logs of one process. */
export interface Logs {
  readonly log: Logger
  readonly audit: OpenAuditLog
  /** An error for the operator if a file can never be written. A full disk is not one: it may recover. */
  readonly flaw: string | undefined
  /** Log rotation: the files are opened again before the next line. */
  readonly reopen: () => void
  /** How much is logged from now on. */
  readonly setLevel: (level: Level) => void
  /** Lets the last lines get through, within seconds. */
  readonly close: () => Promise<void>
}

/** What the settings say of them. */
interface LogSettings {
  readonly log: Parameters<typeof openLog>[0]
  readonly audit: Omit<Parameters<typeof openAuditLog>[0]['settings'], 'bufferKiB'>
}

/** Opens both. Never throws; `dropped` is told of each line that is lost; `standardOutput` is a descriptor. */
export function openLogs(
  settings: LogSettings,
  dropped: (which: 'log' | 'audit') => void,
  standardOutput = 1,
): Logs {
  const within = openLog({ ...settings.log, standardOutput }, { dropped: () => dropped('log') })
  const audit = openAuditLog({
    settings: { ...settings.audit, bufferKiB: settings.log.bufferKiB },
    within,
    dropped: () => dropped('audit'),
  })
  const files = [
    [settings.log.file, within.sink],
    [settings.audit.file, audit.sink],
  ] as const
  const wrong = files.find(([file, { trouble }]) => file !== undefined && forGood.has(trouble ?? ''))
  const flaw = wrong && `${wrong[0]} cannot be written (${wrong[1].trouble}).`
  return {
    log: within.log,
    audit,
    flaw,
    reopen() {
      within.sink.reopen()
      audit.sink.reopen()
    },
    setLevel(level) {
      within.log.level = level
      if (settings.audit.file === undefined && settings.audit.syslog === undefined) audit.log.level = level
    },
    close: () => audit.sink.close(),
  }
}

const forGood: ReadonlySet<string> = new Set([
  'EACCES',
  'EPERM',
  'EISDIR',
  'ENOTDIR',
  'EROFS',
  'ENAMETOOLONG',
  'ELOOP',
])

export type { Logger } from 'pino'

/** Passes every decision to several witnesses. */
export function witnesses(...all: readonly Witness[]): Witness {
  return {
    saw(decision: Decision, ask: Ask, took: number) {
      for (const witness of all) witness.saw(decision, ask, took)
    },
  }
}
