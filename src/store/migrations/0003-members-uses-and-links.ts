import { sql } from 'kysely'
import type { Tables } from './migration.ts'

/** Whom an account lets in, who has used it, which moves are bridged or undone, and who is the same person. */
export async function membersUsesAndLinks(db: Tables): Promise<void> {
  // SQLite adds one column at a time.
  await db.schema
    .alterTable('accounts')
    .addColumn('members_only', 'integer', column =>
      column.notNull().defaultTo(0).check(sql`members_only in (0, 1)`),
    )
    .execute()
  await db.schema.alterTable('connections').addColumn('bridged_until', 'bigint').execute()
  await db.schema
    .alterTable('connections')
    .addColumn('undo', 'integer', column => column.notNull().defaultTo(0).check(sql`undo in (0, 1)`))
    .execute()
  await members(db)
  await uses(db)
  await links(db)
}

async function members(db: Tables): Promise<void> {
  await db.schema
    .createTable('members')
    .addColumn('account', 'text', column => column.notNull().references('accounts.name'))
    .addColumn('scope', 'text', column => column.notNull())
    .addColumn('username', 'text', column => column.notNull())
    .addColumn('subject', 'text', column => column.references('credentials.subject'))
    .addPrimaryKeyConstraint('members_key', ['account', 'scope', 'username'])
    .execute()
  await db.schema.createIndex('members_username').on('members').columns(['scope', 'username']).execute()
}

async function uses(db: Tables): Promise<void> {
  await db.schema
    .createTable('account_uses')
    // Not every account that is used has a row of its own.
    .addColumn('account', 'text', column => column.notNull())
    .addColumn('subject', 'text', column => column.notNull().references('credentials.subject'))
    .addColumn('used_at', 'bigint', column => column.notNull())
    .addColumn('used_from', 'text', column => column.notNull())
    .addPrimaryKeyConstraint('account_uses_key', ['account', 'subject'])
    .execute()
}

async function links(db: Tables): Promise<void> {
  await db.schema
    .createTable('links')
    .addColumn('scope', 'text', column => column.notNull())
    .addColumn('owner', 'text', column => column.notNull())
    .addColumn('other_scope', 'text', column => column.notNull())
    .addColumn('other_owner', 'text', column => column.notNull())
    .addColumn('linked_at', 'bigint', column => column.notNull())
    .addPrimaryKeyConstraint('links_key', ['scope', 'owner', 'other_scope'])
    .execute()
}
