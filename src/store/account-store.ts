import type { Kysely } from 'kysely'
import type { AccountName, Instant, Revision } from '../gateway/names.ts'
import type { AccountStore } from '../gateway/ports.ts'
import { connectionIn, type ConnectionRow } from './connection-row.ts'
import { type Placeholder, prepare } from './prepare.ts'
import { newestIn } from './revision.ts'
import type { Schema } from './schema.ts'

/** The accounts of the store. */
export function createAccountStore(reading: Kysely<Schema>): AccountStore {
  const lastTwoConnections = prepareLookUp(reading)

  return {
    async find(name) {
      const rows = await lastTwoConnections({ name })
      const asOf = newestIn(rows)
      const [today, before] = rows
      if (today === undefined || today.upstream === null) return { asOf, account: undefined }
      const { upstream, since } = today
      const former = before && { connection: connectionIn(before), leftAt: since }
      return { asOf, account: { name, connection: connectionIn(today), ...(former && { former }), upstream } }
    },
  }
}

interface AccountRow extends ConnectionRow {
  readonly upstream: string
  readonly since: Instant
}

/** One row even if there is no such account, for the revision. */
type Found = { readonly newest: Revision } & (AccountRow | (ConnectionRow & { readonly upstream: null }))

/** One statement, because one statement is one snapshot in both databases. */
function prepareLookUp(db: Kysely<Schema>) {
  return prepare(db, (value: Placeholder<{ name: AccountName }>) =>
    db
      .selectFrom('revision')
      .leftJoin('accounts', join => join.on('accounts.name', '=', value('name')))
      .leftJoin('connections', 'connections.account', 'accounts.name')
      .leftJoin('directories', 'directories.id', 'connections.directory')
      .select(['newest', 'upstream', 'since', 'directory', 'directories.name as directory_name'])
      .orderBy('connections.revision', 'desc')
      .limit(2)
      // An account has a connection from the start; the type that is inferred allows each column to be missing.
      .$castTo<Found>(),
  )
}
