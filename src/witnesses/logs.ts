import { openAuditLog, type OpenAuditLog } from './audit.ts'
import { openLog, type Logger } from './log.ts'

/** The logs of one process. */
export interface Logs {
  readonly log: Logger
  readonly audit: OpenAuditLog
  /** A sentence, if a file can never be written. A disk that is full today is another matter. */
  readonly flaw: string | undefined
}

/** What the settings say of them. */
export interface LogSettings {
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
  return { log: within.log, audit, flaw }
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
