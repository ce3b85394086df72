import { type RawBuilder, sql } from 'kysely'
import type { Confirmations } from '../gateway/delegation.ts'
import type { Database, SharedTime } from './database.ts'
import { type GrantRow, grantIn, inChoice } from './grants.ts'

/** Credentials in one batch of `unconfirmed`: SQLite is read in the serving process, so a read must be short. */
const batchSize = 500

/** When users were last known to be active. */
export function createConfirmations({ reading, writing }: Database, time: SharedTime): Confirmations {
  return {
    async signedIn(scope, owner) {
      await writing
        .transaction()
        .execute(db =>
          db
            .updateTable('credentials')
            .set({ confirmed_at: time.ofWrite() })
            .where('scope', '=', scope)
            .where('owner', '=', owner)
            .execute(),
        )
    },
    async unconfirmed(whose, sinceMs, after) {
      const rows = await reading
        .selectFrom('credentials')
        .leftJoin('grants', join =>
          join
            .onRef('grants.scope', '=', 'credentials.scope')
            .onRef('grants.owner', '=', 'credentials.owner'),
        )
        .selectAll('grants')
        .select([
          'credentials.subject as subject',
          'credentials.scope as of_scope',
          'credentials.username as known_as',
          'credentials.unproved as unproved',
        ])
        .where(inChoice('credentials.scope', whose))
        .where(isUnconfirmed(sinceMs, time))
        .where(sql<boolean>`credentials.subject > ${after?.subject ?? ''}`)
        .orderBy('credentials.subject')
        .limit(batchSize)
        .execute()
      return rows.map(({ subject, of_scope: scope, known_as: username, unproved, ...grant }) => ({
        scope,
        subject,
        username,
        // A left join finds all columns or none. Of another person, perhaps, it says nothing.
        ...(unproved === 0 && grant.scope !== null && { grant: grantIn(grant as GrantRow) }),
      }))
    },
  }
}

/** Needs `credentials`, joined with the `grants` of their owners. */
export function isUnconfirmed(sinceMs: number, time: SharedTime): RawBuilder<boolean> {
  const since = sql<number>`${time.ofWrite()} - ${sql.lit(Math.round(sinceMs))}`
  return sql<boolean>`(credentials.enabled = 1 and credentials.set_at <= ${since}
    and coalesce(credentials.confirmed_at, 0) <= ${since}
    and (credentials.unproved = 1 or coalesce(grants.ended_at, grants.checked_at, 0) <= ${since}))`
}
