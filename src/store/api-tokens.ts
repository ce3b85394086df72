import type { Selectable } from 'kysely'
import type { ApiTokens, TokenRecord, TokenRegistry } from '../gateway/api-token.ts'
import type { Username } from '../gateway/names.ts'
import type { MakeChange } from './change.ts'
import type { Database, Schema } from './database.ts'
import type { Tables } from './first-migrations.ts'
import { insistOnKeys } from './key-rings.ts'

/** The tokens of the API. */
export function createApiTokens({ reading, writing }: Database): ApiTokens {
  return {
    async find(id) {
      const row = await reading.selectFrom('api_tokens').selectAll().where('id', '=', id).executeTakeFirst()
      return row && { ...recordOf(row), id: row.id, mac: row.mac }
    },
    async list() {
      return (await reading.selectFrom('api_tokens').selectAll().orderBy('name').execute()).map(recordOf)
    },
    async used(id, at) {
      await writing.updateTable('api_tokens').set({ last_used_at: at }).where('id', '=', id).execute()
    },
  }
}

function recordOf(row: Selectable<Schema['api_tokens']>): TokenRecord {
  const { name, scope, added_at: addedAt, actor, ends_at: endsAt, last_used_at: lastUsedAt } = row
  return {
    name,
    scope,
    addedAt,
    actor,
    ...(endsAt !== null && { endsAt }),
    ...(lastUsedAt !== null && { lastUsedAt }),
  }
}

/** Verdicts do not depend on tokens. Without a scope nothing is announced; the name is for the history. */
export function createTokenRegistry(makeChange: MakeChange): TokenRegistry {
  return {
    addToken: (actor, { name, scope, endsAt, id, mac }) =>
      makeChange({ actor, action: 'token-added' }, async (db, { at }) => {
        await insistOnKeys(db, [mac], 'api-tokens')
        const taken = await db
          .selectFrom('api_tokens')
          .select('id')
          .where('name', '=', name)
          .executeTakeFirst()
        if (taken !== undefined) return { problem: 'token-name-taken', name } as const
        const row = { id, mac, name, scope, actor, added_at: at, ends_at: endsAt ?? null }
        await db.insertInto('api_tokens').values(row).execute()
        return { usernames: [name as Username] }
      }),
    revokeToken: (actor, name) =>
      makeChange({ actor, action: 'token-revoked' }, async db => {
        const { numDeletedRows } = await db
          .deleteFrom('api_tokens')
          .where('name', '=', name)
          .executeTakeFirstOrThrow()
        if (numDeletedRows === 0n) return { problem: 'no-such-token', name } as const
        return { usernames: [name as Username] }
      }),
  }
}

/** The migration that makes the table, and finds what one user has used. Never edited after its release, because stores have applied it. */
export async function makeApiTokens(db: Tables): Promise<void> {
  await db.schema
    .createTable('api_tokens')
    .addColumn('id', 'text', column => column.primaryKey())
    .addColumn('mac', 'text', column => column.notNull())
    .addColumn('name', 'text', column => column.notNull().unique())
    .addColumn('scope', 'text', column => column.notNull())
    .addColumn('actor', 'text', column => column.notNull())
    .addColumn('added_at', 'bigint', column => column.notNull())
    .addColumn('ends_at', 'bigint')
    .addColumn('last_used_at', 'bigint')
    .execute()
  await db.schema.createIndex('account_uses_subject').on('account_uses').column('subject').execute()
  await db.schema.createIndex('members_subject').on('members').column('subject').execute()
}
