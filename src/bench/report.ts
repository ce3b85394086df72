import type { Histogram } from 'hdr-histogram-js'
import { add, type Count, createLedger, type Ledger, type Ledgers } from './ledger.ts'
import { type Caller, type Load, type Plan, stepsOf, type Thresholds } from './load.ts'
import type { GeneratorHealth } from './runner.ts'
import { type Timeline, timelineOf } from './timeline.ts'

/** The result of a load test: the content of the JSON file, and the source of tables and page. It holds no secrets. */
export interface Report {
  readonly target: { readonly name: string; readonly url: string }
  /** ISO 8601, UTC. */
  readonly startedAt: string
  readonly load: Load
  /** Seconds that were counted, without the warm-up. */
  readonly countedSeconds: number
  /** The test was ended before its time. */
  readonly endedEarly: boolean
  /** Requests that were due but unanswered when the test was ended early. */
  readonly unfinished: number
  readonly callers: readonly CallerReport[]
  /** One for each rate that was reached. */
  readonly steps: readonly StepReport[]
  readonly timeline: Timeline
  /** How late requests were started, waiting for a timer or a connection. This is part of the latencies. */
  readonly startedLateMs: Latency | null
  readonly generator: GeneratorHealth
  /** What is wrong, as sentences; empty: the test has passed. */
  readonly failures: readonly string[]
}

interface CallerReport extends Figures {
  readonly name: string
  readonly kind: Caller['kind']
  /** Percentile and latency in milliseconds, denser towards the end. */
  readonly distribution: readonly (readonly [number, number])[]
}

interface StepReport extends Figures {
  /** The configured rate of all callers together. */
  readonly ratePerSecond: number
}

export interface Figures {
  readonly due: number
  readonly answered: number
  /** Answers in each second. */
  readonly answeredPerSecond: number
  readonly expected: number
  readonly errors: number
  readonly defects: number
  readonly outcomes: readonly Count[]
  /** `null`: nothing was measured. */
  readonly latencyMs: Latency | null
}

/** Milliseconds. */
interface Latency {
  readonly p50: number
  readonly p90: number
  readonly p99: number
  readonly p999: number
  readonly max: number
}

/** What was measured. */
interface Measured {
  readonly ledgers: Ledgers
  readonly startedLate: Histogram
  readonly generator: GeneratorHealth
  readonly startedAt: Date
  /** Milliseconds from the start of the test to when it was over. */
  readonly lasted: number
  readonly endedEarly: boolean
  readonly unfinished: number
}

export function reportOn({ target, callers, load, thresholds }: Plan, measured: Measured): Report {
  const { ledgers, startedLate, generator, startedAt, lasted, endedEarly, unfinished } = measured
  const reached = stepsOf(load)
    .filter(({ step, from }) => step >= 0 && from < lasted)
    .map(each => ({ ...each, seconds: (Math.min(each.to, lasted) - each.from) / 1000 }))
  const countedSeconds = reached.reduce((sum, { seconds }) => sum + seconds, 0)

  const callerReports = callers.map(caller => {
    const total = sum(reached.map(({ step }) => ledgers.of(step, caller)))
    const { name, kind } = caller
    return { name, kind, ...figuresOf(total, countedSeconds), distribution: distributionOf(total.latencies) }
  })
  return {
    target: { name: target.name, url: target.url },
    startedAt: startedAt.toISOString(),
    load,
    countedSeconds,
    endedEarly,
    unfinished,
    callers: callerReports,
    steps: reached.map(({ step, rate, seconds }) => ({
      ratePerSecond: rate,
      ...figuresOf(sum(callers.map(caller => ledgers.of(step, caller))), seconds),
    })),
    timeline: timelineOf(ledgers, { callers, load, countedSeconds }),
    startedLateMs: latencyOf(startedLate),
    generator,
    failures: judge(callerReports, thresholds),
  }
}

function sum(ledgers: readonly Ledger[]): Ledger {
  return ledgers.reduce(add, createLedger(3))
}

function figuresOf({ due, answered, grades, counts, latencies }: Ledger, seconds: number): Figures {
  return {
    due,
    answered,
    answeredPerSecond: seconds === 0 ? 0 : answered / seconds,
    expected: grades.expected,
    errors: grades.error,
    defects: grades.defect,
    outcomes: [...counts.values()].sort((one, other) => other.count - one.count),
    latencyMs: latencyOf(latencies),
  }
}

function latencyOf(latencies: Histogram): Latency | null {
  if (latencies.totalCount === 0) return null
  const at = (percentile: number) => latencies.getValueAtPercentile(percentile) / 1000
  return { p50: at(50), p90: at(90), p99: at(99), p999: at(99.9), max: at(100) }
}

/** Three points for each halving of what is left above, as far as there are requests to tell them apart. */
function distributionOf(latencies: Histogram): readonly (readonly [number, number])[] {
  if (latencies.totalCount === 0) return []
  const points = Math.ceil(3 * Math.log2(latencies.totalCount)) + 1
  return Array.from({ length: points }, (_, point) => {
    const percentile = 100 * (1 - 2 ** (-point / 3))
    return [percentile, latencies.getValueAtPercentile(percentile) / 1000] as const
  })
}

/** The reasons why a test fails, as sentences; empty: it has passed. */
function judge(reports: readonly CallerReport[], { p99Ms, errorPercent }: Thresholds): readonly string[] {
  return reports.flatMap(({ name, kind, due, defects, errors, latencyMs }) => {
    const said: string[] = []
    if (defects > 0) said.push(`${name} (${kind}) got a wrong decision ${times(defects)}.`)
    if (kind !== 'good') return said
    if (due === 0) return [...said, `${name} (good) was never due: the test was too short.`]
    const percent = (100 * errors) / due
    if (errorPercent !== undefined && percent > errorPercent)
      said.push(`${name} (good) had ${percent.toFixed(2)} % errors, more than ${errorPercent} %.`)
    if (p99Ms !== undefined && latencyMs !== null && latencyMs.p99 > p99Ms)
      said.push(`${name} (good) had a p99 of ${latencyMs.p99.toFixed(1)} ms, more than ${p99Ms} ms.`)
    return said
  })
}

function times(count: number): string {
  return count === 1 ? 'once' : `${count} times`
}
