import { add, createLedger, type Ledgers, type Outcome, type Silence } from './ledger.ts'
import type { Caller, Load } from './load.ts'

/** Results over time. All lists have one item for each stretch of time, by the time requests were due. */
export interface Timeline {
  /** The length of one stretch. */
  readonly stretchSeconds: number
  /** The start of each, in seconds after the warm-up. */
  readonly seconds: readonly number[]
  /** Of all callers together, and of each. */
  readonly latencyMs: readonly Course[]
  /** Requests per second, by outcome. */
  readonly outcomes: readonly { readonly outcome: Outcome | Silence; readonly perSecond: readonly number[] }[]
}

/** Latencies over time; `null` where nothing was measured. */
export interface Course {
  readonly caller: string
  readonly p50: readonly (number | null)[]
  readonly p90: readonly (number | null)[]
  readonly p99: readonly (number | null)[]
  readonly max: readonly (number | null)[]
}

/** A plot cannot show more points, and an hour would keep thousands of histograms. */
const mostStretches = 300

/** How many seconds of this load make one point of the timeline. */
export function stretchSecondsOf({ ratesPerSecond, durationSeconds }: Load): number {
  return Math.ceil((ratesPerSecond.length * durationSeconds) / mostStretches)
}

/** The stretch of time that a moment belongs to, in milliseconds after the start of the test. */
export function stretchAt(load: Load): (at: number) => number {
  const length = stretchSecondsOf(load) * 1000
  return at => Math.floor((at - load.warmUpSeconds * 1000) / length)
}

export function timelineOf(
  ledgers: Ledgers,
  { callers, load, countedSeconds }: { callers: readonly Caller[]; load: Load; countedSeconds: number },
): Timeline {
  const length = stretchSecondsOf(load)
  const stretches = Array.from({ length: Math.ceil(countedSeconds / length) }, (_, stretch) => stretch)
  const together = stretches.map(stretch => during(ledgers, stretch, callers))
  const outcomes = new Set(together.flatMap(({ counts }) => [...counts.values()].map(each => each.outcome)))
  /** The last stretch may be cut off. */
  const lengthOf = (stretch: number) => Math.min(length, countedSeconds - stretch * length)
  return {
    stretchSeconds: length,
    seconds: stretches.map(stretch => stretch * length),
    latencyMs: [
      courseOf('all callers', together),
      ...callers.map(caller =>
        courseOf(
          caller.name,
          stretches.map(stretch => during(ledgers, stretch, [caller])),
        ),
      ),
    ],
    outcomes: [...outcomes].map(outcome => ({
      outcome,
      perSecond: together.map(({ counts }, stretch) => {
        const alike = [...counts.values()].filter(each => each.outcome === outcome)
        return alike.reduce((sum, { count }) => sum + count, 0) / lengthOf(stretch)
      }),
    })),
  }
}

function during(ledgers: Ledgers, stretch: number, callers: readonly Caller[]) {
  return callers.reduce((sum, caller) => {
    const ledger = ledgers.during(stretch, caller)
    return ledger === undefined ? sum : add(sum, ledger)
  }, createLedger(2))
}

function courseOf(caller: string, ledgers: readonly ReturnType<typeof createLedger>[]): Course {
  const at = (percentile: number) =>
    ledgers.map(({ latencies }) =>
      latencies.totalCount === 0 ? null : latencies.getValueAtPercentile(percentile) / 1000,
    )
  return { caller, p50: at(50), p90: at(90), p99: at(99), max: at(100) }
}
