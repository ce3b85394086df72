import t from 'tap'
import { pino } from 'pino'
import type { AccountName } from '../../src/gateway/names.ts'
import { Outage } from '../../src/gateway/outage.ts'
import type { Totals } from '../../src/telemetry/metrics.ts'
import { createObservations, createObserver, type Observation } from '../../src/telemetry/observed.ts'
import { Rates } from '../../src/telemetry/rates.ts'
import { createOutageReport, createSilenceReport } from '../../src/telemetry/reports.ts'
import { watchParts } from '../../src/telemetry/follow.ts'
import { until } from '../support/until.ts'

const log = pino({ level: 'silent' })
const fabrikam = 'fabrikam' as AccountName
const none = { upstream: 0, accounts: 0, provider: 0 }
const quiet: Observation = {
  decisions: [],
  loadTest: 0,
  answered: none,
  outages: [],
  silent: { accounts: 0 },
}

t.test('a worker reports what has changed, and nothing if nothing has', async t => {
  let totals: Totals = {
    decisions: [{ outcome: 'allow', via: 'l1', count: 2 }],
    loadTest: 0,
    answered: { ...none, upstream: 1 },
  }
  const outage = createOutageReport(log, () => {}, 1)
  const silent = createSilenceReport(log)
  const look = createObserver({ metrics: { totals: () => totals }, outage, silent })
  t.strictSame(look(), quiet, 'what was counted before is not told')
  t.equal(look(), undefined)
  totals = {
    decisions: [
      { outcome: 'allow', via: 'l1', count: 5 },
      { outcome: 'refused', via: 'store', count: 1 },
    ],
    loadTest: 4,
    answered: { ...none, upstream: 3, provider: 1 },
  }
  silent.failed(fabrikam, { outcome: 'upstream-failed', because: 'timeout' } as never)
  outage(new Outage('provider', new Error('x')))
  const seen = look()
  t.match(seen, {
    decisions: [
      { outcome: 'allow', via: 'l1', count: 3 },
      { outcome: 'refused', via: 'store', count: 1 },
    ],
    loadTest: 4,
    answered: { upstream: 2, accounts: 0, provider: 1 },
    outages: [{ part: 'provider', failures: 1 }],
    silent: { accounts: 1 },
  })
  t.notMatch(JSON.stringify(seen), 'fabrikam')
  t.equal(look(), undefined)
  silent.answered(fabrikam)
  await until(() => outage.current().length === 0)
  t.strictSame(look(), quiet, 'both are over')
})

t.test('an upstream that was not tried for an hour is no longer taken for silent', async t => {
  let now = 0
  const silent = createSilenceReport(log, () => now)
  silent.failed(fabrikam, { outcome: 'upstream-failed', because: 'refused' } as never)
  now += 59 * 60 * 1000
  t.match(silent.current(), [{ account: fabrikam, failures: 1 }])
  now += 2 * 60 * 1000
  t.strictSame(silent.current(), [])
})

t.test('the primary process adds up what workers report, and forgets one that is gone', async t => {
  let now = 0
  const rates = new Rates(() => now)
  const own: { part: 'provider'; since: number; failures: number }[] = []
  const all = createObservations(rates, () => own)
  const failing = { part: 'hashing', since: 500, failures: 2 } as const
  all.heard(1, {
    ...quiet,
    decisions: [{ outcome: 'allow', via: 'l2', count: 3 }],
    answered: { ...none, upstream: 3 },
  })
  all.heard(2, {
    ...quiet,
    decisions: [{ outcome: 'allow', via: 'l1', count: 1 }],
    outages: [failing],
    silent: { accounts: 2, since: 700 },
  })
  all.heard(1, {
    ...quiet,
    loadTest: 2,
    outages: [{ ...failing, since: 400 }],
    silent: { accounts: 1, since: 600 },
  })
  now = 1000
  t.strictSame(
    rates.over(1).counts,
    new Map([
      ['outcome allow', 4],
      ['via l2', 3],
      ['via l1', 1],
      ['load-test', 2],
    ]),
  )
  t.ok(all.lastAnswer('upstream'))
  t.equal(all.lastAnswer('provider'), undefined)
  all.answered('provider')
  t.ok(all.lastAnswer('provider'))
  t.match(all.part('hashing'), { failingSince: 400, failures: 4, recoveredAt: undefined })
  t.match(all.silent, { accounts: 2, since: 600, recoveredAt: undefined })
  t.strictSame(all.failing(), ['hashing'])
  own.push({ part: 'provider', since: 900, failures: 1 })
  t.match(all.part('provider'), { failingSince: 900 })
  own.pop()
  t.ok(all.part('provider').recoveredAt, 'its own are over as well')
  all.gone(2)
  all.heard(1, quiet)
  t.match(all.part('hashing'), { failingSince: undefined, failures: 0 })
  t.ok(all.part('hashing').recoveredAt)
  t.equal(all.silent.accounts, 0)
  t.ok(all.silent.recoveredAt)
})

t.test('a part that is watched says since when it answers, or does not', async t => {
  let broken = false
  let asked = 0
  const parts = watchParts(
    {
      store: async () => {
        if (broken) throw new Outage('store', new Error('x'))
      },
    },
    () => void (asked += 1),
    5,
  )
  t.teardown(() => parts.stop())
  const again = async () => {
    const before = asked
    await until(() => asked > before + 2)
  }
  await again()
  const first = parts.since['store'] ?? Infinity
  await again()
  t.equal(parts.since['store'], first, 'it goes on')
  broken = true
  await again()
  t.match(parts.states, { store: 'store is unavailable' })
  const second = parts.since['store'] ?? 0
  t.ok(second > first)
  await again()
  t.equal(parts.since['store'], second)
  broken = false
  await again()
  t.ok((parts.since['store'] ?? 0) > second)
})
