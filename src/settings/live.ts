import { isDeepStrictEqual } from 'node:util'
import { handOver } from './handed-over.ts'
import type { Settings } from './schema.ts'

/**
 * What a running gateway cannot change: its ports, what every process holds for as long as it runs, and what the verdicts
 * in Redis were written with. `listen.tls` stands for turning TLS on or off; its files can change.
 */
const fixed: ReadonlySet<string> = new Set([
  'listen.host',
  'listen.port',
  'operations',
  'forwardAuth',
  'workers',
  'connections',
  'store',
  'redis',
  'hashing',
  'verdicts',
  'refusedBodies',
  'stop',
  'log.file',
  'log.bufferKiB',
  'audit.file',
  'audit.syslog',
  'demo',
])

/** New settings for a running gateway. */
interface LiveChange {
  /** To be in force from now on. */
  readonly settings: Settings
  /** The settings that differ and take effect. */
  readonly changed: readonly string[]
  /** The settings that differ and keep their values until a restart. */
  readonly kept: readonly string[]
}

/** What becomes of the settings in force when these are read. */
export function changeLive(inForce: Settings, read: Settings): LiveChange {
  const differing = differences(handOver(inForce).settings, handOver(read).settings, '')
  const { tls: formerTls, ...listen } = inForce.listen
  const bothTls = formerTls && read.listen.tls
  const tls = bothTls ?? formerTls
  const { forwardAuth: _, redis: __, demo: ___, ...rest } = read
  const { forwardAuth, redis, demo } = inForce
  const settings: Settings = {
    ...rest,
    ...(forwardAuth && { forwardAuth }),
    ...(redis && { redis }),
    ...(demo && { demo }),
    listen: { ...listen, ...(tls && { tls }) },
    operations: inForce.operations,
    workers: inForce.workers,
    connections: inForce.connections,
    store: inForce.store,
    hashing: inForce.hashing,
    verdicts: inForce.verdicts,
    refusedBodies: inForce.refusedBodies,
    stop: inForce.stop,
    log: { ...inForce.log, level: read.log.level },
    audit: { ...inForce.audit, onFailure: read.audit.onFailure },
  }
  return {
    settings,
    changed: differing.filter(path => !isFixed(path)),
    kept: differing.filter(isFixed),
  }
}

function isFixed(path: string): boolean {
  const parts = path.split('.')
  return path === 'listen.tls' || parts.some((_, at) => fixed.has(parts.slice(0, at + 1).join('.')))
}

/** The paths at which two trees differ; a group that only one of them has is one path. Lists are compared as a whole. */
function differences(one: unknown, other: unknown, path: string): readonly string[] {
  if (!isGroup(one) || !isGroup(other)) return isDeepStrictEqual(one, other) ? [] : [path]
  const keys = new Set([...Object.keys(one), ...Object.keys(other)])
  return [...keys].flatMap(key => differences(one[key], other[key], path === '' ? key : `${path}.${key}`))
}

/** A secret is a group of one hidden member here, and must be named as the setting that it is. */
function isGroup(value: unknown): value is Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
  return !Object.keys(value).some(key => key.startsWith('\0'))
}
