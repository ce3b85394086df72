import type { Transaction } from 'kysely'
import type { Instant } from '../gateway/names.ts'
import { firstTables } from './migrations/0001-first-tables.ts'
import { ownersAndSessions } from './migrations/0002-owners-and-sessions.ts'
import { membersUsesAndLinks } from './migrations/0003-members-uses-and-links.ts'
import { identityAndTokens } from './migrations/0004-identity-and-tokens.ts'
import { gateways } from './migrations/0005-gateways.ts'
import { canaries } from './migrations/0006-canaries.ts'
import type { Migration } from './migrations/migration.ts'
import type { Schema } from './schema.ts'

/** All there are, in the order in which they are applied. */
const migrations: readonly (readonly [name: string, apply: Migration])[] = [
  ['0001-first-tables', firstTables],
  ['0002-owners-and-sessions', ownersAndSessions],
  ['0003-members-uses-and-links', membersUsesAndLinks],
  ['0004-identity-and-tokens', identityAndTokens],
  ['0005-gateways', gateways],
  ['0006-canaries', canaries],
]

/**
 * Brings the tables up to date. Only under `Database.exclusively`: any number of processes may start at once.
 * Throws `Outage`, or an `Error` with a sentence for the operator if the store was made by a newer program.
 */
export async function migrate(db: Transaction<Schema>, now: Instant): Promise<void> {
  // Not Kysely's Migrator: it makes its own tables before it takes the lock, and calls a newer store corrupt.
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
    if (applied.has(name)) continue
    await apply(db)
    await db.insertInto('migrations').values({ name, applied_at: now }).execute()
  }
}

/** What an older program would write, a newer one may misread. */
function refuseNewer(applied: ReadonlySet<string>): void {
  const known = new Set(migrations.map(([name]) => name))
  if ([...applied].every(name => known.has(name))) return
  throw new Error('The store was made by a newer version of Altgate: run that version, or restore a backup.')
}
