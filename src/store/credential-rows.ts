import type { Transaction } from 'kysely'
import type { Scope, Username } from '../gateway/names.ts'
import type { Schema } from './schema.ts'

/** A credential as a change writes it. When it was last used is no change, and `last-used.ts` writes it. */
export type CredentialRow = Omit<Schema['credentials'], 'last_used_at' | 'last_used_from'>

/** Both user names, or the one. */
export function namesOf({
  username,
  secondary,
}: {
  readonly username: Username
  readonly secondary?: Username | null
}): readonly Username[] {
  return secondary == null ? [username] : [username, secondary]
}

/** By its primary or secondary user name. */
export async function findCredential(
  db: Transaction<Schema>,
  scope: Scope,
  username: Username,
): Promise<CredentialRow | undefined> {
  return await db
    .selectFrom('usernames')
    .innerJoin('credentials', 'credentials.subject', 'usernames.subject')
    .selectAll('credentials')
    .where('usernames.scope', '=', scope)
    .where('usernames.username', '=', username)
    .executeTakeFirst()
}

/** Makes them, or replaces what is kept under their subjects; leaves those on or off as they are. */
export async function writeCredentials(
  db: Transaction<Schema>,
  rows: readonly CredentialRow[],
): Promise<void> {
  const subjects = rows.map(row => row.subject)
  await db.deleteFrom('usernames').where('subject', 'in', subjects).execute()
  await db
    .insertInto('credentials')
    .values(rows)
    .onConflict(conflict =>
      conflict.column('subject').doUpdateSet(db => ({
        username: db.ref('excluded.username'),
        secondary: db.ref('excluded.secondary'),
        hash: db.ref('excluded.hash'),
        set_at: db.ref('excluded.set_at'),
        revision: db.ref('excluded.revision'),
        owner: db.ref('excluded.owner'),
      })),
    )
    .execute()
  const names = rows.flatMap(row =>
    namesOf(row).map(username => ({ scope: row.scope, username, subject: row.subject })),
  )
  await db.insertInto('usernames').values(names).execute()
}
