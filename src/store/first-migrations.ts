import { randomUUID } from 'node:crypto'
import { type Kysely, sql } from 'kysely'

/** What a migration works on. Not typed by `Schema`, which is the present shape and not that of the migration. */
export type Tables = Pick<Kysely<unknown>, 'schema' | 'getExecutor'>

/** A step from one shape of the tables to the next. Never edited after its release, because stores have applied it. */
export type Migration = (db: Tables) => Promise<void>

/** Directories, accounts and their history, credentials, the log of changes. `Schema` describes them. */
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

/** Owners and last use of credentials, and sessions of the page. */
export async function ownersAndSessions(db: Tables): Promise<void> {
  // SQLite adds one column at a time.
  await db.schema.alterTable('credentials').addColumn('owner', 'text').execute()
  await db.schema.alterTable('credentials').addColumn('last_used_at', 'bigint').execute()
  await db.schema.alterTable('credentials').addColumn('last_used_from', 'text').execute()
  // Any number of credentials may have no owner: the index treats nulls as distinct.
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

/** Members and uses of accounts, bridged and undone moves, and links between owners. */
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
    // Without a foreign key: not every account that is used has a row of its own.
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

/** An id of the store, and a token for each change that distinguishes it from others with the same number. */
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

/** The leases of gateway processes, and the change up to which each knows everything. */
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

/** Durations of changes made by commands, until a gateway counts them; and trial changes. */
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

/** What sign-ins gave the gateway, sealed, and which process has the turn to renew it. */
export async function grants(db: Tables): Promise<void> {
  await db.schema
    .createTable('grants')
    .addColumn('scope', 'text', column => column.notNull())
    .addColumn('owner', 'text', column => column.notNull())
    .addColumn('issuer', 'text', column => column.notNull())
    .addColumn('client_id', 'text', column => column.notNull())
    .addColumn('username', 'text')
    .addColumn('refresh_token', 'text')
    .addColumn('access_token', 'text')
    .addColumn('access_of', 'text')
    .addColumn('access_ends_at', 'bigint')
    .addColumn('granted_at', 'bigint', column => column.notNull())
    .addColumn('renewed_at', 'bigint', column => column.notNull())
    .addColumn('checked_at', 'bigint', column => column.notNull())
    .addColumn('ended_at', 'bigint')
    .addColumn('ended_cause', 'text')
    .addColumn('version', 'bigint', column => column.notNull())
    .addColumn('turn_until', 'bigint', column => column.notNull().defaultTo(0))
    .addPrimaryKeyConstraint('grants_key', ['scope', 'owner'])
    .execute()
  await db.schema.createIndex('grants_checked').on('grants').column('checked_at').execute()
}

/** Which gateway has the turn to do what only one does at a time. */
export async function turns(db: Tables): Promise<void> {
  await db.schema
    .createTable('turns')
    .addColumn('work', 'text', column => column.primaryKey())
    .addColumn('holder', 'text', column => column.notNull())
    .addColumn('until', 'bigint', column => column.notNull())
    .execute()
}
