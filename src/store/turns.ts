import { sql } from 'kysely'
import type { Turns } from '../gateway/ports.ts'
import type { Database, SharedTime } from './database.ts'

/**
 * Milliseconds, more than a statement may wait for another one's transaction. The time of a statement is that of its
 * beginning: a turn that was taken while it waited would look like one from before the clock was set back.
 */
const longestWait = 10_000

/** The turns of the gateways with this store. */
export function createTurns({ writing }: Database, time: SharedTime): Turns {
  return {
    async take(work, holder, leaseMs) {
      const now = time.ofWrite()
      const until = sql<number>`${now} + ${sql.lit(leaseMs)}`
      const taken = await writing.transaction().execute(db =>
        db
          .insertInto('turns')
          .values({ work, holder, until })
          .onConflict(conflict =>
            conflict
              .column('work')
              .doUpdateSet({ holder, until })
              // Also free after the clock was set back.
              .where(
                sql<boolean>`(turns.holder = ${holder} or turns.until <= ${now} or turns.until > ${until} + ${sql.lit(longestWait)})`,
              ),
          )
          .returning('holder')
          .executeTakeFirst(),
      )
      return taken !== undefined
    },
    async leave(work, holder) {
      await writing
        .transaction()
        .execute(db => db.deleteFrom('turns').where('work', '=', work).where('holder', '=', holder).execute())
    },
  }
}
