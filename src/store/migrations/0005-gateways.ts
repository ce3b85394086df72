import type { Tables } from './migration.ts'

/** Which gateway processes trust their memory for how long, and up to which change they know of all. */
export async function gateways(db: Tables): Promise<void> {
  await db.schema
    .createTable('gateways')
    .addColumn('id', 'text', column => column.primaryKey())
    .addColumn('host', 'text', column => column.notNull())
    .addColumn('lease_ms', 'bigint', column => column.notNull())
    .addColumn('number', 'bigint', column => column.notNull())
    .addColumn('seen_at', 'bigint', column => column.notNull())
    .execute()
}
