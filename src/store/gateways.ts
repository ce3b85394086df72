import { setTimeout as delay } from 'node:timers/promises'
import { sql } from 'kysely'
import { InDoubt } from '../gateway/outage.ts'
import type { Instant } from '../gateway/names.ts'
import type { Gateways, Waiting } from '../gateway/ports.ts'
import type { Database } from './database.ts'

/** Milliseconds more than a lease: for clocks that do not run at quite the same speed. */
const margin = 50

/** Milliseconds by which the clocks of two database servers may differ, one of which took the other's place. */
const skew = 5000

/** Milliseconds between two looks who has confirmed. */
const pause = 25

/** Milliseconds after which it is told who has not confirmed. */
const toldAfter = 1000

/** Milliseconds: the longest lease that the settings allow. */
const longestLease = 10_000

/** Milliseconds since 1970 by the clock of the database: the one that all processes share. */
const now = sql<number>`cast(extract(epoch from clock_timestamp()) * 1000 as bigint)`

/** The gateways that trust their memory by the store's word. On SQLite there are none: they ask before each request. */
export function createGateways(database: Database, waiting: Waiting = () => {}): Gateways {
  const { reading, watching } = database
  const isShared = database.pulse() === undefined

  /** Until each process has confirmed that number, or its lease is over. */
  async function settle(what: 'number' | 'canary', number: number, tell: Waiting): Promise<void> {
    if (!isShared) return
    const started = performance.now()
    let hosts: readonly string[] = []
    let isTold = false
    const lastBy: Instant = Date.now() + longestLease + margin
    for (;;) {
      const rows = await reading
        .selectFrom('gateways')
        .select(['host', 'lease_ms'])
        .where(what, '<', number)
        .where(sql<boolean>`seen_at + lease_ms + ${sql.lit(skew)} > ${now}`)
        .execute()
        .catch((error: unknown) => {
          throw new InDoubt('made', error, lastBy, hosts)
        })
      // Whoever has not confirmed by now looked before the commit, and trusts that look for its lease.
      const waited = performance.now() - started
      const silent = rows.filter(({ lease_ms }) => waited <= lease_ms + margin)
      if (silent.length === 0) return
      hosts = [...new Set(silent.map(({ host }) => host))]
      if (!isTold && waited >= toldAfter) {
        isTold = true
        tell(hosts, (Math.max(...silent.map(({ lease_ms }) => lease_ms)) + margin - waited) / 1000)
      }
      await delay(pause)
    }
  }

  return {
    async confirm({ id, host, leaseMs }, number, canary) {
      const row = { host, lease_ms: leaseMs, number, canary, seen_at: now }
      await watching
        .insertInto('gateways')
        .values({ id, ...row })
        .onConflict(conflict => conflict.column('id').doUpdateSet(row))
        .execute()
    },
    async leave(id) {
      await watching.deleteFrom('gateways').where('id', '=', id).execute()
    },
    settle: number => settle('number', number, waiting),
    async canary() {
      const row = await watching.selectFrom('canary').select('number').executeTakeFirst()
      return row?.number ?? 0
    },
    async canaryIsDue(everyMs) {
      if (!isShared) return undefined
      const row = await watching
        .updateTable('canary')
        .set(was => ({ number: sql<number>`${was.ref('number')} + 1`, sent_at: now }))
        // A clock that was set back must not end it.
        .where(sql<boolean>`sent_at not between ${now} - ${sql.lit(everyMs)} and ${now}`)
        .returning('number')
        .executeTakeFirst()
      return row?.number
    },
    settleCanary: number => settle('canary', number, () => {}),
  }
}
