import { setTimeout as delay } from 'node:timers/promises'
import { sql } from 'kysely'
import { InDoubt } from '../gateway/outage.ts'
import type { Instant } from '../gateway/names.ts'
import type { Gateways, Waiting } from '../gateway/ports.ts'
import type { Database } from './database.ts'

/** Milliseconds added to a lease, because clocks do not run at exactly the same speed. */
const margin = 50

/** Milliseconds by which the clocks of two database servers may differ when one replaces the other. */
const skew = 5000

/** Milliseconds between two checks for missing confirmations. */
const pause = 25

/** Milliseconds after which missing confirmations are reported. */
const reportAfter = 1000

/** Milliseconds: the longest lease that the settings allow. */
const longestLease = 10_000

/** Milliseconds since 1970 by the clock of the database, which all processes share. */
const now = sql<number>`cast(extract(epoch from clock_timestamp()) * 1000 as bigint)`

/** The gateways that hold a lease from the store. On SQLite there are none: they ask before each request. */
export function createGateways(database: Database, waiting: Waiting = () => {}): Gateways {
  const { reading, watching } = database
  const isShared = database.dataVersion() === undefined

  /** Resolves when each process has confirmed that number, or its lease has expired. */
  async function settle(what: 'number' | 'canary', number: number, report: Waiting): Promise<void> {
    if (!isShared) return
    const started = performance.now()
    let hosts: readonly string[] = []
    let isReported = false
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
      // A process without a confirmation last looked before the commit, and trusts that look during its lease.
      const waited = performance.now() - started
      const silent = rows.filter(({ lease_ms }) => waited <= lease_ms + margin)
      if (silent.length === 0) return
      hosts = [...new Set(silent.map(({ host }) => host))]
      if (!isReported && waited >= reportAfter) {
        isReported = true
        report(hosts, (Math.max(...silent.map(({ lease_ms }) => lease_ms)) + margin - waited) / 1000)
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
        // Also due after the clock was set back.
        .where(sql<boolean>`sent_at not between ${now} - ${sql.lit(everyMs)} and ${now}`)
        .returning('number')
        .executeTakeFirst()
      return row?.number
    },
    settleCanary: number => settle('canary', number, () => {}),
  }
}
