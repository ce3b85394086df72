import { type Kysely, type RawBuilder, type Selectable, sql, type UpdateObject } from 'kysely'
import type {
  FoundGrant,
  Grant,
  GrantStore,
  NewAccess,
  ScopeChoice,
  SeenGrant,
} from '../gateway/delegation.ts'
import type { History } from '../gateway/history.ts'
import type { Instant, Owner, Scope, Subject } from '../gateway/names.ts'
import { momentColumns, newestIn, type Seen } from './change.ts'
import { type Database, type Placeholder, prepare, type Schema, type SharedTime } from './database.ts'

/** Grants in one batch of `list`: SQLite is read in the serving process, so a read must be short. */
const batchSize = 500

/** The grants of the store: what users have given the gateway by signing in. */
export function createGrantStore(
  { reading, writing }: Database,
  history: History,
  time: SharedTime,
): GrantStore {
  const bySubject = prepareBySubject(reading, time)
  const byOwner = prepareByOwner(reading, time)

  /**
   * On PostgreSQL not on the one connection for changes, where a renewal would wait behind a change that waits for
   * gateways. SQLite has one writer in any case, and only a transaction waits until the file is free.
   */
  async function write<T>(work: (db: Kysely<Schema>) => Promise<T>): Promise<T> {
    return time.isOfDatabase ? await work(reading) : await writing.transaction().execute(work)
  }

  function found(rows: readonly Found[]): FoundGrant {
    const asOf = newestIn(rows, history)
    const [row] = rows
    const grant = row === undefined || row.scope === null ? undefined : grantIn(row)
    return { asOf, grant, now: row?.read_at ?? time.ofMachine() }
  }

  /** Updates a grant that has not changed since it was seen; gives its new version. */
  async function update(
    { scope, owner, version }: SeenGrant,
    columns: (now: RawBuilder<number>) => UpdateObject<Schema, 'grants'>,
    only: (now: RawBuilder<number>) => RawBuilder<boolean> = () => sql<boolean>`1 = 1`,
  ): Promise<number | undefined> {
    const now = time.ofWrite()
    const row = await write(db =>
      db
        .updateTable('grants')
        .set({ ...columns(now), version: version + 1 })
        .where('scope', '=', scope)
        .where('owner', '=', owner)
        .where('version', '=', version)
        .where('ended_at', 'is', null)
        .where(only(now))
        .returning('version')
        .executeTakeFirst(),
    )
    return row?.version
  }

  return {
    ofSubject: async (scope, subject) => found(await bySubject({ scope, subject, now: time.ofMachine() })),
    of: async (scope, owner) => found(await byOwner({ scope, owner, now: time.ofMachine() })),
    takeTurn: (seen, leaseMs) =>
      update(
        seen,
        now => ({ turn_until: sql<number>`${now} + ${sql.lit(leaseMs)}` }),
        // Also free after the clock was set back.
        now => sql<boolean>`(turn_until <= ${now} or turn_until > ${now} + ${sql.lit(leaseMs)})`,
      ),
    async renewed(seen, { refreshToken, access, demand }) {
      const version = await update(seen, now => ({
        refresh_token: refreshToken,
        ...(access && { ...accessColumns(access, now), demand: demand ?? null }),
        renewed_at: now,
        checked_at: now,
        turn_until: 0,
      }))
      return version !== undefined
    },
    async giveTurnBack(seen) {
      await update(seen, () => ({ turn_until: 0 }))
    },
    async reseal(seen, { refreshToken, access }) {
      const tokens = { refresh_token: refreshToken, ...(access !== undefined && { access_token: access }) }
      return (await update(seen, () => tokens)) !== undefined
    },
    async list(scope, after) {
      const rows = await reading
        .selectFrom('grants')
        .selectAll()
        .where(is => is.and(scope === undefined ? [] : [is('scope', '=', scope)]))
        .where(sql<boolean>`(scope, owner) > (${after?.scope ?? ''}, ${after?.owner ?? ''})`)
        .orderBy('scope')
        .orderBy('owner')
        .limit(batchSize)
        .execute()
      return rows.map(grantIn)
    },
    async unchecked(whose, sinceMs, after) {
      const now = time.ofWrite()
      const { checkedAt = -1, scope = '', owner = '' } = after?.grant ?? {}
      const rows = await reading
        .selectFrom('grants')
        .selectAll()
        .select(sql<number>`${now} - checked_at`.as('for_ms'))
        .where('ended_at', 'is', null)
        .where(inChoice('grants.scope', whose))
        .where('checked_at', '<=', sql<number>`${now} - ${sql.lit(Math.round(sinceMs))}`)
        .where(sql<boolean>`(checked_at, scope, owner) > (${checkedAt}, ${scope}, ${owner})`)
        .orderBy('checked_at')
        .orderBy('scope')
        .orderBy('owner')
        .limit(batchSize)
        .execute()
      return rows.map(row => ({ grant: grantIn(row), forMs: row.for_ms }))
    },
    async count() {
      const { all, ended } = await reading
        .selectFrom('grants')
        .select(of => [of.fn.countAll<number>().as('all'), of.fn.count<number>('ended_at').as('ended')])
        .executeTakeFirstOrThrow()
      return { active: all - ended, ended }
    },
  }
}

