import { sql } from 'kysely'
import type { Tables } from './migration.ts'

/** How long changes took that commands made, until a gateway counts them; and trial changes, which nobody waits for. */
export async function canaries(db: Tables): Promise<void> {
  await db.schema
    .createTable('revocations')
    .addColumn('id', 'text', column => column.primaryKey())
    .addColumn('microseconds', 'bigint', column => column.notNull())
    .addColumn('at', 'bigint', column => column.notNull())
    .execute()
  await db.schema
    .createTable('canary')
    .addColumn('id', 'integer', column => column.primaryKey())
    .addColumn('number', 'bigint', column => column.notNull())
    .addColumn('sent_at', 'bigint', column => column.notNull())
    .execute()
  await sql`insert into canary (id, number, sent_at) values (1, 0, 0)`.execute(db)
  await db.schema
    .alterTable('gateways')
    .addColumn('canary', 'bigint', column => column.notNull().defaultTo(0))
    .execute()
}
