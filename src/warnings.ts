import { limitNamed } from './listening.ts'
import { exposedFiles } from './settings/exposed.ts'
import type { Settings } from './settings/schema.ts'
import type { Logger } from './telemetry/logs.ts'

interface Started {
  readonly settings: Settings
  readonly log: Logger
}

/** It has to be wanted, and whoever reads the log later should see that it is. */
export function warnOfPassThrough({ settings, log }: Started): void {
  const choices = [settings.upstreamAuth, ...Object.values(settings.upstreamAuthByAccount)]
  if (choices.some(({ method }) => method === 'pass-through'))
    log.warn('upstreamAuth pass-through: passwords of users travel on to upstreams')
}

/** What others on this machine could read: files of ours, and the memory of a process that crashes. */
export function warnOfReaders({ settings, log }: Started): void {
  const files = exposedFiles(settings).map(({ file }) => file)
  if (files.length > 0) log.warn({ files }, 'every user of this machine can read these files')
  if ((limitNamed('Max core file size') ?? 0) > 0)
    log.warn('core dumps are on: one would hold passwords; switch them off (ulimit -c 0, LimitCORE=0)')
}