export function accessColumns({ token, of, lifeMs }: NewAccess, now: RawBuilder<number>) {
  return {
    access_token: token,
    access_of: of,
    access_ends_at: sql<number>`${now} + ${sql.lit(Math.round(lifeMs))}`,
  }
}

/** Whether the scope in a column is one of those. */
export function inChoice(
  column: 'grants.scope' | 'credentials.scope',
  whose: ScopeChoice,
): RawBuilder<boolean> {
  const scope = sql.ref(column)
  if ('scope' in whose) return sql<boolean>`${scope} = ${whose.scope}`
  // An empty list is no syntax of PostgreSQL.
  if (whose.except.length === 0) return sql<boolean>`1 = 1`
  return sql<boolean>`${scope} not in (${sql.join(whose.except)})`
}

export type GrantRow = Selectable<Omit<Schema['grants'], 'turn_until'>>

/** There is one row even without such a grant, for the revision. */
type Found = Seen & { readonly read_at: Instant } & (GrantRow | { readonly scope: null })

const grantColumns = [
  'grants.scope',
  'grants.owner',
  'grants.issuer',
  'grants.client_id',
  'grants.username',
  'grants.refresh_token',
  'grants.access_token',
  'grants.access_of',
  'grants.access_ends_at',
  'grants.granted_at',
  'grants.renewed_at',
  'grants.checked_at',
  'grants.ended_at',
  'grants.ended_cause',
  'grants.demand',
  'grants.version',
] as const

function prepareBySubject(db: Kysely<Schema>, time: SharedTime) {
  return prepare(db, (value: Placeholder<{ scope: Scope; subject: Subject; now: Instant }>) =>
    db
      .selectFrom('revision')
      .leftJoin('credentials', join => join.on('credentials.subject', '=', value('subject')))
      .leftJoin('links', join =>
        join
          .onRef('links.scope', '=', 'credentials.scope')
          .onRef('links.owner', '=', 'credentials.owner')
          .on('links.other_scope', '=', value('scope')),
      )
      .leftJoin('grants', join =>
        join.on('grants.scope', '=', value('scope')).on(
          sql<boolean>`grants.owner =
            case when credentials.scope = ${value('scope')} then credentials.owner else links.other_owner end
            and credentials.unproved = 0`,
        ),
      )
      .select([...momentColumns, ...grantColumns, time.ofRead(value('now')).as('read_at')])
      // A left join finds all columns or none; the type that is inferred allows each of them to be missing.
      .$castTo<Found>(),
  )
}

function prepareByOwner(db: Kysely<Schema>, time: SharedTime) {
  return prepare(db, (value: Placeholder<{ scope: Scope; owner: Owner; now: Instant }>) =>
    db
      .selectFrom('revision')
      .leftJoin('grants', join =>
        join.on('grants.scope', '=', value('scope')).on('grants.owner', '=', value('owner')),
      )
      .select([...momentColumns, ...grantColumns, time.ofRead(value('now')).as('read_at')])
      .$castTo<Found>(),
  )
}

export function grantIn(row: GrantRow): Grant {
  const { username, refresh_token: refreshToken, access_token: token, access_of: of } = row
  const { access_ends_at: endsAt, ended_at: at, ended_cause: cause, demand } = row
  return {
    scope: row.scope,
    owner: row.owner,
    issuer: row.issuer,
    clientId: row.client_id,
    ...(username !== null && { username }),
    ...(refreshToken !== null && { refreshToken }),
    ...(token !== null && of !== null && endsAt !== null && { access: { token, of, endsAt } }),
    grantedAt: row.granted_at,
    renewedAt: row.renewed_at,
    checkedAt: row.checked_at,
    ...(at !== null && cause !== null && { ended: { at, cause } }),
    ...(demand !== null && { demand }),
    version: row.version,
  }
}
