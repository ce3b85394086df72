import type { Kysely } from 'kysely'
import { scopeOf } from '../gateway/connection.ts'
import type { DirectoryId } from '../gateway/names.ts'
import type { Directory, Registry } from '../gateway/registry.ts'
import type { MakeChange } from './change.ts'
import type { Schema } from './schema.ts'

/** The directories that accounts can be connected to. */
export function createDirectoryRegistry(
  reading: Kysely<Schema>,
  makeChange: MakeChange,
): Pick<Registry, 'addDirectory' | 'directories'> {
  return {
    addDirectory: (actor, { id, name, issuer }) =>
      makeChange({ actor, action: 'directory-added' }, async db => {
        if (await findDirectory(db, id)) return { problem: 'directory-exists', directoryId: id }
        await db
          .insertInto('directories')
          .values({ id, name, issuer: issuer ?? null })
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

function directoryIn({ id, name, issuer }: Schema['directories']): Directory {
  return { id, name, ...(issuer !== null && { issuer }) }
}
