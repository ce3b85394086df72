import type { Kysely } from 'kysely'
import type { History } from '../gateway/history.ts'
import type { Owner, Scope, Subject, Username } from '../gateway/names.ts'
import type { CredentialStore, PasswordHash, StoredCredential } from '../gateway/ports.ts'
import type { Database } from './database.ts'
import { type Placeholder, prepare } from './prepare.ts'
import { momentColumns, newestIn, type Seen } from './revision.ts'
import type { Schema } from './schema.ts'

/** The credentials of the store. */
export function createCredentialStore({ reading, writing }: Database, history: History): CredentialStore {
  const lookUp = prepareLookUp(reading)
  const lookUpLink = prepareLink(reading)

  return {
    async find(scope, former, username) {
      const rows = await lookUp({ scope, former: former ?? scope, username })
      const found = { asOf: newestIn(rows, history), current: credentialOf(scope, rows) }
      if (former === undefined) return { ...found, former: undefined }

      // For every name, or the time would tell who is known. It may see more than the revision says, never less.
      const links = await lookUpLink({ scope, former, owner: ownerIn(former, rows) })
      const linked = links.some(({ enabled }) => enabled !== 0)
      return { ...found, former: credentialOf(former, rows), ...(linked && { linked }) }
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
  readonly owner: Owner | null
}

/** One row even if there is no such credential, for the revision. */
type Found = Seen & (CredentialRow | { readonly scope: null })

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
        ...momentColumns,
        'credentials.scope',
        'credentials.subject',
        'credentials.username',
        'secondary',
        'hash',
        'enabled',
        'owner',
      ])
      // A left join finds all columns or none; the type that is inferred allows each of them to be missing.
      .$castTo<Found>(),
  )
}

/** Whom somebody of the former scope is linked to, and whether that one is switched on: `null` for no credential. */
function prepareLink(db: Kysely<Schema>) {
  return prepare(db, (value: Placeholder<{ scope: Scope; former: Scope; owner: Owner | null }>) =>
    db
      .selectFrom('links')
      .leftJoin('credentials', join =>
        join
          .onRef('credentials.scope', '=', 'links.other_scope')
          .onRef('credentials.owner', '=', 'links.other_owner'),
      )
      .select('enabled')
      .where('links.scope', '=', value('former'))
      .where('links.owner', '=', value('owner'))
      .where('links.other_scope', '=', value('scope')),
  )
}

function ownerIn(scope: Scope, rows: readonly Found[]): Owner | null {
  const row = rows.find(found => found.scope === scope)
  return row === undefined || row.scope === null ? null : row.owner
}

function credentialOf(scope: Scope, rows: readonly Found[]): StoredCredential | undefined {
  const row = rows.find(found => found.scope === scope)
  if (row === undefined || row.scope === null) return undefined
  const { username, secondary, subject, hash } = row
  return { username, ...(secondary !== null && { secondary }), subject, hash, enabled: row.enabled === 1 }
}
