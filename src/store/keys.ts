import { randomUUID } from 'node:crypto'
import type { Kysely } from 'kysely'
import type { Instant, Scope, Username } from '../gateway/names.ts'
import { type HashSurvey, noPassword, type Revocations } from '../gateway/ports.ts'
import { type Database, type Placeholder, prepare, type Schema } from './database.ts'

/** Milliseconds after which a measurement is dropped, because no gateway runs to collect it. */
const keptFor = 60 * 60 * 1000

export function createRevocations({ reading, writing }: Database, clock: () => Instant): Revocations {
  return {
    async add(seconds) {
      const at = clock()
      await writing
        .deleteFrom('revocations')
        .where('at', '<', at - keptFor)
        .execute()
      const microseconds = Math.round(seconds * 1e6)
      await writing.insertInto('revocations').values({ id: randomUUID(), microseconds, at }).execute()
    },
    async take() {
      // Nearly always there are none, and this check takes no lock.
      const rows = await reading.selectFrom('revocations').select('id').limit(1000).execute()
      if (rows.length === 0) return []
      const taken = await writing
        .deleteFrom('revocations')
        .where(
          'id',
          'in',
          rows.map(({ id }) => id),
        )
        .returning('microseconds')
        .execute()
      return taken.map(({ microseconds }) => microseconds / 1e6)
    },
  }
}

/** Names per read: SQLite is read in the serving process, so a read must be short. */
const namesAtOnce = 500

/** Reads the hashes behind the names of a scope. */
export function createHashSurvey(reading: Kysely<Schema>): HashSurvey {
  const look = prepareLook(reading)
  // No scope is empty, so nothing is left out then.
  return (scope, unlessIn, after) => look({ scope, unlessIn: unlessIn ?? ('' as Scope), after })
}

function prepareLook(db: Kysely<Schema>) {
  return prepare(db, (value: Placeholder<{ scope: Scope; unlessIn: Scope; after: Username }>) =>
    db
      .selectFrom('usernames')
      .innerJoin('credentials', 'credentials.subject', 'usernames.subject')
      .select(['usernames.username', 'credentials.hash'])
      .where('usernames.scope', '=', value('scope'))
      .where('usernames.username', '>', value('after'))
      // Without a chosen password there is no hash whose time could tell anything.
      .where('credentials.hash', '!=', noPassword)
      .where(is =>
        is.not(
          is.exists(
            is
              .selectFrom('usernames as others')
              .select('others.subject')
              .where('others.scope', '=', value('unlessIn'))
              .whereRef('others.username', '=', 'usernames.username'),
          ),
        ),
      )
      .orderBy('usernames.username')
      .limit(namesAtOnce),
  )
}
