import t from 'tap'
import {
  createLedgers,
  gradeOf,
  latencies,
  type Outcome,
  outcomeOf,
  type Silence,
} from '../../src/bench/ledger.ts'
import type { Caller, Load, Thresholds } from '../../src/bench/load.ts'
import { reservations } from '../../src/bench/page.ts'
import { type Report, reportOn } from '../../src/bench/report.ts'
import { isBottleneck } from '../../src/bench/runner.ts'
import { stretchAt } from '../../src/bench/timeline.ts'
import { anna, git, load, mistaken, stranger } from './callers.ts'

interface Happened {
  readonly caller?: Caller
  readonly at?: number
  readonly step?: number
  readonly outcome?: Outcome | Silence
  readonly latency?: number
}

/** The report on these requests: by default anna's, allowed with 200 in 10 ms, due at once. */
function reportOf(
  happened: readonly Happened[],
  {
    its = load,
    thresholds = {},
    callers = [anna],
    lasted = 2000,
  }: { its?: Load; thresholds?: Thresholds; callers?: readonly Caller[]; lasted?: number } = {},
): Report {
  const ledgers = createLedgers(stretchAt(its))
  for (const { caller = anna, at = 0, step = 0, outcome = 'allow', latency = 10 } of happened)
    ledgers.enter({ arrival: { at, caller, step }, result: resultOf(outcome), latency })
  return reportOn(
    { target: { name: 'here', url: 'https://here.example/' }, callers, load: its, thresholds },
    {
      ledgers,
      startedLate: latencies(3),
      generator: { loopDelayMs: { p50: 0, p99: 0, max: 0 }, utilization: 0.1, bottleneck: false },
      startedAt: new Date(0),
      lasted,
      endedEarly: lasted < 2000,
      unfinished: 0,
    },
  )
}

function resultOf(outcome: Outcome | Silence) {
  if (outcome === 'timeout' || outcome === 'not-started' || outcome === 'connection-failed') return outcome
  return { status: outcome === 'allow' ? 200 : 401, outcome }
}

const isNear = (value: number | undefined, wanted: number) =>
  value !== undefined && Math.abs(value - wanted) <= wanted / 500

t.test('percentiles are those of the requests', async t => {
  const { callers } = reportOf(Array.from({ length: 1000 }, (_, nth) => ({ latency: nth + 1 })))
  const { p50, p90, p99, p999, max } = callers[0]?.latencyMs ?? {}
  t.ok(isNear(p50, 500) && isNear(p90, 900) && isNear(p99, 990) && isNear(p999, 999) && isNear(max, 1000))
  const distribution = callers[0]?.distribution ?? []
  t.ok(isNear(distribution.at(-1)?.[1], 1000), 'it ends at the slowest')
  t.ok(distribution.every(([percentile, ms]) => Math.abs(ms - percentile * 10) < 5))
})

t.test('rates are answers by the time that was measured, of each rate and of all', async t => {
  const its = { ...load, ratesPerSecond: [50, 100], warmUpSeconds: 3, durationSeconds: 10 }
  const happened = [
    ...Array.from({ length: 30 }, () => ({ at: 10, step: -1, latency: 9999 })),
    ...Array.from({ length: 500 }, () => ({ at: 3000, step: 0, latency: 5 })),
    ...Array.from({ length: 900 }, () => ({ at: 13_000, step: 1, latency: 20 })),
    ...Array.from({ length: 100 }, () => ({ at: 13_000, step: 1, outcome: 'timeout', latency: 30 }) as const),
  ]
  const { callers, steps, countedSeconds } = reportOf(happened, { its, lasted: 23_400 })
  t.equal(countedSeconds, 20)
  t.match(steps, [
    { ratePerSecond: 50, due: 500, answered: 500, answeredPerSecond: 50, errors: 0 },
    { ratePerSecond: 100, due: 1000, answered: 900, answeredPerSecond: 90, errors: 100 },
  ])
  t.match(callers, [{ due: 1500, answered: 1400, answeredPerSecond: 70, expected: 1400, errors: 100 }])
  t.ok(isNear(callers[0]?.latencyMs?.max, 30), 'the warm-up is not in it')
})

t.test('what was given up is in the latencies, a connection that failed is not', async t => {
  const { callers } = reportOf([
    { outcome: 'connection-failed', latency: 0.1 },
    { outcome: 'timeout', latency: 10_000 },
    { outcome: 'not-started', latency: 10_000 },
  ])
  t.ok(isNear(callers[0]?.distribution[0]?.[1], 10_000), 'the fastest')
  t.strictSame(callers[0]?.outcomes, [
    { outcome: 'connection-failed', status: undefined, count: 1 },
    { outcome: 'timeout', status: undefined, count: 1 },
    { outcome: 'not-started', status: undefined, count: 1 },
  ])
  t.match([callers[0]?.due, callers[0]?.answered], [3, 0])
})

t.test('a test that was ended early reports on the time that it had', async t => {
  const its = { ...load, ratesPerSecond: [100, 200], warmUpSeconds: 1 }
  const ended = reportOf([{ at: 1000 }, { at: 1400 }], { its, lasted: 1500 })
  t.match(ended, { countedSeconds: 0.5, endedEarly: true, callers: [{ answeredPerSecond: 4 }] })
  t.equal(ended.steps.length, 1, 'the second rate was not reached')
  t.match(reservations(ended), [/^The test was ended early/])
  const none = reportOf([], { its, lasted: 500 })
  t.match(none, { countedSeconds: 0, steps: [], failures: [/never due/] })
})

