import { randomUUID } from 'node:crypto'
import type { Transaction } from 'kysely'
import type { Scope, Subject, Username } from '../gateway/names.ts'
import type { NewCredential, Problem } from '../gateway/registry.ts'
import type { Stamp } from './change.ts'
import type { Schema } from './schema.ts'

type CredentialRow = Schema['credentials']

/**
 * Makes the credentials, or replaces their hashes and secondary user names, one after the other. Gives every
 * user name that they have or had.
 */
export async function keepCredentials(
  db: Transaction<Schema>,
  stamp: Stamp,
  scope: Scope,
  credentials: readonly NewCredential[],
): Promise<ReadonlySet<Username> | Problem> {
  const answering = await readAnswering(db, scope, credentials)
  const touched = new Set(answering.keys())
  const written = new Map<Subject, CredentialRow>()

  for (const credential of credentials) {
    const kept = answering.get(credential.username)
    const taken = takenName(credential, answering)
    if (taken !== undefined) return { problem: 'username-taken', username: taken, scope }

    const row = rowFor(credential, kept, scope, stamp)
    if (kept?.secondary) answering.delete(kept.secondary)
    for (const name of namesOf(row)) {
      answering.set(name, row)
      touched.add(name)
    }
    written.set(row.subject, row)
  }

  await write(db, [...written.values()])
  return touched
}

/** Which credential answers to which name, for every credential that has one of the wanted names. */
async function readAnswering(
  db: Transaction<Schema>,
  scope: Scope,
  credentials: readonly NewCredential[],
): Promise<Map<Username, CredentialRow>> {
  const rows = await db
    .selectFrom('usernames')
    .innerJoin('credentials', 'credentials.subject', 'usernames.subject')
    .selectAll('credentials')
    .where('usernames.scope', '=', scope)
    .where('usernames.username', 'in', credentials.flatMap(namesOf))
    .execute()
  return new Map(rows.flatMap(row => namesOf(row).map(name => [name, row] as const)))
}

/** The name that is somebody else's, or that is meant to be both of its own. */
function takenName(
  { username, secondary }: NewCredential,
  answering: ReadonlyMap<Username, CredentialRow>,
): Username | undefined {
  const isOthers = (name: Username) => (answering.get(name)?.username ?? username) !== username
  if (isOthers(username)) return username
  if (secondary !== undefined && (secondary === username || isOthers(secondary))) return secondary
  return undefined
}

function rowFor(
  { username, secondary, hash }: NewCredential,
  kept: CredentialRow | undefined,
  scope: Scope,
  { revision, at }: Stamp,
): CredentialRow {
  return {
    // The upstream knows people by it: it outlives every reset.
    subject: kept?.subject ?? (randomUUID() as Subject),
    scope,
    username,
    secondary: secondary ?? null,
    hash,
    enabled: 1, // if it is new: `write` leaves the others as they are
    set_at: at,
    revision,
  }
}

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

async function write(db: Transaction<Schema>, rows: readonly CredentialRow[]): Promise<void> {
  const subjects = rows.map(row => row.subject)
  await db.deleteFrom('usernames').where('subject', 'in', subjects).execute()
  await db
    .insertInto('credentials')
    .values(rows)
    .onConflict(conflict =>
      conflict.column('subject').doUpdateSet(db => ({
        secondary: db.ref('excluded.secondary'),
        hash: db.ref('excluded.hash'),
        set_at: db.ref('excluded.set_at'),
        revision: db.ref('excluded.revision'),
      })),
    )
    .execute()
  const names = rows.flatMap(row =>
    namesOf(row).map(username => ({ scope: row.scope, username, subject: row.subject })),
  )
  await db.insertInto('usernames').values(names).execute()
}
