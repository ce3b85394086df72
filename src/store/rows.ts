import type { Insertable, Kysely, Transaction } from 'kysely'
import type { Connection, PlannedMove } from '../gateway/account.ts'
import {
  type AccountName,
  type DirectoryId,
  type Instant,
  msaScope,
  type Owner,
  type Scope,
  type Subject,
  type Username,
} from '../gateway/names.ts'
import type { Member, ProblemOf } from '../gateway/registry.ts'
import type { Schema } from './database.ts'
import { insistOnKeys } from './key-rings.ts'

/** A credential as a change writes it. Its last use is written by `last-used.ts`, sign-ins by `confirmations.ts`. */
export type CredentialRow = Omit<
  Schema['credentials'],
  'last_used_at' | 'last_used_from' | 'confirmed_at' | 'unproved'
> & { readonly unproved: 0 | 1 }

/** The primary user name, and the secondary one if there is one. */
export function namesOf({
  username,
  secondary,
}: {
  readonly username: Username
  readonly secondary?: Username | null
}): readonly Username[] {
  return secondary == null ? [username] : [username, secondary]
}

/** Finds a credential by its primary or secondary user name. */
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

/** Finds the credential of an owner. */
export async function findOwned(
  db: Transaction<Schema>,
  scope: Scope,
  owner: Owner,
): Promise<CredentialRow | undefined> {
  return await db
    .selectFrom('credentials')
    .selectAll()
    .where('scope', '=', scope)
    .where('owner', '=', owner)
    .executeTakeFirst()
}

/** Inserts the credentials, or replaces those with the same subjects, except for whether they are enabled. */
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
        unproved: db.ref('excluded.unproved'),
      })),
    )
    .execute()
  const names = rows.flatMap(row =>
    namesOf(row).map(username => ({ scope: row.scope, username, subject: row.subject })),
  )
  await db.insertInto('usernames').values(names).execute()
}

/** The columns of a main password: it has no name and no end, and may write. */
export const mainPassword = { name: null, read_only: 0, ends_at: null } as const

/** Gives sets another main password: the generated ones that they had before are replaced at once. */
export async function keepMainPasswords(
  db: Transaction<Schema>,
  at: Instant,
  subjects: readonly Subject[],
  generated: readonly Pick<Insertable<Schema['passwords']>, 'subject' | 'id' | 'mac'>[],
): Promise<void> {
  await db
    .updateTable('passwords')
    .set({ replaced_at: at, ends_at: at })
    .where('subject', 'in', subjects)
    .where('name', 'is', null)
    .where('replaced_at', 'is', null)
    .where('revoked_at', 'is', null)
    .execute()
  if (generated.length === 0) return
  await insistOnKeys(
    db,
    generated.map(({ mac }) => mac),
  )
  await db
    .insertInto('passwords')
    .values(generated.map(each => ({ ...each, set_at: at, ...mainPassword })))
    .execute()
}

/** A member, with the name that it was listed by. */
interface Listed extends Member {
  readonly typed: Username
}

/** By subject if a credential has the name, so that it outlives renames; else by name, if it can become a primary one. */
export async function addMember(
  db: Transaction<Schema>,
  account: AccountName,
  scope: Scope,
  typed: Username,
): Promise<ProblemOf<'no-such-credential'> | undefined> {
  const credential = await findCredential(db, scope, typed)
  // Identity providers give addresses: any other name can never become a primary one.
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

/** Removes a member by the name that it was listed by. */
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

/** Binds members listed by name to new credentials with that name: from then on the subject counts. */
export async function bindMembers(
  db: Transaction<Schema>,
  scope: Scope,
  credentials: readonly { readonly username: Username; readonly subject: Subject }[],
): Promise<void> {
  const waiting = await db
    .selectFrom('members')
    .select('username')
    .distinct()
    .where('scope', '=', scope)
    .where('subject', 'is', null)
    .execute()
  const waitingNames = new Set(waiting.map(row => row.username))
  for (const { username, subject } of credentials.filter(credential => waitingNames.has(credential.username)))
    await db
      .updateTable('members')
      .set({ subject })
      .where('scope', '=', scope)
      .where('username', '=', username)
      .where('subject', 'is', null)
      .execute()
}

/** Ordered by scope and by the name that each was listed by. */
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

/** A connection joined with its directory: both are `null` for Microsoft accounts. */
export interface ConnectionRow {
  readonly directory: DirectoryId | null
  readonly directory_name: string | null
}

/** The directory of a scope; `null`, as stored, for the scope of Microsoft accounts. */
export function directoryOf(scope: Scope): DirectoryId | null {
  return scope === msaScope ? null : (scope as string as DirectoryId) // the reverse of `scopeOf`
}

export function connectionIn({ directory, directory_name }: ConnectionRow): Connection {
  if (directory === null || directory_name === null) return { kind: 'msa' }
  return { kind: 'entra', directoryId: directory, directoryName: directory_name }
}

/** A planned move joined with the directory that it leads to, as `coming`: all are `null` if none is planned. */
export interface PlanRow {
  readonly planned_directory: DirectoryId | null
  readonly coming_name: string | null
  readonly planned_day: string | null
}

export const planColumns = [
  'planned_moves.directory as planned_directory',
  'coming.name as coming_name',
  'planned_moves.day as planned_day',
] as const

export function plannedIn({ planned_directory, coming_name, planned_day }: PlanRow): PlannedMove | undefined {
  if (planned_day === null) return undefined
  return {
    to: connectionIn({ directory: planned_directory, directory_name: coming_name }),
    on: planned_day,
  }
}

/** The accounts with their present connection. */
export function presentConnections(db: Kysely<Schema>) {
  return db
    .selectFrom('accounts')
    .innerJoin('connections', 'connections.account', 'accounts.name')
    .where('connections.revision', '=', newest =>
      newest
        .selectFrom('connections as all')
        .select(({ fn }) => fn.max('all.revision').as('newest'))
        .whereRef('all.account', '=', 'accounts.name'),
    )
}
