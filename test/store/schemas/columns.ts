import { DatabaseSync } from 'node:sqlite'
import { Kysely } from 'kysely'
import type { Schema } from '../../../src/store/database.ts'
import { migrate, migrationNames } from '../../../src/store/migrations.ts'
import { sqliteDialect } from '../../../src/store/sqlite.ts'

/** The columns of each table after so many migrations; after all of them if left out. */
export async function columnsAfter(
  count = migrationNames.length,
): Promise<ReadonlyMap<string, readonly string[]>> {
  const file = new DatabaseSync(':memory:')
  const db = new Kysely<Schema>({ dialect: sqliteDialect(() => file) })
  try {
    await db.transaction().execute(each => migrate(each, 0, migrationNames.slice(0, count)))
    const tables = await db.introspection.getTables()
    return new Map(tables.map(({ name, columns }) => [name, columns.map(column => column.name)]))
  } finally {
    file.close()
  }
}
