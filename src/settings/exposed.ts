import { existsSync, statSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import type { Settings } from './schema.ts'

/** A file that only the gateway should read. */
export interface Exposed {
  readonly file: string
  /** It contains a private key or hashes, not only names. */
  readonly holdsSecrets: boolean
}

/** The files named by these settings that other users can read, but only the gateway should. */
export function exposedFiles(settings: Settings): readonly Exposed[] {
  return namedFiles(settings).filter(({ file }) => isExposed(file))
}

/** Those of the same files that exist. */
export function privateFiles(settings: Settings): readonly string[] {
  return namedFiles(settings).flatMap(({ file }) => (existsSync(file) ? [file] : []))
}

function namedFiles({ store, listen, log, audit }: Settings): readonly Exposed[] {
  const database = /^sqlite:(.+)$/u.exec(store.url.reveal())?.[1]
  const secret = [database, database && `${database}-wal`, listen.tls?.keyFile]
  return [secret, [log.file, audit.file]].flatMap((files, at) =>
    files.filter(file => file !== undefined).map(file => ({ file, holdsSecrets: at === 0 })),
  )
}

/** A missing file is not exposed. */
function isExposed(file: string): boolean {
  return may(file, 0o004) && foldersAbove(resolve(file)).every(folder => may(folder, 0o001))
}

function may(path: string, mode: number): boolean {
  const found = statSync(path, { throwIfNoEntry: false })
  return found !== undefined && (found.mode & mode) !== 0
}

function foldersAbove(path: string): readonly string[] {
  const above = dirname(path)
  return above === path ? [] : [above, ...foldersAbove(above)]
}
