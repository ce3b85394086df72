import type { Kysely } from 'kysely'
import type { FormerConnection, Members } from '../gateway/account.ts'
import type { History } from '../gateway/history.ts'
import type { AccountName, Instant } from '../gateway/names.ts'
import type { AccountStore } from '../gateway/ports.ts'
import { momentColumns, newestIn, type Seen } from './change.ts'
import { type Placeholder, prepare, type Schema } from './database.ts'
import { connectionIn, type ConnectionRow, planColumns, plannedIn, type PlanRow } from './rows.ts'

/** The accounts of the store. */
export function createAccountStore(reading: Kysely<Schema>, history: History): AccountStore {
  const lastTwoConnections = prepareLookUp(reading)
  const readMembers = prepareMembers(reading)

  return {
    async find(name) {
      const rows = await lastTwoConnections({ name })
      const asOf = newestIn(rows, history)
      const [today, before] = rows
      if (today === undefined || today.upstream === null) return { asOf, account: undefined }
      const { upstream } = today
      const former = before && formerOf(before, today)
      // This second read may see changes after `asOf`, but misses none up to it. Most accounts have no list.
      const members = today.members_only === 1 ? membersIn(await readMembers({ name })) : undefined
      const planned = plannedIn(today)
      const { upstream_auth: upstreamAuth } = today
      const account = { name, connection: connectionIn(today), upstream, ...(former && { former }) }
      const more = { ...(planned && { planned }), ...(members && { members }) }
      return { asOf, account: { ...account, ...more, ...(upstreamAuth !== null && { upstreamAuth }) } }
    },
  }
}

interface AccountRow extends ConnectionRow, PlanRow {
  readonly upstream: string
  readonly since: Instant
  readonly members_only: 0 | 1
  readonly upstream_auth: string | null
  readonly bridged_until: Instant | null
}

function formerOf(before: ConnectionRow, { since, bridged_until }: AccountRow): FormerConnection {
  const connection = connectionIn(before)
  return { connection, leftAt: since, ...(bridged_until !== null && { bridgedUntil: bridged_until }) }
}

/** There is one row even without such an account, for the revision. */
type Found = Seen & (AccountRow | (ConnectionRow & { readonly upstream: null }))

/** In one statement, which is one snapshot in both databases. */
function prepareLookUp(db: Kysely<Schema>) {
  return prepare(db, (value: Placeholder<{ name: AccountName }>) =>
    db
      .selectFrom('revision')
      .leftJoin('accounts', join => join.on('accounts.name', '=', value('name')))
      .leftJoin('connections', 'connections.account', 'accounts.name')
      .leftJoin('directories', 'directories.id', 'connections.directory')
      .leftJoin('planned_moves', 'planned_moves.account', 'accounts.name')
      .leftJoin('directories as coming', 'coming.id', 'planned_moves.directory')
      .select([
        ...momentColumns,
        'upstream',
        'members_only',
        'upstream_auth',
        'connections.since',
        'bridged_until',
        'connections.directory',
        'directories.name as directory_name',
        ...planColumns,
      ])
      .orderBy('connections.revision', 'desc')
      .limit(2)
      // An account has a connection from the start; the type that is inferred allows each column to be missing.
      .$castTo<Found>(),
  )
}

function prepareMembers(db: Kysely<Schema>) {
  return prepare(db, (value: Placeholder<{ name: AccountName }>) =>
    db.selectFrom('members').select(['scope', 'username', 'subject']).where('account', '=', value('name')),
  )
}

function membersIn(rows: readonly Pick<Schema['members'], 'scope' | 'username' | 'subject'>[]): Members {
  const scopes = Map.groupBy(rows, row => row.scope)
  return new Map(
    [...scopes].map(([scope, listed]) => [scope, new Set(listed.map(row => row.subject ?? row.username))]),
  )
}