t.test('what happened is shown when it was due, stretch by stretch', async t => {
  const { timeline } = reportOf(
    [
      { at: 100, latency: 10 },
      { at: 1100, latency: 40 },
      { at: 1200, caller: git, outcome: 'challenge', latency: 4 },
    ],
    { callers: [anna, git] },
  )
  t.strictSame(timeline.seconds, [0, 1])
  t.strictSame(timeline.outcomes, [
    { outcome: 'allow', perSecond: [1, 1] },
    { outcome: 'challenge', perSecond: [0, 1] },
  ])
  t.match(
    timeline.latencyMs.map(({ caller, max }) => [caller, max.map(ms => ms && Math.round(ms))]),
    [
      ['all callers', [10, 40]],
      ['anna', [10, 40]],
      ['git', [null, 4]],
    ],
  )
})

t.test('an hour has no more stretches than a plot has room for', async t => {
  const { timeline } = reportOf([{ at: 3_599_000 }], {
    its: { ...load, durationSeconds: 3600 },
    lasted: 3_600_000,
  })
  t.match(timeline, { stretchSeconds: 12, seconds: { length: 300 } })
  t.equal(timeline.outcomes[0]?.perSecond.at(-1), 1 / 12)
})

t.test('a decision that must not happen is a defect; being put off or not answered is an error', async t => {
  const grades: readonly (readonly [Caller, Outcome | Silence, string])[] = [
    [anna, 'allow', 'expected'],
    [anna, 'refused', 'defect'],
    [anna, 'challenge', 'defect'],
    [anna, 'no-account', 'defect'],
    [anna, 'throttled', 'error'],
    [anna, 'unavailable', 'error'],
    [anna, 'not-from-altgate', 'error'],
    [anna, 'timeout', 'error'],
    [{ ...anna, expect: 'reset-needed' }, 'reset-needed', 'expected'],
    [{ ...anna, expect: 'reset-needed' }, 'allow', 'defect'],
    [mistaken, 'refused', 'expected'],
    [mistaken, 'throttled', 'expected'],
    [mistaken, 'allow', 'defect'],
    [stranger, 'refused', 'expected'],
    [stranger, 'allow', 'defect'],
    [git, 'challenge', 'expected'],
    [git, 'allow', 'defect'],
    [git, 'throttled', 'error'],
  ]
  for (const [caller, outcome, grade] of grades)
    t.equal(gradeOf(caller, outcome), grade, `${caller.kind}: ${outcome}`)
})

t.test('an answer without a mark is the upstream’s, unless the gateway would never pass it on', async t => {
  t.equal(outcomeOf(200, undefined), 'allow')
  t.equal(outcomeOf(404, undefined), 'allow')
  t.equal(outcomeOf(401, undefined), 'not-from-altgate')
  t.equal(outcomeOf(502, undefined), 'not-from-altgate')
  t.equal(outcomeOf(401, 'refused'), 'refused')
  t.equal(outcomeOf(200, '\u001b[2Jwhatever'), 'not-from-altgate')
})

t.test('a defect fails the test whichever caller met it; thresholds apply to good callers', async t => {
  const slow = [{ latency: 100 }, { caller: mistaken, outcome: 'refused', latency: 900 } as const]
  const callers = [anna, mistaken]
  t.strictSame(reportOf(slow, { callers }).failures, [])
  t.strictSame(reportOf(slow, { callers, thresholds: { p99Ms: 101 } }).failures, [])
  t.match(reportOf(slow, { callers, thresholds: { p99Ms: 99 } }).failures, [
    /^anna \(good\) had a p99 of 100/,
  ])

  const erring = [...Array.from({ length: 99 }, () => ({})), { outcome: 'busy' } as const]
  t.strictSame(reportOf(erring).failures, [])
  t.strictSame(reportOf(erring, { thresholds: { errorPercent: 1 } }).failures, [])
  t.match(reportOf(erring, { thresholds: { errorPercent: 0.5 } }).failures, [
    /1\.00 % errors, more than 0\.5 %/,
  ])

  t.match(reportOf([{ outcome: 'refused' }]).failures, ['anna (good) got a wrong decision once.'])
  const open = [{}, { caller: mistaken, outcome: 'allow' } as const]
  t.match(reportOf(open, { callers }).failures, ['mistaken (wrong) got a wrong decision once.'])
})

t.test('a generator that was late itself says so', async t => {
  t.notOk(isBottleneck(5, 0.5))
  t.ok(isBottleneck(50, 0.5))
  t.ok(isBottleneck(1, 0.97))
  const report = reportOf([{}])
  t.strictSame(reservations(report), [])
  const busy = { ...report, generator: { ...report.generator, utilization: 0.97, bottleneck: true } }
  t.match(reservations(busy), [/^This load generator was itself too slow/])
  t.match(reservations(reportOf([{ outcome: 'not-started' }])), [
    /^Requests that could not be started in time.*: 1\./,
  ])
})
