import { closeSync, mkdirSync, openSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { Kysely } from 'kysely'
import type { Database } from './database.ts'
import { storeOutage } from './driver-error.ts'
import type { Schema } from './schema.ts'
import { sqliteDialect, whenFree } from './sqlite-dialect.ts'

/** Longest wait of a read, in milliseconds: only when a crashed process's log is being recovered. */
const readPatience = 1000

/**
 * Opens the file, or makes it. Two connections: a transaction that waits for its announcement neither holds up
 * reads nor shows them what is not committed. Throws `Outage`.
 */
export async function openSqlite(file: string): Promise<Database> {
  const path = resolve(file)
  const opened: DatabaseSync[] = []
  const open = (options: { readOnly: boolean; timeout: number }) => {
    const database = new DatabaseSync(path, options)
    opened.unshift(database)
    return database
  }
  try {
    makePrivate(path)
    const writer = open({ readOnly: false, timeout: 0 })
    await whenFree(() => writer.exec('pragma journal_mode = wal'))
    return databaseOf(writer, open({ readOnly: true, timeout: readPatience }))
  } catch (error) {
    for (const database of opened) database.close()
    throw storeOutage(error)
  }
}

/** Password hashes and the verdicts' key are in it. SQLite gives its log the same mode. */
function makePrivate(path: string): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
  closeSync(openSync(path, 'a', 0o600))
}

function databaseOf(writer: DatabaseSync, reader: DatabaseSync): Database {
  const writing = new Kysely<Schema>({ dialect: sqliteDialect(writer) })
  const version = reader.prepare('pragma data_version')
  return {
    reading: new Kysely<Schema>({ dialect: sqliteDialect(reader) }),
    writing,
    pulse() {
      try {
        return Number(version.get()?.['data_version'])
      } catch (error) {
        throw storeOutage(error)
      }
    },
    exclusively: work => writing.transaction().execute(work),
    async close() {
      // The last to close folds the log into the file, which a reader cannot.
      reader.close()
      writer.close()
    },
  }
}
