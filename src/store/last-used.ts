import { sql, type Transaction } from 'kysely'
import type { LastUsed, Use } from '../gateway/ports.ts'
import type { Database } from './database.ts'
import type { Schema } from './schema.ts'

/** Uses that are written by one statement. */
const batchSize = 1000

/** When and from where the credentials of the store were last used. */
export function createLastUsed({ writing }: Database): LastUsed {
  return {
    async record(uses) {
      const newest = newestOf(uses)
      if (newest.length === 0) return
      await writing.transaction().execute(async transaction => {
        await waitForChanges(transaction)
        for (let done = 0; done < newest.length; done += batchSize) {
          await write(transaction, newest.slice(done, done + batchSize))
        }
      })
    },
  }
}

/** One for each credential: a statement that meets a row twice takes either of them. */
function newestOf(uses: readonly Use[]): readonly Use[] {
  const inOrder = uses.toSorted((one, other) => one.at - other.at)
  return [...new Map(inOrder.map(use => [use.subject, use])).values()]
}

/** By holding their counter. Two that lock many rows, each in its own order, could wait for each other for ever. */
async function waitForChanges(db: Transaction<Schema>): Promise<void> {
  await db
    .updateTable('revision')
    .set(row => ({ newest: row.ref('newest') }))
    .execute()
}

/** `column1` and so on is how both databases name what `values` gives. */
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
