import type { Kysely, Transaction } from 'kysely'
import type { AccountName, Scope, Subject, Username } from '../gateway/names.ts'
import type { Member, Problem } from '../gateway/registry.ts'
import { findCredential } from './credential-rows.ts'
import type { Schema } from './schema.ts'

/** A member, with the name that it was listed by. */
export interface Listed extends Member {
  readonly typed: Username
}

/** By subject if somebody has the name, so that it outlives renames; else by the name, if it can become one. */
export async function addMember(
  db: Transaction<Schema>,
  account: AccountName,
  scope: Scope,
  typed: Username,
): Promise<Problem | undefined> {
  const credential = await findCredential(db, scope, typed)
  // Authorities give addresses: another name will never be anybody's primary one.
  if (credential === undefined && !typed.includes('@'))
    return { problem: 'no-such-credential', username: typed, scope }
  const { username, subject } = credential ?? { username: typed, subject: null }
  await db
    .insertInto('members')
    .values({ account, scope, username, subject })
    .onConflict(conflict => conflict.columns(['account', 'scope', 'username']).doUpdateSet({ subject }))
    .execute()
  return undefined
}

/** By the name that it was listed by. */
export async function removeMember(
  db: Transaction<Schema>,
  account: AccountName,
  scope: Scope,
  typed: Username,
): Promise<void> {
  await db
    .deleteFrom('members')
    .where('account', '=', account)
    .where('scope', '=', scope)
    .where('username', '=', typed)
    .execute()
}

/** Whoever was awaited under a name has come: from now on it is the person who counts. */
export async function bindMembers(
  db: Transaction<Schema>,
  scope: Scope,
  comers: readonly { readonly username: Username; readonly subject: Subject }[],
): Promise<void> {
  const waiting = await db
    .selectFrom('members')
    .select('username')
    .distinct()
    .where('scope', '=', scope)
    .where('subject', 'is', null)
    .execute()
  const awaited = new Set(waiting.map(row => row.username))
  for (const { username, subject } of comers.filter(comer => awaited.has(comer.username)))
    await db
      .updateTable('members')
      .set({ subject })
      .where('scope', '=', scope)
      .where('username', '=', username)
      .where('subject', 'is', null)
      .execute()
}

/** In the order of scopes and of the names that they were listed by. */
export async function membersOf(db: Kysely<Schema>, account: AccountName): Promise<readonly Listed[]> {
  const rows = await db
    .selectFrom('members')
    .leftJoin('credentials', 'credentials.subject', 'members.subject')
    .select(['members.scope', 'members.username as typed', 'credentials.username as present'])
    .where('account', '=', account)
    .orderBy('members.scope')
    .orderBy('members.username')
    .execute()
  return rows.map(({ scope, typed, present }) => ({
    scope,
    username: present ?? typed,
    typed,
    waiting: present === null,
  }))
}
