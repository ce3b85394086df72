import { sql } from 'kysely'
import { type Overview, type Presence, silentAfterMs } from '../gateway/overview.ts'
import type { Database, SharedTime } from './database.ts'
import type { Tables } from './first-migrations.ts'
import { connectionIn } from './rows.ts'

/** Milliseconds after which a gateway that ended without a word is forgotten. */
const keptMs = 24 * 60 * 60 * 1000

/** The gateways with this store, and the last moves. Times are by the clock of the database, or of the only machine. */
export function createOverview({ reading, writing }: Database, time: SharedTime): Overview {
  return {
    async announce({ id, host, ...facts }) {
      const now = time.ofWrite()
      const row = { host, facts: JSON.stringify(facts), seen_at: now }
      await writing.transaction().execute(async db => {
        await db
          .deleteFrom('presences')
          .where(is =>
            is.or([
              is('seen_at', '<', sql<number>`${now} - ${sql.lit(keptMs)}`),
              is.and([
                is('host', '=', host),
                is('id', '!=', id),
                is('seen_at', '<', sql<number>`${now} - ${sql.lit(silentAfterMs)}`),
              ]),
            ]),
          )
          .execute()
        await db
          .insertInto('presences')
          .values({ id, ...row })
          .onConflict(conflict => conflict.column('id').doUpdateSet(row))
          .execute()
      })
    },
    async leave(id) {
      await writing.transaction().execute(db => db.deleteFrom('presences').where('id', '=', id).execute())
    },
    async gateways() {
      const ago = sql<number>`${time.ofRead(sql`${time.ofMachine()}`)} - seen_at`
      const rows = await reading
        .selectFrom('presences')
        .select(['id', 'host', 'facts', ago.as('ago')])
        .where(ago, '<', keptMs)
        .orderBy('host')
        .orderBy('id')
        .execute()
      return rows.map(({ id, host, facts, ago }) => ({
        id,
        host,
        ...(JSON.parse(facts) as Omit<Presence, 'id' | 'host'>), // as `announce` wrote it
        seenMsAgo: Math.max(0, ago),
      }))
    },
    async lastMoves(most) {
      const rows = await reading
        .selectFrom('connections')
        .leftJoin('directories', 'directories.id', 'connections.directory')
        .select(['account', 'since', 'directory', 'actor', 'undo', 'directories.name as directory_name'])
        // What an account signed in with when it was added is no move.
        .where(is =>
          is.exists(
            is
              .selectFrom('connections as before')
              .select('before.account')
              .whereRef('before.account', '=', 'connections.account')
              .whereRef('before.revision', '<', 'connections.revision'),
          ),
        )
        .orderBy('connections.revision', 'desc')
        .limit(most)
        .execute()
      return rows.map(row => ({
        account: row.account,
        at: row.since,
        actor: row.actor,
        to: connectionIn(row),
        undo: row.undo === 1,
      }))
    },
  }
}

/** Gateways that run, or ended without a word. `facts`: JSON. */
export async function makePresencesTable(db: Tables): Promise<void> {
  await db.schema
    .createTable('presences')
    .addColumn('id', 'text', column => column.primaryKey())
    .addColumn('host', 'text', column => column.notNull())
    .addColumn('facts', 'text', column => column.notNull())
    .addColumn('seen_at', 'bigint', column => column.notNull())
    .execute()
}
