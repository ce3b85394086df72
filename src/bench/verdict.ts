import type { Thresholds } from './plan.ts'
import type { CallerReport } from './report.ts'

/** What makes a test fail, as sentences; empty: it has passed. */
export function judge(
  reports: readonly CallerReport[],
  { p99Ms, errorPercent }: Thresholds,
): readonly string[] {
  return reports.flatMap(({ name, kind, due, defects, errors, latencyMs }) => {
    const said: string[] = []
    if (defects > 0) said.push(`${name} (${kind}) was decided wrongly ${times(defects)}.`)
    if (kind !== 'good') return said
    if (due === 0) return [...said, `${name} (good) was never due: the test was too short to say anything.`]
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
