import type { Kysely } from 'kysely'
import { algorithmOf } from '../gateway/ports.ts'
import type { CredentialRecord, Registry } from '../gateway/registry.ts'
import type { Schema } from './schema.ts'

/** The credentials as people may see them. */
export function createCredentialRecords(
  reading: Kysely<Schema>,
): Pick<Registry, 'credentials' | 'ownCredential' | 'ownerOf' | 'usesOf'> {
  const inScope = (scope: CredentialRecord['scope']) =>
    reading.selectFrom('credentials').selectAll().where('scope', '=', scope)
  return {
    async credentials(scope) {
      const rows = await inScope(scope).orderBy('username').execute()
      return rows.map(recordOf)
    },
    async ownCredential(scope, owner) {
      const row = await inScope(scope).where('owner', '=', owner).executeTakeFirst()
      return row && recordOf(row)
    },
    async ownerOf(scope, username) {
      const row = await reading
        .selectFrom('usernames')
        .innerJoin('credentials', 'credentials.subject', 'usernames.subject')
        .select('owner')
        .where('usernames.scope', '=', scope)
        .where('usernames.username', '=', username)
        .executeTakeFirst()
      return row?.owner ?? undefined
    },
    async usesOf(account) {
      const rows = await reading
        .selectFrom('account_uses')
        .innerJoin('credentials', 'credentials.subject', 'account_uses.subject')
        .select(['scope', 'username', 'used_at', 'used_from'])
        .where('account', '=', account)
        .orderBy('used_at', 'desc')
        .orderBy('username')
        .execute()
      return rows.map(({ scope, username, used_at: at, used_from: from }) => ({ scope, username, at, from }))
    },
  }
}

function recordOf(row: Schema['credentials']): CredentialRecord {
  const { scope, username, secondary, owner, last_used_at: at, last_used_from: from } = row
  return {
    scope,
    username,
    ...(secondary !== null && { secondary }),
    enabled: row.enabled === 1,
    algorithm: algorithmOf(row.hash),
    setAt: row.set_at,
    ...(owner !== null && { owner }),
    ...(at !== null && from !== null && { lastUsed: { at, from } }),
  }
}
