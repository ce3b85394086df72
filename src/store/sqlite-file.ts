import { closeSync, linkSync, lstatSync, mkdirSync, openSync, realpathSync, rmSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync, type StatementSync } from 'node:sqlite'
import { Failure } from '../common/failure.ts'
import { Outage } from '../gateway/outage.ts'
import { NoStore, storeOutage } from './database.ts'

/** Longest wait of a read, in milliseconds. Reads wait only while the log of a crashed process is being recovered. */
const readPatience = 1000

/** Pages that the connection for changes keeps, in KiB. With SQLite's 2000, a worker of many users takes 1.5 MB more. */
const cacheKiB = 500

/** Milliseconds between two attempts to reopen a file. */
const pause = 250

/**
 * Milliseconds for which reads do not look again for a file that was in its place: that takes a fifth of a look-up. What is
 * written must never go to a file that was removed.
 */
const readsTrust = 2

/** Two connections, so that a transaction that waits for its announcement neither blocks reads nor shows its writes. */
interface Pair {
  readonly writer: DatabaseSync
  readonly reader: DatabaseSync
  /** `data_version`, which changes with any commit of another connection, as the only value of a list. */
  readonly version: StatementSync
  /** Different for each opening of the file. */
  readonly opening: number
}

/** The file of a store, by its path: if the file or its log is removed or replaced, the open handle is not used any more. */
export interface SqliteFile {
  /**
   * Throws `Outage` unless the file exists, is the one that was opened, and holds the original store. `read`: it need not be
   * looked for each time.
   */
  pair(use?: 'read'): Pair
  /** One more connection, for reading only. Throws what SQLite throws. */
  another(): DatabaseSync
  /** From then on only this store is accepted. */
  hold(store: string): void
  close(): void
}

/** Opens the file. Throws what SQLite throws. */
export function openFile(path: string): SqliteFile {
  let openings = 0
  let { id, log, pair } = open()
  let held: string | undefined
  let broken = false
  let closed = false
  let triedAt = -Infinity
  let seenAt = -Infinity

  function open(): { readonly id: string; readonly log: WriteAheadLog; readonly pair: Pair } {
    const id = idOf(path)
    if (id === undefined) throw new Error(`there is no database in ${path}`)
    const writer = new DatabaseSync(path, { readOnly: false, timeout: 0 })
    let reader: DatabaseSync | undefined
    try {
      reader = new DatabaseSync(path, { readOnly: true, timeout: readPatience })
      const version = reader.prepare('pragma data_version')
      version.setReturnArrays(true) // it is read in every turn: an object with a name would take a fifth longer
      // Creates or opens the log; another process may be doing the same.
      writer.exec(
        `pragma busy_timeout = ${readPatience}; select 1 from sqlite_schema; pragma busy_timeout = 0`,
      )
      reader.exec('select 1 from sqlite_schema')
      writer.exec(`pragma cache_size = -${cacheKiB}`)
      return {
        id,
        log: logBeside(realpathSync(path)),
        pair: { writer, reader, version, opening: ++openings },
      }
    } catch (error) {
      reader?.close()
      writer.close()
      throw error
    }
  }

  function close({ writer, reader }: Pair): void {
    // The last connection to close merges the log into the file, which a reader cannot do.
    for (const database of [reader, writer]) if (database.isOpen) database.close()
  }

  /** The file is back, or there is another one: it is accepted if it holds the same store. */
  function reopen(): Pair {
    if (performance.now() - triedAt < pause) throw gone(path)
    triedAt = performance.now()
    try {
      // While it is open, SQLite gives every connection of this process the index of the removed log.
      if (idOf(path) === id) close(pair)
      const fresh = open()
      try {
        const row = fresh.pair.reader.prepare('select store from revision').get()
        if (held !== undefined && row?.['store'] !== held) throw gone(path)
      } catch (error) {
        close(fresh.pair)
        throw error
      }
      close(pair)
      ;({ id, log, pair } = fresh)
      broken = false
      return pair
    } catch (error) {
      throw storeOutage(error)
    }
  }

  return {
    pair(use) {
      const now = performance.now()
      if (closed || (!broken && use === 'read' && now - seenAt < readsTrust)) return pair
      if (!broken && idOf(path) === id && log.isThere()) {
        seenAt = now
        return pair
      }
      broken = true // the open connections may have cached pages of the previous file
      return reopen()
    },
    another: () => new DatabaseSync(path, { readOnly: true, timeout: readPatience }),
    hold: store => (held = store),
    close() {
      close(pair)
      closed = true // later statements get SQLite's own error
    },
  }
}

/** Identifies the file and the link to it; `undefined`: there is none, or it was truncated to nothing. */
function idOf(path: string): string | undefined {
  const entry = lstatSync(path, { throwIfNoEntry: false })
  const found = entry?.isSymbolicLink() ? statSync(path, { throwIfNoEntry: false }) : entry
  if (entry === undefined || found === undefined || found.size === 0) return undefined
  return `${entry.ino} ${found.dev} ${found.ino}`
}

/** SQLite's log and its shared index. Other processes use the files that have these names now. */
interface WriteAheadLog {
  /** Whether they are still the files that were opened. */
  isThere(): boolean
}

function logBeside(file: string): WriteAheadLog {
  const known = new Map<string, number | undefined>(
    [`${file}-wal`, `${file}-shm`].map(each => [each, inodeOf(each)]),
  )
  return {
    isThere() {
      for (const [each, inode] of known) {
        const now = inodeOf(each)
        if (now === inode) continue
        if (inode !== undefined) return false
        known.set(each, now) // the log was created after the file was opened
      }
      return true
    },
  }
}

function inodeOf(file: string): number | undefined {
  return statSync(file, { throwIfNoEntry: false })?.ino
}

function gone(path: string): Outage {
  return new Outage('store', new Error(`${path} is no longer the store that this process opened`))
}

/**
 * Creates the file unless there is one, readable only by its owner because it contains password hashes and keys. It gets
 * its name when it is a valid database, so an empty file is never one of ours.
 */
export function makeFile(path: string): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
  if (statSync(path, { throwIfNoEntry: false }) !== undefined) return
  const fresh = `${path}.${process.pid}.new`
  closeSync(openSync(fresh, 'w', 0o600))
  try {
    const database = new DatabaseSync(fresh)
    database.exec('pragma journal_mode = wal')
    database.close()
    linkSync(fresh, path)
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error // another process was first
  } finally {
    rmSync(fresh, { force: true })
  }
}

/** Throws `Failure`, with a sentence for the operator, if the file cannot be the store. */
export function insistOnStore(path: string): void {
  const found = statSync(path, { throwIfNoEntry: false })
  if (found === undefined)
    throw new NoStore(
      `There is no store in ${path}. Start the gateway once, or run altgate store init. If there was one, restore it from a backup.`,
    )
  if (found.isFile() && found.size === 0)
    throw new Failure(
      `The store in ${path} is empty: it was truncated. Restore it from a backup, or remove the file and run altgate store init.`,
    )
}
