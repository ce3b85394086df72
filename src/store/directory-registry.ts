import type { Kysely } from 'kysely'
import { scopeOf } from '../gateway/account.ts'
import type { DirectoryId, Scope } from '../gateway/names.ts'
import type { Directory, Problem, Registry } from '../gateway/registry.ts'
import type { MakeChange } from './change.ts'
import { directoryOf } from './connection-row.ts'
import type { Schema } from './schema.ts'

/** The directories that accounts can be connected to. */
export function createDirectoryRegistry(
  reading: Kysely<Schema>,
  makeChange: MakeChange,
): Pick<Registry, 'addDirectory' | 'directories'> {
  return {
    addDirectory: (actor, { id, name, issuer }) =>
      makeChange({ actor, action: 'directory-added' }, async db => {
        const known = await findDirectory(db, id)
        // One that was found by asking has its id for a name, until somebody gives it one.
        const nameless = known?.name === id && name !== id
        if (known !== undefined && !nameless) return { problem: 'directory-exists', directoryId: id }
        const row = { id, name, issuer: issuer ?? null }
        await db
          .insertInto('directories')
          .values(row)
          .onConflict(conflict => conflict.column('id').doUpdateSet(row))
          .execute()
        return { scope: scopeOf({ kind: 'entra', directoryId: id, directoryName: name }), usernames: [] }
      }),

    async directories() {
      const rows = await reading.selectFrom('directories').selectAll().orderBy('name').orderBy('id').execute()
      return rows.map(directoryIn)
    },
  }
}

/** The directory, if the store knows it. */
export async function findDirectory(db: Kysely<Schema>, id: DirectoryId): Promise<Directory | undefined> {
  const row = await db.selectFrom('directories').selectAll().where('id', '=', id).executeTakeFirst()
  return row && directoryIn(row)
}

/** What belongs to the scope of a directory that nobody has heard of could never be used: a mistyped id. */
export async function missingScope(db: Kysely<Schema>, scope: Scope): Promise<Problem | undefined> {
  const directoryId = directoryOf(scope)
  if (directoryId === null) return undefined
  const directory = await findDirectory(db, directoryId)
  return directory === undefined ? { problem: 'no-such-directory', directoryId } : undefined
}

function directoryIn({ id, name, issuer }: Schema['directories']): Directory {
  return { id, name, ...(issuer !== null && { issuer }) }
}
