import type { Kysely, Transaction } from 'kysely'
import { type Connection, scopeOf } from '../gateway/account.ts'
import { msaScope, type AccountName, type DirectoryId, type Instant, type Scope } from '../gateway/names.ts'
import type { AccountRecord, Directory, MoveProblem, ProblemOf, Registry } from '../gateway/registry.ts'
import type { Effect, MakeChange, Stamp } from './change.ts'
import type { Schema } from './database.ts'
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

    setAccount: (actor, name, { upstream, rename }) =>
      makeChange({ actor, action: 'account-changed' }, async db => {
        const [known] = await recordsOf(db, name)
        if (known === undefined) return { problem: 'no-such-account', name }
        if (upstream !== undefined)
          await db.updateTable('accounts').set({ upstream }).where('name', '=', name).execute()
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
  const { upstream, members_only } = await db
    .selectFrom('accounts')
    .selectAll()
    .where('name', '=', name)
    .executeTakeFirstOrThrow()
  await db.insertInto('accounts').values({ name: to, upstream, members_only }).execute()
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

interface HistoryRow extends ConnectionRow, PlanRow {
  readonly planned_since: Instant | null
  readonly planned_by: string | null
  readonly name: AccountName
  readonly upstream: string
  readonly members_only: 0 | 1
  readonly since: Instant
  readonly actor: string
  readonly bridged_until: Instant | null
  readonly undo: 0 | 1
}

/** From the rows of one account, oldest first. */
function recordOf(rows: readonly HistoryRow[]): readonly AccountRecord[] {
  const today = rows.at(-1)
  if (today === undefined) return []
  const { name, upstream, members_only } = today
  const history = rows.map(momentOf)
  const membersOnly = members_only === 1
  const planned = recordedPlan(today)
  const record = { name, upstream, connection: connectionIn(today), history }
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
