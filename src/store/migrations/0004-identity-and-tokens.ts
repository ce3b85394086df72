import { randomUUID } from 'node:crypto'
import { sql } from 'kysely'
import type { Tables } from './migration.ts'

/** Which store it is, and for each change a token by which it is told from another one of the same number. */
export async function identityAndTokens(db: Tables): Promise<void> {
  await db.schema
    .alterTable('revision')
    .addColumn('store', 'text', column => column.notNull().defaultTo(''))
    .execute()
  await db.schema
    .alterTable('revision')
    .addColumn('token', 'text', column => column.notNull().defaultTo(''))
    .execute()
  await db.schema
    .alterTable('changes')
    .addColumn('token', 'text', column => column.notNull().defaultTo(''))
    .execute()
  await sql`update revision set store = ${randomUUID()}`.execute(db)
}
