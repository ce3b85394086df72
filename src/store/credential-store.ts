import type { Kysely } from 'kysely'
import type { Revision, Scope, Subject, Username } from '../gateway/names.ts'
import type { CredentialStore, PasswordHash, StoredCredential } from '../gateway/ports.ts'
import type { Database } from './database.ts'
import { type Placeholder, prepare } from './prepare.ts'
import { newestIn } from './revision.ts'
import type { Schema } from './schema.ts'

/** The credentials of the store. */
export function createCredentialStore({ reading, writing }: Database): CredentialStore {
  const lookUp = prepareLookUp(reading)

  return {
    async find(scope, former, username) {
      const rows = await lookUp({ scope, former: former ?? scope, username })
      return {
        asOf: newestIn(rows),
        current: credentialOf(scope, rows),
        former: former === undefined ? undefined : credentialOf(former, rows),
      }
    },

    async upgrade(scope, username, outdated, renewed) {
      await writing.transaction().execute(transaction =>
        transaction
          .updateTable('credentials')
          .set({ hash: renewed })
          .where('hash', '=', outdated)
          .where('subject', '=', db =>
            db
              .selectFrom('usernames')
              .select('subject')
              .where('scope', '=', scope)
              .where('username', '=', username),
          )
          .execute(),
      )
    },
  }
}

interface CredentialRow {
  readonly scope: Scope
  readonly subject: Subject
  readonly username: Username
  readonly secondary: Username | null
  readonly hash: PasswordHash
  readonly enabled: 0 | 1
}

/** One row even if there is no such credential, for the revision. */
type Found = { readonly newest: Revision } & (CredentialRow | { readonly scope: null })

/** One statement, because one statement is one snapshot in both databases. */
function prepareLookUp(db: Kysely<Schema>) {
  return prepare(db, (value: Placeholder<{ scope: Scope; former: Scope; username: Username }>) =>
    db
      .selectFrom('revision')
      .leftJoin('usernames', join =>
        join
          .on('usernames.username', '=', value('username'))
          .on('usernames.scope', 'in', [value('scope'), value('former')]),
      )
      .leftJoin('credentials', 'credentials.subject', 'usernames.subject')
      .select([
        'newest',
        'credentials.scope',
        'credentials.subject',
        'credentials.username',
        'secondary',
        'hash',
        'enabled',
      ])
      // A left join finds all columns or none; the type that is inferred allows each of them to be missing.
      .$castTo<Found>(),
  )
}

function credentialOf(scope: Scope, rows: readonly Found[]): StoredCredential | undefined {
  const row = rows.find(found => found.scope === scope)
  if (row === undefined || row.scope === null) return undefined
  const { username, secondary, subject, hash } = row
  return { username, ...(secondary !== null && { secondary }), subject, hash, enabled: row.enabled === 1 }
}
