import type { Tables } from './migration.ts'

/** Who a credential belongs to, when it was last used, and who has signed in to the page. */
export async function ownersAndSessions(db: Tables): Promise<void> {
  // SQLite adds one column at a time.
  await db.schema.alterTable('credentials').addColumn('owner', 'text').execute()
  await db.schema.alterTable('credentials').addColumn('last_used_at', 'bigint').execute()
  await db.schema.alterTable('credentials').addColumn('last_used_from', 'text').execute()
  // Any number of credentials may have no owner: no null is like another.
  await db.schema
    .createIndex('credentials_owner')
    .unique()
    .on('credentials')
    .columns(['scope', 'owner'])
    .execute()
  await db.schema
    .createTable('sessions')
    .addColumn('id_hash', 'text', column => column.primaryKey())
    .addColumn('data', 'text', column => column.notNull())
    .addColumn('expires_at', 'bigint', column => column.notNull())
    .execute()
  await db.schema.createIndex('sessions_expiry').on('sessions').column('expires_at').execute()
}
