import { type Kysely, sql } from 'kysely'
import type { Deliveries, DeliveredTo, LoggedChange, Place } from '../gateway/deliveries.ts'
import type { History } from '../gateway/history.ts'
import type { Instant } from '../gateway/names.ts'
import { changeColumns, type ChangeRow, changeIn, momentColumns, newestIn, type Seen } from './change.ts'
import { type Database, type Placeholder, prepare, type Schema } from './database.ts'
import type { Tables } from './first-migrations.ts'

/** Changes that are read at once. */
const batchSize = 100

/** How far the changes have been delivered. */
export function createDeliveries(
  { watching, writing }: Database,
  history: History,
  now: () => Instant,
): Deliveries {
  const read = prepareRead(watching)

  async function begin(to: DeliveredTo): Promise<void> {
    const { number, token } = await beginningFor(watching)
    await writing.transaction().execute(db =>
      db
        .insertInto('deliveries')
        .values({ receiver: to, number, token, holder: null, at: now() })
        .onConflict(conflict => conflict.doNothing())
        .execute(),
    )
  }

  return {
    async undelivered(to) {
      const rows = await read({ to })
      newestIn(rows, history) // throws if it is another store
      const [first] = rows
      if (first === undefined || first.delivered === null) {
        await begin(to)
        return await this.undelivered(to)
      }
      const upTo = { number: first.delivered, token: first.delivered_token }
      const newest = { number: first.newest, token: first.newest_token }
      const logged = rows.flatMap(row => (row.revision === null ? [] : [row]))
      const changes = logged.filter(row => row.revision > upTo.number).map(loggedIn)
      const same = logged.find(row => row.revision === upTo.number)?.token
      return {
        upTo,
        by: first.holder ?? undefined,
        isSound: newest.number === upTo.number ? isThe(newest.token, upTo) : isSoundBy(same, upTo, newest),
        newest,
        changes: changes.slice(0, batchSize),
        areMore: rows.length > batchSize,
      }
    },
    async moved(to, from, upTo, by) {
      const { numUpdatedRows } = await writing
        .transaction()
        .execute(db =>
          db
            .updateTable('deliveries')
            .set({ number: upTo.number, token: upTo.token, holder: by, at: now() })
            .where('receiver', '=', to)
            .where('number', '=', from.number)
            .where('token', '=', from.token)
            .executeTakeFirstOrThrow(),
        )
      return numUpdatedRows > 0n
    },
    beginning: () => beforeTheOldest(watching),
  }
}

/** `same`: the token in the log under the number of `upTo`; `undefined` if it is no longer kept. */
function isSoundBy(same: string | undefined, upTo: Place, newest: Place): boolean {
  return upTo.number < newest.number && (same === undefined || isThe(same, upTo))
}

/** A place without a token is one where changes are missing. */
function isThe(token: string, upTo: Place): boolean {
  return upTo.token === '' || upTo.token === token
}

/** A young store is delivered from its first change; what came before a receiver of an older one is not news. */
async function beginningFor(db: Kysely<Schema>): Promise<Place> {
  const oldest = await beforeTheOldest(db)
  if (oldest.number === 0) return oldest
  const { newest, token } = await db
    .selectFrom('revision')
    .select(['newest', 'token'])
    .executeTakeFirstOrThrow()
  return { number: newest, token }
}

async function beforeTheOldest(db: Kysely<Schema>): Promise<Place> {
  const { newest, oldest } = await db
    .selectFrom('revision')
    .select([
      'newest',
      select => select.selectFrom('changes').select('revision').orderBy('revision').limit(1).as('oldest'),
    ])
    .executeTakeFirstOrThrow()
  return { number: oldest === null ? newest : oldest - 1, token: '' }
}

/** There is one row even if there is nothing to deliver, and no place yet. */
type ReadRow = Seen & {
  readonly delivered_token: string
  readonly delivered: number | null
  readonly holder: string | null
} & (ChangeRow | { readonly revision: null; readonly token: null })

/** One statement, so that it sees one state of the store. */
function prepareRead(db: Kysely<Schema>) {
  return prepare(db, (value: Placeholder<{ to: DeliveredTo }>) =>
    db
      .selectFrom('revision')
      .leftJoin('deliveries', join => join.on('deliveries.receiver', '=', value('to')))
      .leftJoin('changes', join => join.onRef('changes.revision', '>=', 'deliveries.number'))
      .select([
        ...momentColumns,
        'deliveries.number as delivered',
        'deliveries.token as delivered_token',
        'deliveries.holder as holder',
        ...changeColumns,
      ])
      .orderBy('revision')
      .limit(batchSize + 1)
      // A left join finds all columns or none; the type that is inferred allows each of them to be missing.
      .$castTo<ReadRow>(),
  )
}

function loggedIn(row: ChangeRow): LoggedChange {
  return { ...changeIn(row), number: row.revision, token: row.token }
}

/**
 * How far the changes have been delivered. Up to now they were written as they came, so a store that has changes begins
 * with the next one.
 */
export async function makeDeliveriesTable(db: Tables): Promise<void> {
  await db.schema
    .createTable('deliveries')
    .addColumn('receiver', 'text', column => column.primaryKey())
    .addColumn('number', 'bigint', column => column.notNull())
    .addColumn('token', 'text', column => column.notNull())
    .addColumn('holder', 'text')
    .addColumn('at', 'bigint', column => column.notNull())
    .execute()
  await sql`insert into deliveries (receiver, number, token, at) select 'audit', newest, token, 0 from revision`.execute(
    db,
  )
}
