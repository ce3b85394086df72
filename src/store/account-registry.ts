import type { Kysely, Transaction } from 'kysely'
import { type Connection, scopeOf } from '../gateway/account.ts'
import { msaScope, type AccountName, type DirectoryId, type Instant, type Scope } from '../gateway/names.ts'
import type { AccountRecord, MoveProblem, ProblemOf, Registry } from '../gateway/registry.ts'
import type { Effect, MakeChange, Stamp } from './change.ts'
import type { Schema } from './database.ts'
import { findDirectory } from './directory-registry.ts'
import {
  connectionIn,
  type ConnectionRow,
  directoryOf,
  planColumns,
  plannedIn,
  type PlanRow,
  presentConnections,
} from './rows.ts'

type AccountRegistry = Pick<
  Registry,
  | 'addAccount'
  | 'setAccount'
  | 'connect'
  | 'disconnect'
  | 'undoMove'
  | 'account'
  | 'accounts'
  | 'accountsIn'
  | 'upstreamsIn'
  | 'scopesInUse'
>

/** The accounts and their connections, as operators change them. */
export function createAccountRegistry(reading: Kysely<Schema>, makeChange: MakeChange): AccountRegistry {
  return {
    addAccount: (actor, { name, upstream, directoryId }) =>
      makeChange({ actor, action: 'account-added' }, async (db, stamp) => {
        const [known] = await recordsOf(db, name)
        if (known !== undefined) return { problem: 'account-exists', name }
        const connection = await connectionTo(db, directoryId)
        if ('problem' in connection) return connection
        await db.insertInto('accounts').values({ name, upstream }).execute()
        return await write(db, stamp, name, connection)
      }),

    setAccount: (actor, name, { upstream, rename, upstreamAuth }) =>
      makeChange({ actor, action: 'account-changed' }, async db => {
        const [known] = await recordsOf(db, name)
        if (known === undefined) return { problem: 'no-such-account', name }
        const row = {
          ...(upstream !== undefined && { upstream }),
          ...(upstreamAuth !== undefined && { upstream_auth: upstreamAuth }),
        }
        if (Object.keys(row).length > 0)
          await db.updateTable('accounts').set(row).where('name', '=', name).execute()
        if (rename === undefined || rename === name) return { account: name, usernames: [] }
        const [other] = await recordsOf(db, rename)
        if (other !== undefined) return { problem: 'account-exists', name: rename }
        await giveName(db, name, rename)
        return { accounts: [name, rename], usernames: [], action: 'account-renamed' as const }
      }),

    connect: (actor, name, directoryId, bridgedUntil) =>
      makeChange({ actor, action: 'account-connected' }, async (db, stamp) => {
        const connection = await connectionTo(db, directoryId)
        if ('problem' in connection) return connection
        return await move(db, stamp, name, connection, bridgedUntil)
      }),

    disconnect: (actor, name, bridgedUntil) =>
      makeChange({ actor, action: 'account-disconnected' }, (db, stamp) =>
        move(db, stamp, name, { kind: 'msa' }, bridgedUntil),
      ),

    undoMove: (actor, name) =>
      makeChange({ actor, action: 'move-undone' }, async (db, stamp) => {
        const [known] = await recordsOf(db, name)
        if (known === undefined) return { problem: 'no-such-account', name }
        const [before, last] = known.history.slice(-2)
        if (before === undefined || last === undefined || last.undo)
          return { problem: 'nothing-to-undo', name }
        return await write(db, stamp, name, before.connection, { undo: 1 })
      }),

    async account(name) {
      const [record] = await recordsOf(reading, name)
      return record
    },

    accounts: () => recordsOf(reading),
    accountsIn: scope => namesIn(reading, scope),
    async upstreamsIn(scope) {
      const rows = await presentConnections(reading)
        .select(['name', 'upstream_auth'])
        .where('directory', 'is not distinct from', directoryOf(scope))
        .execute()
      return rows.map(({ name, upstream_auth: method }) =>
        method === null ? { name } : { name, upstreamAuth: method },
      )
    },

    async scopesInUse() {
      const rows = await presentConnections(reading)
        .select(['directory', ({ fn }) => fn.countAll<number | string>().as('accounts')])
        .groupBy('directory')
        .execute()
      // PostgreSQL counts in 64 bits, which its client gives as text.
      return new Map(
        rows.map(row => [
          row.directory === null ? msaScope : (row.directory as string as Scope),
          Number(row.accounts),
        ]),
      )
    },
  }
}

/** Rows of other tables refer to the old name, so it goes last. */
async function giveName(db: Transaction<Schema>, name: AccountName, to: AccountName): Promise<void> {
  const { upstream, members_only, upstream_auth } = await db
    .selectFrom('accounts')
    .selectAll()
    .where('name', '=', name)
    .executeTakeFirstOrThrow()
  await db.insertInto('accounts').values({ name: to, upstream, members_only, upstream_auth }).execute()
  await db.updateTable('connections').set({ account: to }).where('account', '=', name).execute()
  await db.updateTable('members').set({ account: to }).where('account', '=', name).execute()
  // Uses of an account that was removed under the new name, or never added.
  for (const table of ['account_uses', 'tool_uses'] as const)
    await db.deleteFrom(table).where('account', '=', to).execute()
  for (const table of ['account_uses', 'tool_uses', 'planned_moves', 'move_notices'] as const)
    await db.updateTable(table).set({ account: to }).where('account', '=', name).execute()
  await db.deleteFrom('accounts').where('name', '=', name).execute()
}

