import { sql, type Transaction } from 'kysely'
import type { Change } from '../gateway/change.ts'
import type { Instant, Revision } from '../gateway/names.ts'
import type { Announce } from '../gateway/ports.ts'
import type { Problem } from '../gateway/registry.ts'
import { rowOf } from './change-log.ts'
import type { Database } from './database.ts'
import type { Schema } from './schema.ts'

/** What every row that a change writes is stamped with. */
export type Stamp = Pick<Change, 'revision' | 'at' | 'actor'>

/** What a change is about. */
export type Effect = Pick<Change, 'account' | 'scope' | 'usernames'>

/** Checks and writes; a problem undoes what it has written. */
export type Work = (db: Transaction<Schema>, stamp: Stamp) => Promise<Effect | Problem>

/** Makes a change; `undefined` when it is committed and every process knows. */
export type MakeChange = (who: Pick<Change, 'actor' | 'action'>, work: Work) => Promise<Problem | undefined>

/**
 * Every change is one transaction in this order: hold the counter, so that revisions are committed in the order
 * in which they were taken; check and write; announce; commit. The other order, commit and then announce, would
 * leave the old verdict in use after a crash in between. What `announce` throws undoes the change and goes on.
 */
export function createMakeChange({ writing }: Database, announce: Announce, now: () => Instant): MakeChange {
  return async ({ actor, action }, work) => {
    const transaction = await writing.startTransaction().execute()
    try {
      const stamp = { revision: await takeRevision(transaction), at: now(), actor }
      const effect = await work(transaction, stamp)
      if ('problem' in effect) return effect
      const change = { ...stamp, action, ...effect }
      await transaction.insertInto('changes').values(rowOf(change)).execute()
      await announce(change)
      await transaction.commit().execute()
      return undefined
    } finally {
      // If it cannot be rolled back, the connection is gone and the change with it: what made us come here says more.
      if (!transaction.isCommitted)
        await transaction
          .rollback()
          .execute()
          .catch(() => {})
    }
  }
}

async function takeRevision(db: Transaction<Schema>): Promise<Revision> {
  const { newest } = await db
    .updateTable('revision')
    .set({ newest: sql<Revision>`newest + 1` })
    .returning('newest')
    .executeTakeFirstOrThrow()
  return newest
}
