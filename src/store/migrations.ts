import { sql, type Transaction } from 'kysely'
import { makeApiTokens } from './api-tokens.ts'
import { Failure } from '../common/failure.ts'
import type { Instant } from '../gateway/names.ts'
import type { Schema } from './database.ts'
import {
  canaries,
  firstTables,
  gateways,
  grants,
  identityAndTokens,
  membersUsesAndLinks,
  type Migration,
  ownersAndSessions,
  type Tables,
  turns,
} from './first-migrations.ts'
import { makeKeyRings } from './key-rings.ts'
import { makeDeliveriesTable } from './deliveries.ts'
import { makeOAuthTable } from './oauth-store.ts'
import { makeMoveTables } from './planned-moves.ts'
import { makeToolUseTable } from './tool-uses.ts'
import { makePresencesTable } from './overview.ts'

/** All migrations, in the order in which they are applied. */
const migrations: readonly (readonly [name: string, apply: Migration])[] = [
  ['0001-first-tables', firstTables],
  ['0002-owners-and-sessions', ownersAndSessions],
  ['0003-members-uses-and-links', membersUsesAndLinks],
  ['0004-identity-and-tokens', identityAndTokens],
  ['0005-gateways', gateways],
  ['0006-canaries', canaries],
  ['0007-grants', grants],
  ['0008-turns', turns],
  ['0009-passwords', passwords],
  ['0010-demands-and-confirmations', demandsAndConfirmations],
  ['0011-blocks', blocks],
  ['0012-refusals', refusals],
  ['0013-oauth', makeOAuthTable],
  ['0014-deliveries', makeDeliveriesTable],
  ['0015-key-rings', makeKeyRings],
  ['0016-planned-moves', movesAndToolUses],
  ['0017-api-tokens', makeApiTokens],
  ['0018-presences', makePresencesTable],
  ['0019-upstream-auth', upstreamAuth],
]

/** Their names. */
export const migrationNames: readonly string[] = migrations.map(([name]) => name)

/**
 * Brings the tables up to date, or applies only those of the migrations that `wanted` names. Call it only in `Database.exclusively`, because any number of processes may start at once.
 * Throws `Outage`, or an `Error` with a sentence for the operator if the store was made by a newer program.
 */
export async function migrate(
  db: Transaction<Schema>,
  now: Instant,
  wanted: readonly string[] = migrationNames,
): Promise<void> {
  // Not Kysely's Migrator, which creates its own tables before it takes the lock, and reports a newer store as corrupt.
  await db.schema
    .createTable('migrations')
    .ifNotExists()
    .addColumn('name', 'text', column => column.primaryKey())
    .addColumn('applied_at', 'bigint', column => column.notNull())
    .execute()
  const rows = await db.selectFrom('migrations').select('name').execute()
  const applied = new Set(rows.map(row => row.name))
  refuseNewer(applied)

  for (const [name, apply] of migrations) {
    if (applied.has(name) || !wanted.includes(name)) continue
    await apply(db)
    await db.insertInto('migrations').values({ name, applied_at: now }).execute()
  }
}

/** An older program could write what a newer one would misread. */
function refuseNewer(applied: ReadonlySet<string>): void {
  if ([...applied].every(name => migrationNames.includes(name))) return
  throw new Failure(
    'The store was made by a newer version of Altgate: run that version, or restore a backup.',
  )
}

/** Generated passwords, several for each credential. */
async function passwords(db: Tables): Promise<void> {
  await db.schema
    .createTable('passwords')
    .addColumn('subject', 'text', column => column.notNull())
    .addColumn('id', 'text', column => column.notNull())
    .addColumn('mac', 'text', column => column.notNull())
    .addColumn('name', 'text')
    .addColumn('read_only', 'integer', column => column.notNull())
    .addColumn('set_at', 'bigint', column => column.notNull())
    .addColumn('ends_at', 'bigint')
    .addColumn('replaced_at', 'bigint')
    .addColumn('revoked_at', 'bigint')
    .addColumn('client', 'text')
    .addColumn('last_used_at', 'bigint')
    .addColumn('last_used_from', 'text')
    .addColumn('last_used_tool', 'text')
    .addColumn('announced', 'integer')
    .addPrimaryKeyConstraint('passwords_key', ['subject', 'id'])
    .execute()
  await db.schema.createIndex('passwords_end').on('passwords').column('ends_at').execute()
}

/** What the upstream demanded of a user, when credentials were last confirmed, and whether their owners know the password. */
async function demandsAndConfirmations(db: Tables): Promise<void> {
  await db.schema.alterTable('grants').addColumn('demand', 'text').execute()
  await db.schema.alterTable('credentials').addColumn('confirmed_at', 'bigint').execute()
  await db.schema
    .alterTable('credentials')
    .addColumn('unproved', 'integer', column => column.notNull().defaultTo(0).check(sql`unproved in (0, 1)`))
    .execute()
}

/** Who switched a credential off; people that are blocked; directories that are removed; changes about several accounts. */
async function blocks(db: Tables): Promise<void> {
  await db.schema
    .alterTable('credentials')
    .addColumn('blocked', 'integer', column => column.notNull().defaultTo(0).check(sql`blocked in (0, 1)`))
    .execute()
  await db.schema.alterTable('credentials').addColumn('off_by', 'text').execute()
  // It was not recorded who did it: as before, the user may switch it on, and so may an operator.
  await sql`update credentials set off_by = 'unknown' where enabled = 0`.execute(db)
  await db.schema
    .createTable('blocked_people')
    .addColumn('username', 'text', column => column.primaryKey())
    .addColumn('at', 'bigint', column => column.notNull())
    .addColumn('actor', 'text', column => column.notNull())
    .execute()
  await db.schema.alterTable('directories').addColumn('removed_at', 'bigint').execute()
  await db.schema.alterTable('changes').addColumn('accounts', 'text').execute()
}

/** Moves that are known ahead, and what their rehearsal is made of. */
async function movesAndToolUses(db: Tables): Promise<void> {
  await makeMoveTables(db)
  await makeToolUseTable(db)
}

/** Accounts name one of the methods of the settings. */
async function upstreamAuth(db: Tables): Promise<void> {
  await db.schema.alterTable('accounts').addColumn('upstream_auth', 'text').execute()
}

/** What clients were refused, for operators and help desks. */
async function refusals(db: Tables): Promise<void> {
  await db.schema
    .createTable('refusals')
    .addColumn('reference', 'text', column => column.primaryKey())
    .addColumn('at', 'bigint', column => column.notNull())
    .addColumn('outcome', 'text', column => column.notNull())
    .addColumn('account', 'text')
    .addColumn('username', 'text')
    .addColumn('client', 'text', column => column.notNull())
    .addColumn('facts', 'text', column => column.notNull())
    .execute()
  await db.schema.createIndex('refusals_at').on('refusals').column('at').execute()
}
