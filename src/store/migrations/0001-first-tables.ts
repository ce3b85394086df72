import { sql } from 'kysely'
import type { Tables } from './migration.ts'

/** Directories, accounts and their history, credentials, the log of changes. `schema.ts` says what they mean. */
export async function firstTables(db: Tables): Promise<void> {
  await accounts(db)
  await credentials(db)
  await changes(db)
}

async function accounts(db: Tables): Promise<void> {
  await db.schema
    .createTable('directories')
    .addColumn('id', 'text', column => column.primaryKey())
    .addColumn('name', 'text', column => column.notNull())
    .addColumn('issuer', 'text')
    .execute()
  await db.schema
    .createTable('accounts')
    .addColumn('name', 'text', column => column.primaryKey())
    .addColumn('upstream', 'text', column => column.notNull())
    .execute()
  await db.schema
    .createTable('connections')
    .addColumn('account', 'text', column => column.notNull().references('accounts.name'))
    .addColumn('revision', 'bigint', column => column.notNull())
    .addColumn('since', 'bigint', column => column.notNull())
    .addColumn('directory', 'text', column => column.references('directories.id'))
    .addColumn('actor', 'text', column => column.notNull())
    .addPrimaryKeyConstraint('connections_key', ['account', 'revision'])
    .execute()
}

async function credentials(db: Tables): Promise<void> {
  await db.schema
    .createTable('credentials')
    .addColumn('subject', 'text', column => column.primaryKey())
    .addColumn('scope', 'text', column => column.notNull())
    .addColumn('username', 'text', column => column.notNull())
    .addColumn('secondary', 'text')
    .addColumn('hash', 'text', column => column.notNull())
    .addColumn('enabled', 'integer', column => column.notNull().check(sql`enabled in (0, 1)`))
    .addColumn('set_at', 'bigint', column => column.notNull())
    .addColumn('revision', 'bigint', column => column.notNull())
    .addUniqueConstraint('credentials_username', ['scope', 'username'])
    .execute()
  await db.schema
    .createTable('usernames')
    .addColumn('scope', 'text', column => column.notNull())
    .addColumn('username', 'text', column => column.notNull())
    .addColumn('subject', 'text', column => column.notNull().references('credentials.subject'))
    .addPrimaryKeyConstraint('usernames_key', ['scope', 'username'])
    .execute()
  await db.schema.createIndex('usernames_subject').on('usernames').column('subject').execute()
}

async function changes(db: Tables): Promise<void> {
  await db.schema
    .createTable('revision')
    .addColumn('id', 'integer', column => column.primaryKey().check(sql`id = 1`))
    .addColumn('newest', 'bigint', column => column.notNull())
    .execute()
  await sql`insert into revision (id, newest) values (1, 0)`.execute(db)
  await db.schema
    .createTable('changes')
    .addColumn('revision', 'bigint', column => column.primaryKey())
    .addColumn('at', 'bigint', column => column.notNull())
    .addColumn('actor', 'text', column => column.notNull())
    .addColumn('action', 'text', column => column.notNull())
    .addColumn('account', 'text')
    .addColumn('scope', 'text')
    .addColumn('usernames', 'text', column => column.notNull())
    .execute()
  await db.schema
    .createTable('keys')
    .addColumn('name', 'text', column => column.primaryKey())
    .addColumn('bytes', 'text', column => column.notNull())
    .execute()
}
