import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import type { Count } from './ledger.ts'
import type { Figures, Report } from './report.ts'

/** A report as one self-contained HTML file. */
export function pageOf(report: Report): string {
  const { target, startedAt, load, countedSeconds } = report
  const when = `${startedAt.slice(0, 16).replace('T', ' ')} UTC`
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'">
<title>Load test of ${escape(target.name)}, ${when}</title>
<style>${library('uPlot.min.css')}</style>
<style>${asset('report.css')}</style>
</head>
<body>
<header>
<h1>Load test of ${escape(target.name)}</h1>
<p class="facts">${facts([
    target.url,
    when,
    `${load.ratesPerSecond.map(whole).join(', ')} requests/s, ${load.arrivals}`,
    `${whole(countedSeconds)} s measured`,
  ])}</p>
</header>
<main>
${verdict(report)}
<section><h2>Callers</h2>${table(
    ['caller', 'kind', ...figureHeadings],
    report.callers.map(each => [each.name, each.kind, ...figureCells(each)]),
  )}</section>
${steps(report)}
<section><h2>Latency over time</h2>
<p class="about">By the time requests were due, on a logarithmic scale. <label>Caller <select id="caller"></select></label></p>
<div class="plot" id="latency"></div></section>
<section><h2>Latency distribution</h2>
<p class="about">The share of requests that were at least as fast; the further right, the rarer.</p>
<div class="plot" id="distribution"></div></section>
<section><h2>Outcomes over time</h2>
<p class="about">Requests per second, stacked, by the gateway's decision (X-Altgate-Outcome).</p>
<div class="plot" id="outcomes"></div>
${table(['caller', 'outcome', 'requests'], outcomeRows(report))}</section>
${generator(report)}
</main>
<script type="application/json" id="report">${JSON.stringify(report).replaceAll('<', '\\u003c')}</script>
<script>${library('uPlot.iife.min.js')}</script>
<script>${asset('report.js')}</script>
</body>
</html>
`
}

function verdict(report: Report): string {
  const { failures } = report
  const said = failures.length === 0 ? ['Every decision was right, and all thresholds were met.'] : failures
  const doubts = reservations(report)
  return `<section class="verdict ${failures.length === 0 ? 'passed' : 'failed'}">
<h2>${failures.length === 0 ? 'Passed' : 'Failed'}</h2>${list(said)}</section>
${doubts.length === 0 ? '' : `<section class="verdict doubtful"><h2>Read this first</h2>${list(doubts)}</section>`}`
}

function steps({ steps }: Report): string {
  if (steps.length < 2) return ''
  const rows = steps.map(each => [`${whole(each.ratePerSecond)}/s`, ...figureCells(each)])
  return `<section><h2>Rates</h2>${table(['rate', ...figureHeadings], rows)}</section>`
}

function outcomeRows({ callers }: Report): readonly (readonly string[])[] {
  return callers.flatMap(({ name, outcomes }) =>
    outcomes.map(each => [name, countName(each), whole(each.count)]),
  )
}

function generator({ generator: { loopDelayMs, utilization }, startedLateMs }: Report): string {
  const late = startedLateMs === null ? '–' : milliseconds(startedLateMs.p99)
  return `<section><h2>The load generator itself</h2>
<p class="about">Event loop late by ${milliseconds(loopDelayMs.p50)} ms at p50 and ${milliseconds(loopDelayMs.p99)} ms at p99; busy ${whole(utilization * 100)} % of the time. Requests started ${late} ms late at p99, waiting for a timer or a free connection; this is part of the latencies, which count from the time a request was due.</p></section>`
}

function table(headings: readonly string[], rows: readonly (readonly string[])[]): string {
  const kinds = headings.map((_, at) =>
    at > 0 && rows.every(row => isNumber(row[at])) ? ' class="number"' : '',
  )
  const head = headings.map((text, at) => `<th scope="col"${kinds[at]}>${escape(text)}</th>`).join('')
  const cells = (row: readonly string[]) =>
    row.map((text, at) => `<td${kinds[at]}>${escape(text)}</td>`).join('')
  const body = rows.map(row => `<tr>${cells(row)}</tr>`).join('')
  return `<div class="scroll" tabindex="0"><table><thead><tr>${head}</tr></thead><tbody>${body}</tbody></table></div>`
}

function isNumber(text: string | undefined): boolean {
  return text !== undefined && /^(?:[\d,.]+|–)$/.test(text)
}

function list(sentences: readonly string[]): string {
  return `<ul>${sentences.map(each => `<li>${escape(each)}</li>`).join('')}</ul>`
}

function facts(texts: readonly string[]): string {
  return texts.map(each => `<span>${escape(each)}</span>`).join('')
}

function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;')
}

function asset(name: string): string {
  return readFileSync(join(import.meta.dirname, 'assets', name), 'utf8')
}

function library(name: string): string {
  return readFileSync(createRequire(import.meta.url).resolve(`uplot/dist/${name}`), 'utf8')
}

// Numbers and sentences that the table and the page share.

/** Milliseconds with three significant digits: `0.123`, `1.23`, `12.3`, `123`, `12,345`. */
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

/** Figures as cells of a table under `figureHeadings`. */
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

/** What to know before trusting any number; empty: nothing. */
export function reservations({ endedEarly, unfinished, generator, callers }: Report): readonly string[] {
  const notStarted = callers
    .flatMap(({ outcomes }) => outcomes)
    .filter(({ outcome }) => outcome === 'not-started')
    .reduce((sum, { count }) => sum + count, 0)
  return [
    ...(endedEarly
      ? [`The test was ended early. Requests without a result, which are left out: ${whole(unfinished)}.`]
      : []),
    ...(notStarted > 0
      ? [
          `Requests that could not be started in time, because requestsInFlight others were in progress: ${whole(notStarted)}. They count as errors, and their waiting time counts as latency.`,
        ]
      : []),
    ...(generator.bottleneck
      ? [
          `This load generator was itself too slow (event loop ${milliseconds(generator.loopDelayMs.p99)} ms late at p99, ${whole(generator.utilization * 100)} % busy): part of the latencies is its own. Lower the rate, or run it on a separate machine.`,
        ]
      : []),
  ]
}
