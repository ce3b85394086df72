import { resolve } from 'node:path'
import { Kysely } from 'kysely'
import type { Database, OpenHow } from './database.ts'
import { isDamage, storeOutage } from './driver-error.ts'
import type { Schema } from './schema.ts'
import { sqliteDialect, whenFree } from './sqlite-dialect.ts'
import { flawOf, makeFile, openFile, type SqliteFile } from './sqlite-file.ts'

/** Openings of the file that a pulse can tell apart. */
const perOpening = 2 ** 32

/**
 * Opens the file, and makes it if it may. Throws an `Error` with a sentence for the operator if no store can be in it,
 * else `Outage`.
 */
export async function openSqlite(path: string, how: OpenHow): Promise<Database> {
  const file = resolve(path)
  let opened: SqliteFile | undefined
  try {
    if (how === 'make') makeFile(file)
    const flaw = flawOf(file)
    if (flaw !== undefined) throw new Error(flaw)
    opened = openFile(file)
    const { writer } = opened.pair()
    await whenFree(() => writer.exec('pragma journal_mode = wal'))
    return databaseOf(opened, file)
  } catch (error) {
    opened?.close()
    throw asDamage(error, file)
  }
}

function databaseOf(file: SqliteFile, path: string): Database {
  const writing = new Kysely<Schema>({ dialect: sqliteDialect(() => file.pair().writer) })
  const reading = new Kysely<Schema>({ dialect: sqliteDialect(() => file.pair().reader) })
  return {
    reading,
    watching: reading,
    writing,
    pulse() {
      try {
        const { version, opening } = file.pair()
        return opening * perOpening + Number(version.get()?.['data_version'])
      } catch (error) {
        throw storeOutage(error)
      }
    },
    async exclusively(work) {
      await writing
        .transaction()
        .execute(work)
        .catch(error => {
          throw asDamage(error, path)
        })
      const { store } = await reading.selectFrom('revision').select('store').executeTakeFirstOrThrow()
      file.hold(store)
    },
    close: async () => file.close(),
  }
}

/** What waiting does not mend is no outage. */
function asDamage(error: unknown, path: string): unknown {
  if (error instanceof Error && error.constructor === Error && !('code' in error)) return error // a sentence
  const outage = storeOutage(error)
  if (!isDamage(outage)) return outage
  return new Error(`${path} is no database, or is damaged: bring the store back from a backup.`)
}
