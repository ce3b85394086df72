import type { Kysely, Transaction } from 'kysely'
import type { Instant } from '../gateway/names.ts'
import type { NewOAuthEntry, OAuthEntry, OAuthStore } from '../gateway/oauth.ts'
import { type Database, type Placeholder, prepare, type Schema } from './database.ts'
import type { Tables } from './first-migrations.ts'

/** Milliseconds between two prunings of expired entries by this process. */
const pruning = 10 * 60 * 1000

/** Rows removed at once: SQLite blocks this process meanwhile. */
const mostPruned = 100

/** The codes, tokens and sign-ins of the authorization server. */
export function createOAuthStore({ reading, writing }: Database, now: () => Instant): OAuthStore {
  const readByKey = prepareByKey(reading)
  const readByUserCode = prepareByUserCode(reading)
  let prunedAt = -Infinity

  async function prune(transaction: Transaction<Schema>): Promise<void> {
    if (now() < prunedAt + pruning) return
    const { numDeletedRows } = await transaction
      .deleteFrom('oauth')
      .where('key', 'in', expired =>
        expired.selectFrom('oauth').select('key').where('expires_at', '<=', now()).limit(mostPruned),
      )
      .executeTakeFirstOrThrow()
    // If there were more, the next writes continue: each removes more rows than it adds.
    if (numDeletedRows < mostPruned) prunedAt = now()
  }

  return {
    async find(key) {
      const [row] = await readByKey({ key, now: now() })
      return row && entryOf(row)
    },

    async findByUserCode(userCode) {
      const [row] = await readByUserCode({ userCode, now: now() })
      return row && { ...entryOf(row), key: row.key }
    },

    async set(key, entry) {
      const row = rowOf(entry)
      await writing.transaction().execute(async transaction => {
        await transaction
          .insertInto('oauth')
          .values({ key, ...row })
          .onConflict(conflict => conflict.column('key').doUpdateSet(row))
          .execute()
        await prune(transaction)
      })
    },

    async add(key, entry) {
      const row = { ...rowOf(entry), used_at: null }
      return await writing.transaction().execute(async transaction => {
        const added = await transaction
          .insertInto('oauth')
          .values({ key, ...row })
          .onConflict(conflict =>
            conflict.column('key').doUpdateSet(row).where('oauth.expires_at', '<=', now()),
          )
          .returning('key')
          .executeTakeFirst()
        await prune(transaction)
        return added !== undefined
      })
    },

    async use(key) {
      const { numUpdatedRows } = await writing
        .transaction()
        .execute(transaction =>
          transaction
            .updateTable('oauth')
            .set({ used_at: now() })
            .where('key', '=', key)
            .where('used_at', 'is', null)
            .executeTakeFirstOrThrow(),
        )
      return numUpdatedRows > 0n
    },

    async delete(key) {
      await writing
        .transaction()
        .execute(transaction => transaction.deleteFrom('oauth').where('key', '=', key).execute())
    },

    async deleteGrant(grant) {
      await writing
        .transaction()
        .execute(transaction => transaction.deleteFrom('oauth').where('of_grant', '=', grant).execute())
    },
  }
}

function rowOf({ data, expiresAt, grant, userCode }: NewOAuthEntry) {
  return { data, expires_at: expiresAt, of_grant: grant ?? null, user_code: userCode ?? null }
}

function entryOf({ data, used_at: usedAt }: { data: string; used_at: Instant | null }): OAuthEntry {
  return { data, used: usedAt !== null }
}

function prepareByKey(db: Kysely<Schema>) {
  return prepare(db, (value: Placeholder<{ key: string; now: Instant }>) =>
    db
      .selectFrom('oauth')
      .select(['data', 'used_at'])
      .where('key', '=', value('key'))
      .where('expires_at', '>', value('now')),
  )
}

function prepareByUserCode(db: Kysely<Schema>) {
  return prepare(db, (value: Placeholder<{ userCode: string; now: Instant }>) =>
    db
      .selectFrom('oauth')
      .select(['key', 'data', 'used_at'])
      .where('user_code', '=', value('userCode'))
      .where('expires_at', '>', value('now')),
  )
}

/** The migration that makes the table. Never edited after its release, because stores have applied it. */
export async function makeOAuthTable(db: Tables): Promise<void> {
  await db.schema
    .createTable('oauth')
    .addColumn('key', 'text', column => column.primaryKey())
    .addColumn('of_grant', 'text')
    .addColumn('user_code', 'text')
    .addColumn('data', 'text', column => column.notNull())
    .addColumn('used_at', 'bigint')
    .addColumn('expires_at', 'bigint', column => column.notNull())
    .execute()
  for (const column of ['of_grant', 'user_code', 'expires_at'])
    await db.schema.createIndex(`oauth_${column}`).on('oauth').column(column).execute()
}
