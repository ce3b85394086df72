import { sql } from 'kysely'
import type { Instant } from '../gateway/names.ts'
import { announcedDays, type EndingPassword, type PasswordEnds } from '../gateway/password-ends.ts'
import type { Database } from './database.ts'

const dayMs = 24 * 60 * 60 * 1000

/** Days after which an end that was not announced is news no more: where a webhook is set up later, for instance. */
const longestLateDays = 14

const batchSize = 100

/** The ends of the named passwords in the store. */
export function createPasswordEnds({ reading, writing }: Database): PasswordEnds {
  return {
    async due(now, last) {
      const rows = await reading
        .selectFrom('passwords')
        .innerJoin('credentials', 'credentials.subject', 'passwords.subject')
        .select(['scope', 'username', 'passwords.subject', 'id', 'name', 'ends_at'])
        .where('ends_at', '<=', now + announcedDays[0] * dayMs)
        .where('ends_at', '>', now - longestLateDays * dayMs)
        .where('name', 'is not', null)
        .where('client', 'is', null)
        .where('replaced_at', 'is', null)
        .where('revoked_at', 'is', null)
        .where('enabled', '=', 1)
        .where(is =>
          is.or(
            announcedDays.map(days =>
              is.and([
                is('ends_at', '<=', now + days * dayMs),
                is(sql<number>`ends_at - passwords.set_at`, '>', days * dayMs),
                is.or([is('announced', 'is', null), is('announced', '>', days)]),
              ]),
            ),
          ),
        )
        .$if(last !== undefined, query =>
          query.where(
            sql<boolean>`(ends_at, passwords.subject, id) > (${last?.endsAt}, ${last?.subject}, ${last?.id})`,
          ),
        )
        .orderBy('ends_at')
        .orderBy('passwords.subject')
        .orderBy('id')
        .limit(batchSize)
        .$narrowType<{ name: string; ends_at: Instant }>()
        .execute()
      return rows.map(({ ends_at: endsAt, ...row }) => ({ ...row, endsAt, days: stepOf(endsAt, now) }))
    },

    async announced({ subject, id, days }) {
      await writing.transaction().execute(db =>
        db
          .updateTable('passwords')
          .set({ announced: days })
          .where('subject', '=', subject)
          .where('id', '=', id)
          .where(is => is.or([is('announced', 'is', null), is('announced', '>', days)]))
          .execute(),
      )
    },
  }
}

/** The last announcement that is due. */
function stepOf(endsAt: Instant, now: Instant): EndingPassword['days'] {
  return announcedDays.findLast(days => endsAt <= now + days * dayMs) ?? announcedDays[0]
}
