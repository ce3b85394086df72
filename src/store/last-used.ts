import { sql, type Transaction } from 'kysely'
import type { LastUsed, Use } from '../gateway/ports.ts'
import type { Database, Schema } from './database.ts'

/** Uses that are written by one statement. */
const batchSize = 1000

/** Records when and from where credentials were last used, in total and for each account. */
export function createLastUsed({ writing }: Database): LastUsed {
  return {
    async record(uses) {
      if (uses.length === 0) return
      await writing.transaction().execute(async transaction => {
        await waitForChanges(transaction)
        for (const batch of batchesOf(newestOf(uses, use => use.subject))) await write(transaction, batch)
        for (const batch of batchesOf(newestOf(uses, use => `${use.account} ${use.subject}`)))
          await writeForAccounts(transaction, batch)
        const generated = uses.filter(use => use.password !== undefined)
        for (const batch of batchesOf(newestOf(generated, use => `${use.subject} ${use.password}`)))
          await writeForPasswords(transaction, batch)
      })
    },
  }
}

/** The newest use for each key: a statement with two values for a row takes either of them, or fails. */
function newestOf(uses: readonly Use[], key: (use: Use) => string): readonly Use[] {
  const inOrder = uses.toSorted((one, other) => one.at - other.at)
  return [...new Map(inOrder.map(use => [key(use), use])).values()]
}

function batchesOf(uses: readonly Use[]): readonly (readonly Use[])[] {
  return Array.from({ length: Math.ceil(uses.length / batchSize) }, (_, number) =>
    uses.slice(number * batchSize, (number + 1) * batchSize),
  )
}

/** Locks the counter of changes: two transactions that lock many rows in different orders could deadlock. */
async function waitForChanges(db: Transaction<Schema>): Promise<void> {
  await db
    .updateTable('revision')
    .set(row => ({ newest: row.ref('newest') }))
    .execute()
}

/** Both databases name the columns of `values` `column1` and so on. */
async function write(db: Transaction<Schema>, uses: readonly Use[]): Promise<void> {
  const rows = uses.map(
    ({ subject, scope, at, from }) => sql`(${subject}, ${scope}, cast(${at} as bigint), ${from})`,
  )
  await sql`
    update credentials set last_used_at = used.column3, last_used_from = used.column4
    from (values ${sql.join(rows)}) as used
    where credentials.subject = used.column1 and credentials.scope = used.column2
      and (last_used_at is null or last_used_at < used.column3)`.execute(db)
}

async function writeForPasswords(db: Transaction<Schema>, uses: readonly Use[]): Promise<void> {
  const rows = uses.map(
    ({ subject, password, at, from, tool }) =>
      sql`(${subject}, ${password}, cast(${at} as bigint), ${from}, cast(${tool ?? null} as text))`,
  )
  await sql`
    update passwords set last_used_at = used.column3, last_used_from = used.column4, last_used_tool = used.column5
    from (values ${sql.join(rows)}) as used
    where passwords.subject = used.column1 and passwords.id = used.column2
      and (last_used_at is null or last_used_at < used.column3)`.execute(db)
}

/** `where true`: without it SQLite would parse `on conflict` as a condition of the join. */
async function writeForAccounts(db: Transaction<Schema>, uses: readonly Use[]): Promise<void> {
  const rows = uses.map(
    ({ subject, scope, at, from, account }) =>
      sql`(${subject}, ${scope}, cast(${at} as bigint), ${from}, ${account})`,
  )
  await sql`
    insert into account_uses (account, subject, used_at, used_from)
    select used.column5, credentials.subject, used.column3, used.column4
    from (values ${sql.join(rows)}) as used
    join credentials on credentials.subject = used.column1 and credentials.scope = used.column2
    where true
    on conflict (account, subject) do update set used_at = excluded.used_at, used_from = excluded.used_from
      where excluded.used_at > account_uses.used_at`.execute(db)
}