export async function connectionTo(
  db: Kysely<Schema>,
  directoryId: DirectoryId | undefined,
): Promise<Connection | ProblemOf<'no-such-directory'>> {
  if (directoryId === undefined) return { kind: 'msa' }
  const directory = await findDirectory(db, directoryId)
  if (directory === undefined) return { problem: 'no-such-directory', directoryId }
  return { kind: 'entra', directoryId, directoryName: directory.name }
}

async function move(
  db: Transaction<Schema>,
  stamp: Stamp,
  name: AccountName,
  connection: Connection,
  bridgedUntil: Instant | undefined,
): Promise<Effect | MoveProblem> {
  const [known] = await recordsOf(db, name)
  if (known === undefined) return { problem: 'no-such-account', name }
  if (scopeOf(known.connection) === scopeOf(connection))
    return { problem: 'already-connected', name, connection }
  return await write(db, stamp, name, connection, { bridged_until: bridgedUntil ?? null })
}

async function write(
  db: Transaction<Schema>,
  { revision, at, actor }: Stamp,
  account: AccountName,
  connection: Connection,
  { bridged_until = null, undo = 0 }: Partial<Pick<HistoryRow, 'bridged_until' | 'undo'>> = {},
): Promise<Effect> {
  const directory = connection.kind === 'entra' ? connection.directoryId : null
  await db
    .insertInto('connections')
    .values({ account, revision, since: at, directory, actor, bridged_until, undo })
    .execute()
  // What was planned from the connection before.
  await db.deleteFrom('planned_moves').where('account', '=', account).execute()
  return { account, scope: scopeOf(connection), usernames: [] }
}

/** Ordered by name; with `name`, that one or none. */
export async function recordsOf(db: Kysely<Schema>, name?: AccountName): Promise<readonly AccountRecord[]> {
  const rows = await db
    .selectFrom('accounts')
    .innerJoin('connections', 'connections.account', 'accounts.name')
    .leftJoin('directories', 'directories.id', 'connections.directory')
    .leftJoin('planned_moves', 'planned_moves.account', 'accounts.name')
    .leftJoin('directories as coming', 'coming.id', 'planned_moves.directory')
    .select([
      'accounts.name',
      'upstream',
      'members_only',
      'upstream_auth',
      'connections.since',
      'connections.actor',
      'bridged_until',
      'undo',
      'connections.directory',
      'directories.name as directory_name',
      ...planColumns,
      'planned_moves.since as planned_since',
      'planned_moves.actor as planned_by',
    ])
    .$if(name !== undefined, query => query.where('accounts.name', '=', name ?? null))
    .orderBy('accounts.name')
    .orderBy('connections.revision')
    .execute()
  return [...Map.groupBy(rows, row => row.name).values()].flatMap(recordOf)
}

/** The accounts whose present connection has this scope. */
export async function namesIn(db: Kysely<Schema>, scope: Scope): Promise<readonly AccountName[]> {
  const rows = await presentConnections(db)
    .select('name')
    .where('directory', 'is not distinct from', directoryOf(scope))
    .orderBy('name')
    .execute()
  return rows.map(row => row.name)
}

interface HistoryRow extends ConnectionRow, PlanRow {
  readonly planned_since: Instant | null
  readonly planned_by: string | null
  readonly name: AccountName
  readonly upstream: string
  readonly members_only: 0 | 1
  readonly upstream_auth: string | null
  readonly since: Instant
  readonly actor: string
  readonly bridged_until: Instant | null
  readonly undo: 0 | 1
}

/** From the rows of one account, oldest first. */
function recordOf(rows: readonly HistoryRow[]): readonly AccountRecord[] {
  const today = rows.at(-1)
  if (today === undefined) return []
  const { name, upstream, members_only, upstream_auth: upstreamAuth } = today
  const history = rows.map(momentOf)
  const membersOnly = members_only === 1
  const planned = recordedPlan(today)
  const named = upstreamAuth !== null && { upstreamAuth }
  const record = { name, upstream, ...named, connection: connectionIn(today), history }
  return [{ ...record, ...(membersOnly && { membersOnly }), ...(planned && { planned }) }]
}

function recordedPlan({ planned_since, planned_by, ...row }: HistoryRow): AccountRecord['planned'] {
  const planned = plannedIn(row)
  if (planned === undefined || planned_since === null || planned_by === null) return undefined
  return { ...planned, since: planned_since, actor: planned_by }
}

function momentOf(row: HistoryRow): AccountRecord['history'][number] {
  const { since, actor, bridged_until: until, undo } = row
  const connection = connectionIn(row)
  return {
    connection,
    since,
    actor,
    ...(until !== null && { bridgedUntil: until }),
    ...(undo === 1 && { undo: true }),
  }
}
