import type { Kysely, Transaction } from 'kysely'
import type { Instant } from '../gateway/names.ts'
import type { SessionStore } from '../gateway/ports.ts'
import { type Database, type Placeholder, prepare, type Schema } from './database.ts'

/** Milliseconds between two prunings of expired sessions by this process. */
const pruning = 10 * 60 * 1000

/** Rows removed at once: after a flood of sign-ins there are thousands, and SQLite blocks this process meanwhile. */
const mostPruned = 100

/** The sessions of the store. */
export function createSessionStore({ reading, writing }: Database, now: () => Instant): SessionStore {
  const readLive = prepareLive(reading)
  let prunedAt = -Infinity

  async function prune(transaction: Transaction<Schema>): Promise<void> {
    if (now() < prunedAt + pruning) return
    const { numDeletedRows } = await transaction
      .deleteFrom('sessions')
      .where('id_hash', 'in', expired =>
        expired.selectFrom('sessions').select('id_hash').where('expires_at', '<=', now()).limit(mostPruned),
      )
      .executeTakeFirstOrThrow()
    // If there were more, the next writes continue: each removes more rows than it adds.
    if (numDeletedRows < mostPruned) prunedAt = now()
  }

  return {
    async get(idHash) {
      const [row] = await readLive({ idHash, now: now() })
      return row?.data
    },

    async set(idHash, data, expiresAt) {
      await writing.transaction().execute(async transaction => {
        const row = { data, expires_at: expiresAt }
        await transaction
          .insertInto('sessions')
          .values({ id_hash: idHash, ...row })
          .onConflict(conflict => conflict.column('id_hash').doUpdateSet(row))
          .execute()
        await prune(transaction)
      })
    },

    async add(idHash, data, expiresAt) {
      return await writing.transaction().execute(async transaction => {
        const { numInsertedOrUpdatedRows } = await transaction
          .insertInto('sessions')
          .values({ id_hash: idHash, data, expires_at: expiresAt })
          .onConflict(conflict => conflict.column('id_hash').doNothing())
          .executeTakeFirstOrThrow()
        await prune(transaction)
        return (numInsertedOrUpdatedRows ?? 0n) > 0n
      })
    },

    async delete(idHash) {
      const { numDeletedRows } = await writing
        .transaction()
        .execute(transaction =>
          transaction.deleteFrom('sessions').where('id_hash', '=', idHash).executeTakeFirstOrThrow(),
        )
      return numDeletedRows > 0n
    },
  }
}

function prepareLive(db: Kysely<Schema>) {
  return prepare(db, (value: Placeholder<{ idHash: string; now: Instant }>) =>
    db
      .selectFrom('sessions')
      .select('data')
      .where('id_hash', '=', value('idHash'))
      .where('expires_at', '>', value('now')),
  )
}
