import type { Count } from './ledger.ts'
import type { Figures, Report } from './report.ts'

// Numbers and sentences that the table and the page share.

/** Milliseconds with three digits that count: `0.123`, `1.23`, `12.3`, `123`, `12,345`. */
export function milliseconds(value: number | undefined): string {
  if (value === undefined) return '–'
  const decimals = value < 1 ? 3 : value < 10 ? 2 : value < 100 ? 1 : 0
  return value.toLocaleString('en', { minimumFractionDigits: decimals, maximumFractionDigits: decimals })
}

export function whole(value: number): string {
  return Math.round(value).toLocaleString('en')
}

export function rate(perSecond: number): string {
  return perSecond.toLocaleString('en', { maximumFractionDigits: perSecond < 10 ? 2 : 1 })
}

/** `allow 200`: what the gateway decided, and the status; without a status there was no answer. */
export function countName({ outcome, status }: Pick<Count, 'outcome' | 'status'>): string {
  return status === undefined ? outcome : `${outcome} ${status}`
}

/** What was measured of some requests, as cells of a table under `figureHeadings`. */
export function figureCells({
  due,
  answeredPerSecond,
  latencyMs,
  errors,
  defects,
}: Figures): readonly string[] {
  const { p50, p90, p99, p999, max } = latencyMs ?? {}
  return [
    whole(due),
    rate(answeredPerSecond),
    ...[p50, p90, p99, p999, max].map(milliseconds),
    whole(errors),
    whole(defects),
  ]
}

export const figureHeadings = [
  'due',
  'answers/s',
  'p50 ms',
  'p90 ms',
  'p99 ms',
  'p99.9 ms',
  'max ms',
  'errors',
  'defects',
] as const

/** What must be known before any number is believed; empty: nothing. */
export function reservations({ endedEarly, unfinished, generator, callers }: Report): readonly string[] {
  const notStarted = callers
    .flatMap(({ outcomes }) => outcomes)
    .filter(({ outcome }) => outcome === 'not-started')
    .reduce((sum, { count }) => sum + count, 0)
  return [
    ...(endedEarly
      ? [`Ended early. Requests that had no result yet, and are left out: ${whole(unfinished)}.`]
      : []),
    ...(notStarted > 0
      ? [
          `Requests that could not be started in time, because requestsInFlight others were under way: ${whole(notStarted)}. They are errors, and in the latencies with the time that they waited.`,
        ]
      : []),
    ...(generator.bottleneck
      ? [
          `This load generator was itself too slow (event loop ${milliseconds(generator.loopDelayMs.p99)} ms late at p99, ${whole(generator.utilization * 100)} % busy): the latencies are partly its own. Lower the rate, or run it on a machine of its own.`,
        ]
      : []),
  ]
}
