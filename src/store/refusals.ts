import type { Transaction } from 'kysely'
import type { Instant } from '../gateway/names.ts'
import type { Refusal, Refusals } from '../gateway/ports.ts'
import type { Database, Schema } from './database.ts'

/** Milliseconds between two prunings by this process. */
const pruning = 10 * 60 * 1000

/** Rows removed at once: SQLite blocks this process meanwhile. */
const mostPruned = 2000

/** Rows that are kept, whatever an attacker does. */
const mostKept = 200_000

/** What clients were refused, for operators. */
export function createRefusals({ reading, writing }: Database, now: () => Instant): Refusals {
  let prunedAt = -Infinity

  async function prune(db: Transaction<Schema>, keptMs: number): Promise<void> {
    if (now() < prunedAt + pruning) return
    const surplus = await db
      .selectFrom('refusals')
      .select('at')
      .orderBy('at', 'desc')
      .offset(mostKept)
      .limit(1)
      .executeTakeFirst()
    const before = Math.max(now() - keptMs, surplus === undefined ? 0 : surplus.at + 1)
    const { numDeletedRows } = await db
      .deleteFrom('refusals')
      .where('reference', 'in', old =>
        old.selectFrom('refusals').select('reference').where('at', '<', before).limit(mostPruned),
      )
      .executeTakeFirstOrThrow()
    if (numDeletedRows < mostPruned) prunedAt = now()
  }

  return {
    async record(refusals, keptMs) {
      await writing.transaction().execute(async db => {
        if (refusals.length > 0)
          await db
            .insertInto('refusals')
            .values(refusals.map(rowOf))
            .onConflict(conflict => conflict.doNothing())
            .execute()
        await prune(db, keptMs)
      })
    },
    async find(reference) {
      const row = await reading
        .selectFrom('refusals')
        .selectAll()
        .where('reference', '=', reference)
        .executeTakeFirst()
      return row && refusalIn(row)
    },
    async list({ outcome, account, user, since, most }) {
      let query = reading.selectFrom('refusals').selectAll().orderBy('at', 'desc').limit(most)
      if (outcome !== undefined) query = query.where('outcome', '=', outcome as Refusal['outcome'])
      if (account !== undefined) query = query.where('account', '=', account)
      if (user !== undefined) query = query.where('username', '=', user)
      if (since !== undefined) query = query.where('at', '>=', since)
      return (await query.execute()).map(refusalIn).reverse()
    },
  }
}

type Row = Schema['refusals']

function rowOf({ reference, at, outcome, account, user, from, ...facts }: Refusal): Row {
  return {
    reference,
    at,
    outcome,
    account: account ?? null,
    username: user ?? null,
    client: from,
    facts: JSON.stringify(facts),
  }
}

function refusalIn({ reference, at, outcome, account, username, client, facts }: Row): Refusal {
  return {
    reference,
    at,
    outcome,
    ...(account !== null && { account }),
    ...(username !== null && { user: username }),
    from: client,
    ...(JSON.parse(facts) as Pick<Refusal, 'cause' | 'scope' | 'tool' | 'method' | 'kind' | 'passwordName'>), // as `rowOf` wrote it
  }
}
