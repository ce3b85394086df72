import { closeSync, linkSync, lstatSync, mkdirSync, openSync, realpathSync, rmSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync, type StatementSync } from 'node:sqlite'
import { Outage } from '../gateway/outage.ts'
import { storeOutage } from './database.ts'

/** Longest wait of a read, in milliseconds: only when a crashed process's log is being recovered. */
const readPatience = 1000

/** Milliseconds between two tries to open a file anew. */
const pause = 250

/** Two connections: a transaction that waits for its announcement neither holds up reads nor shows what it wrote. */
interface Pair {
  readonly writer: DatabaseSync
  readonly reader: DatabaseSync
  /** A number that differs after any commit of another connection. */
  readonly version: StatementSync
  /** Differs from one opening to the next. */
  readonly opening: number
}

/** The file of a store, under its path: one that was taken away or exchanged, or whose log was, is not read on by its open handle. */
export interface SqliteFile {
  /** Throws `Outage` unless the file is there, is the one that was opened, and is the store that this began with. */
  pair(): Pair
  /** From now on only this store counts. */
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

  function open(): { readonly id: string; readonly log: WriteAheadLog; readonly pair: Pair } {
    const id = idOf(path)
    if (id === undefined) throw new Error(`there is no database in ${path}`)
    const writer = new DatabaseSync(path, { readOnly: false, timeout: 0 })
    let reader: DatabaseSync | undefined
    try {
      reader = new DatabaseSync(path, { readOnly: true, timeout: readPatience })
      const version = reader.prepare('pragma data_version')
      // Makes the log, or opens it; another process may be about to do the same.
      writer.exec(
        `pragma busy_timeout = ${readPatience}; select 1 from sqlite_schema; pragma busy_timeout = 0`,
      )
      reader.exec('select 1 from sqlite_schema')
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
    // The last to close folds the log into the file, which a reader cannot.
    for (const database of [reader, writer]) if (database.isOpen) database.close()
  }

  /** The file came back, or another one came: it counts if it is the same store. */
  function reopen(): Pair {
    if (performance.now() - triedAt < pause) throw gone(path)
    triedAt = performance.now()
    try {
      // While it is open, SQLite gives every connection of this process the index of the log that was taken away.
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
    pair() {
      if (closed || (!broken && idOf(path) === id && log.isThere())) return pair
      broken = true // what is open may hold pages of what was there before
      return reopen()
    },
    hold: store => (held = store),
    close() {
      close(pair)
      closed = true // whoever still comes is told that by SQLite
    },
  }
}

/** Which file lies there, and under which link; `undefined`: none, or one that was cut to nothing. */
function idOf(path: string): string | undefined {
  const entry = lstatSync(path, { throwIfNoEntry: false })
  const found = entry?.isSymbolicLink() ? statSync(path, { throwIfNoEntry: false }) : entry
  if (entry === undefined || found === undefined || found.size === 0) return undefined
  return `${entry.ino} ${found.dev} ${found.ino}`
}

/** SQLite's log, and the index of it that all processes share. Others commit into those that have the names. */
interface WriteAheadLog {
  /** Whether they are still those that were opened. */
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
        known.set(each, now) // the journal has become a log
      }
      return true
    },
  }
}

function inodeOf(file: string): number | undefined {
  return statSync(file, { throwIfNoEntry: false })?.ino
}

function gone(path: string): Outage {
  return new Outage('store', new Error(`${path} is not the file of the store that this process began with`))
}

/**
 * Makes the file unless there is one; password hashes and the verdicts' key are in it. It gets its name when it is a
 * database: an empty file is never ours.
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

/** Why the file cannot be the store, in a sentence for the operator; `undefined`: it can. */
export function flawOf(path: string): string | undefined {
  const found = statSync(path, { throwIfNoEntry: false })
  if (found === undefined)
    return `There is no store in ${path}: start the gateway once, or run altgate store init. If there was one, bring it back.`
  if (found.isFile() && found.size === 0)
    return `The store in ${path} is empty: it was cut off. Bring it back from a backup, or remove the file and run altgate store init.`
  return undefined
}
