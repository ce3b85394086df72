import type { Kysely } from 'kysely'
import { scopeOf } from '../gateway/account.ts'
import type { AccountName, DirectoryId, Scope } from '../gateway/names.ts'
import type { Directory, ProblemOf, Registry } from '../gateway/registry.ts'
import type { Effect, MakeChange } from './change.ts'
import type { Schema } from './database.ts'
import { directoryOf } from './rows.ts'

/** The directories that accounts can be connected to. */
export function createDirectoryRegistry(
  reading: Kysely<Schema>,
  makeChange: MakeChange,
): Pick<Registry, 'addDirectory' | 'setDirectory' | 'directories'> {
  return {
    addDirectory: (actor, { id, name, issuer }) =>
      makeChange({ actor, action: 'directory-added' }, async db => {
        const known = await findDirectory(db, id)
        // A directory that was discovered has its id as its name until an operator names it.
        const nameless = known?.name === id && name !== id
        if (known !== undefined && !nameless) return { problem: 'directory-exists', directoryId: id }
        const row = { id, name, issuer: issuer ?? null, removed_at: null }
        await db
          .insertInto('directories')
          .values(row)
          .onConflict(conflict => conflict.column('id').doUpdateSet(row))
          .execute()
        return { scope: scopeOfDirectory(id), usernames: [], ...(await accountsOf(db, id)) }
      }),

    setDirectory: (actor, id, { name, issuer }) =>
      makeChange({ actor, action: 'directory-changed' }, async db => {
        if ((await findDirectory(db, id)) === undefined)
          return { problem: 'no-such-directory', directoryId: id }
        const row = { ...(name !== undefined && { name }), ...(issuer !== undefined && { issuer }) }
        if (Object.keys(row).length > 0)
          await db.updateTable('directories').set(row).where('id', '=', id).execute()
        return { scope: scopeOfDirectory(id), usernames: [], ...(await accountsOf(db, id)) }
      }),

    async directories() {
      const rows = await reading
        .selectFrom('directories')
        .selectAll()
        .where('removed_at', 'is', null)
        .orderBy('name')
        .orderBy('id')
        .execute()
      return rows.map(directoryIn)
    },
  }
}

export function scopeOfDirectory(id: DirectoryId): Scope {
  return scopeOf({ kind: 'entra', directoryId: id, directoryName: id })
}

/** The accounts whose texts have the name of this directory: they are, were or will be connected to it. */
async function accountsOf(
  db: Kysely<Schema>,
  directory: DirectoryId,
): Promise<Pick<Effect, 'accounts'> | undefined> {
  const rows = await db
    .selectFrom('connections')
    .select('account')
    .distinct()
    .where('directory', '=', directory)
    .execute()
  const accounts = [
    ...new Set([...rows.map(({ account }) => account), ...(await planningFor(db, directory))]),
  ]
  return accounts.length === 0 ? undefined : { accounts }
}

/** The directory, if the store knows it and it is not removed. */
export async function findDirectory(db: Kysely<Schema>, id: DirectoryId): Promise<Directory | undefined> {
  const row = await db
    .selectFrom('directories')
    .selectAll()
    .where('id', '=', id)
    .where('removed_at', 'is', null)
    .executeTakeFirst()
  return row && directoryIn(row)
}

/** The scope of an unknown directory is a mistyped id: what belongs to it could never be used. */
export async function missingScope(
  db: Kysely<Schema>,
  scope: Scope,
): Promise<ProblemOf<'no-such-directory'> | undefined> {
  const directoryId = directoryOf(scope)
  if (directoryId === null) return undefined
  const directory = await findDirectory(db, directoryId)
  return directory === undefined ? { problem: 'no-such-directory', directoryId } : undefined
}

function directoryIn({ id, name, issuer }: Omit<Schema['directories'], 'removed_at'>): Directory {
  return { id, name, ...(issuer !== null && { issuer }) }
}

/** The accounts that are planned to move to a directory. */
export async function planningFor(
  db: Kysely<Schema>,
  directory: DirectoryId,
): Promise<readonly AccountName[]> {
  const rows = await db
    .selectFrom('planned_moves')
    .select('account')
    .where('directory', '=', directory)
    .orderBy('account')
    .execute()
  return rows.map(row => row.account)
}
