import { randomBytes } from 'node:crypto'
import { type ControlledTransaction, sql, type Transaction } from 'kysely'
import type { Change, History, Moment } from '../gateway/history.ts'
import type { Instant, Revision } from '../gateway/names.ts'
import { InDoubt } from '../gateway/outage.ts'
import type { Announce, Gateways } from '../gateway/ports.ts'
import type { Problem } from '../gateway/registry.ts'
import { rowOf } from './change-log.ts'
import type { Database } from './database.ts'
import type { Schema } from './schema.ts'

/** What every row that a change writes is stamped with. */
export interface Stamp extends Pick<Change, 'at' | 'actor'> {
  /** As the store counts. */
  readonly revision: number
}

/** What a change is about. */
export type Effect = Pick<Change, 'account' | 'scope' | 'usernames'>

/** Checks and writes; a problem undoes what it has written. */
export type Work = (db: Transaction<Schema>, stamp: Stamp) => Promise<Effect | Problem>

/** Makes a change; `undefined` when it is committed and every process knows. */
export type MakeChange = (who: Pick<Change, 'actor' | 'action'>, work: Work) => Promise<Problem | undefined>

export interface ChangeParts {
  readonly history: History
  readonly gateways: Pick<Gateways, 'settle'>
  readonly announce: Announce
  /** Told how many seconds it took until a change held everywhere; not of one that leaves all verdicts as they are. */
  readonly took: (seconds: number) => void
  readonly now: () => Instant
}

/**
 * Every change is one transaction in this order: hold the counter, so that revisions are committed in the order
 * in which they were taken; check and write; announce; commit. The other order, commit and then announce, would
 * leave the old verdict in use after a crash in between. What `announce` throws undoes the change and goes on.
 * After the commit those are waited for who are not told but look at the log.
 */
export function createMakeChange(database: Database, parts: ChangeParts): MakeChange {
  const { history, gateways, announce, took, now } = parts
  return async ({ actor, action }, work) => {
    const transaction = await database.writing.startTransaction().execute()
    try {
      const { moment, before } = await takeMoment(transaction)
      const { number } = moment
      // Throws if it is another store: whoever began with the one before must not change this one.
      const revision = (history.saw({ ...moment, number: number - 1, token: before }) + 1) as Revision
      const stamp = { revision: number, at: now(), actor }
      const effect = await work(transaction, stamp)
      if ('problem' in effect) return effect
      const change = { ...stamp, revision, action, ...effect }
      await transaction.insertInto('changes').values(rowOf(change, moment)).execute()
      const started = performance.now()
      await announce(change, moment, before)
      await commit(database, transaction, moment)
      await gateways.settle(number)
      if (effect.account !== undefined || effect.usernames.length > 0)
        took((performance.now() - started) / 1000)
      return undefined
    } finally {
      // If it cannot be rolled back, the connection is gone and the change with it: what made us come here says more.
      if (!transaction.isCommitted && !transaction.isRolledBack)
        await transaction
          .rollback()
          .execute()
          .catch(() => {})
    }
  }
}

/** Throws `Outage` if it was not committed for certain, and `InDoubt` if nobody can tell. */
async function commit(
  database: Database,
  transaction: ControlledTransaction<Schema>,
  moment: Moment,
): Promise<void> {
  try {
    await transaction.commit().execute()
  } catch (failure) {
    // SQLite may have left it open; PostgreSQL's connection is gone, and cannot be told anything.
    await transaction
      .rollback()
      .execute()
      .catch(() => {})
    const isMade = await lookFor(database, moment).catch(() => {
      throw new InDoubt('perhaps', failure)
    })
    if (!isMade) throw failure
  }
}

/** Whether this very change is in the log. Waits for the transaction, if the server still has it, by its lock. */
async function lookFor({ writing }: Database, { number, token }: Moment): Promise<boolean> {
  return await writing.transaction().execute(async db => {
    await db
      .updateTable('revision')
      .set(row => ({ newest: row.ref('newest') }))
      .execute()
    const found = await db
      .selectFrom('changes')
      .select('token')
      .where('revision', '=', number)
      .executeTakeFirst()
    return found?.token === token
  })
}

/** The next number, with a token of its own, and the token of the change before it. */
async function takeMoment(db: Transaction<Schema>): Promise<{ moment: Moment; before: string }> {
  const { newest, token, store } = await db
    .updateTable('revision')
    .set({ newest: sql<number>`newest + 1` })
    .returning(['newest', 'token', 'store'])
    .executeTakeFirstOrThrow()
  const moment = { store, number: newest, token: randomBytes(12).toString('base64url') }
  await db.updateTable('revision').set({ token: moment.token }).execute()
  return { moment, before: token }
}
