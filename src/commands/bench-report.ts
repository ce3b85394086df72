import { appendFileSync, writeFileSync } from 'node:fs'
import type { Report } from '../bench/report.ts'
import { unwritable } from './failure.ts'
import { say, sayJson, sayTable, strong } from './say.ts'

/** Where a report goes. */
export interface Outputs {
  write(report: Report): Promise<void>
}

export interface OutputOptions {
  /** A file, or `-` for standard output, where there are no tables then. */
  readonly json?: string
  readonly html?: string
}

/** Makes sure that the files can be written: nobody wants to hear of it after an hour. Throws `Failure`. */
export function outputsFor({ json, html }: OutputOptions): Outputs {
  for (const file of [json, html]) if (file !== undefined && file !== '-') touch(file)
  return {
    async write(report) {
      if (json === '-') sayJson(report)
      else await sayReport(report)
      if (json !== undefined && json !== '-') writeFileSync(json, `${JSON.stringify(report, null, 2)}\n`)
      const { pageOf } = await import('../bench/page.ts')
      if (html !== undefined) writeFileSync(html, pageOf(report))
    },
  }
}

function touch(file: string): void {
  try {
    appendFileSync(file, '')
  } catch (error) {
    throw unwritable(file, error)
  }
}

async function sayReport(report: Report): Promise<void> {
  const words = await import('../bench/page.ts')
  const { target, load, countedSeconds, callers, steps } = report
  const rates = load.ratesPerSecond.map(words.whole).join(', ')
  say(strong(`${target.name}  ${target.url}`))
  say(`${rates} requests/s, ${load.arrivals}; ${words.whole(countedSeconds)} s measured`)
  say('')
  sayTable(
    ['caller', 'kind', ...words.figureHeadings],
    callers.map(each => [each.name, each.kind, ...words.figureCells(each)]),
  )
  if (steps.length > 1) {
    say('')
    sayTable(
      ['rate', ...words.figureHeadings],
      steps.map(each => [`${words.whole(each.ratePerSecond)}/s`, ...words.figureCells(each)]),
    )
  }
  say('')
  sayTable(
    ['caller', 'outcome', 'requests'],
    callers.flatMap(({ name, outcomes }) =>
      outcomes.map(each => [name, words.countName(each), words.whole(each.count)]),
    ),
  )
  for (const sentence of words.reservations(report)) say(`\n${sentence}`)
}
