import { randomUUID } from 'node:crypto'
import type { Transaction } from 'kysely'
import type { Scope, Subject, Username } from '../gateway/names.ts'
import type { NewCredential, Problem } from '../gateway/registry.ts'
import type { Stamp } from './change.ts'
import { type CredentialRow, namesOf, writeCredentials } from './credential-rows.ts'
import { bindMembers } from './member-rows.ts'
import type { Schema } from './schema.ts'

/**
 * Makes the credentials, or replaces them, one after the other: whoever has an owner replaces the owner's, the others
 * the one of their primary user name. Gives every user name that they have or had.
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
    const kept = replacedBy(credential, answering)
    const problem = problemWith(credential, kept, answering, scope)
    if (problem !== undefined) return problem

    const row = rowFor(credential, kept, scope, stamp)
    for (const name of kept === undefined ? [] : namesOf(kept)) answering.delete(name)
    for (const name of namesOf(row)) {
      answering.set(name, row)
      touched.add(name)
    }
    written.set(row.subject, row)
  }

  await writeCredentials(db, [...written.values()])
  await bindMembers(db, scope, [...written.values()])
  return touched
}

type Answering = ReadonlyMap<Username, CredentialRow>

/** Which credential answers to which name, for every credential that has one of the wanted names or owners. */
async function readAnswering(
  db: Transaction<Schema>,
  scope: Scope,
  credentials: readonly NewCredential[],
): Promise<Map<Username, CredentialRow>> {
  const owners = credentials.flatMap(({ owner }) => owner ?? [])
  const rows = await db
    .selectFrom('usernames')
    .innerJoin('credentials', 'credentials.subject', 'usernames.subject')
    .selectAll('credentials')
    .where('usernames.scope', '=', scope)
    .where(is =>
      is.or([
        is('usernames.username', 'in', credentials.flatMap(namesOf)),
        ...(owners.length > 0 ? [is('credentials.owner', 'in', owners)] : []),
      ]),
    )
    .execute()
  return new Map(rows.flatMap(row => namesOf(row).map(name => [name, row] as const)))
}

function replacedBy({ username, owner }: NewCredential, answering: Answering): CredentialRow | undefined {
  if (owner !== undefined) return [...answering.values()].find(row => row.owner === owner)
  const named = answering.get(username)
  return named?.username === username ? named : undefined
}

/** A name that is somebody else's, or that is meant to be both of its own. */
function problemWith(
  credential: NewCredential,
  kept: CredentialRow | undefined,
  answering: Answering,
  scope: Scope,
): Problem | undefined {
  const { username, secondary, owner } = credential
  const others = (name: Username) => {
    const row = answering.get(name)
    return row?.subject !== kept?.subject ? row : undefined
  }
  const namesake = others(username)
  if (namesake !== undefined) {
    const claimable = owner !== undefined && kept === undefined && namesake.owner === null
    return { problem: claimable ? 'unclaimed' : 'username-taken', username, scope }
  }
  if (secondary === undefined) return undefined
  const taken = secondary === username || others(secondary) !== undefined
  return taken ? { problem: 'username-taken', username: secondary, scope } : undefined
}

function rowFor(
  { username, secondary, hash, owner }: NewCredential,
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
    enabled: 1, // if it is new: writing leaves the others as they are
    set_at: at,
    revision,
    owner: owner ?? kept?.owner ?? null,
  }
}
