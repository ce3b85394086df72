import type { Kysely } from 'kysely'
import type { Scope, Username } from '../gateway/names.ts'
import type { HashSurvey } from '../gateway/ports.ts'
import { type Placeholder, prepare } from './prepare.ts'
import type { Schema } from './schema.ts'

/** Names of one look: SQLite is read in the process that serves, so a look must be short. */
const namesAtOnce = 500

/** Which hashes the names of a scope lead to. */
export function createHashSurvey(reading: Kysely<Schema>): HashSurvey {
  const look = prepareLook(reading)
  // No scope has an empty name: nothing is left out then.
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
