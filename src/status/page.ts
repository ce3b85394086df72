import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { Html, html } from '../common/html.ts'
import { palette } from '../common/palette.ts'
import { decisionsChart, hitsChart, legend, queueChart } from './charts.ts'
import type { FleetMember, GatewayStatus, StatusDocument, Unknown } from './document.ts'
import {
  between,
  certificateState,
  certificateText,
  dateAndTime,
  figure,
  gatewayText,
  moveText,
  outcomesOf,
  partStates,
  partText,
  share,
  shortTime,
  stateText,
} from './words.ts'

/** The page that the operations port shows, and its Content-Security-Policy. */
export interface StatusPage {
  readonly body: string
  readonly policy: string
}

const style = palette + asset('status.css')
const script = asset('status.js')

const policy = [
  "default-src 'none'",
  `style-src '${digestOf(style)}'`,
  `script-src '${digestOf(script)}'`,
  "connect-src 'self'",
  'img-src data:',
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')

/**
 * The whole page in one answer. Its script fetches the page again every two seconds, and puts what has changed in the place
 * of what was there; without the script it is a page like any other.
 */
export function statusPage(status: StatusDocument): StatusPage {
  const { gateway, at } = status
  const body = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="robots" content="noindex">
<title>${words[gateway.state]}: ${gateway.host} – Altgate</title>
<link rel="icon" href="data:,">
<style>${new Html(style)}</style>
</head>
<body>
<main>
<header>
<h1>Altgate on ${gateway.host}</h1>
<p class="state" id="state" role="status"><span class="badge ${gateway.state}">${stateText(gateway)}</span></p>
<p class="fresh"><span id="fresh">As of <time datetime="${at}">${dateAndTime(at)}</time> UTC</span>
<a href="/status">Update</a> <button type="button" id="pause" hidden>Pause</button></p>
${facts(gateway, at)}
</header>
${section('traffic', 'Traffic of this gateway', traffic(status))}
${section('parts', 'Parts', parts(status))}
${section('gateways', 'Gateways with this store', gateways(status))}
${section('refusals', 'Last refusals', refusals(status))}
${section('moves', 'Last moves', moves(status))}
${section('certificates', 'Certificates', certificates(status))}
</main>
<script>${new Html(script)}</script>
</body>
</html>
`.text
  return { body, policy }
}

const words: Readonly<Record<GatewayStatus['state'], string>> = {
  ready: 'Ready',
  starting: 'Starting',
  'not-ready': 'Not ready',
  stopping: 'Stopping',
}

/** The script replaces a section as a whole, and only if it has changed. */
function section(id: string, heading: string, content: Html): Html {
  return html`<section id="${id}" aria-labelledby="${id}-heading" data-live>
<h2 id="${id}-heading">${heading}</h2>
${content}
</section>`
}

function facts({ version, node, pid, startedAt, settings }: GatewayStatus, at: string): Html {
  return html`<dl class="facts" id="facts" data-live>
<div><dt>Version</dt><dd>${version} on Node ${node}</dd></div>
<div><dt>Started</dt><dd>${dateAndTime(startedAt)} UTC (${between(startedAt, at)} ago)</dd></div>
<div><dt>Process</dt><dd>${pid}</dd></div>
<div><dt>Settings</dt><dd><code>${settings}</code></dd></div>
</dl>`
}

function traffic({ last10s, last60s, hashing, charts }: StatusDocument): Html {
  const outcomes = outcomesOf(last10s, last60s)
  const hit = last60s.cacheHits
  return html`<div class="charts">
<div><h3>Decisions a second</h3><p class="figure">${figure(last10s.decisionsPerSecond)}</p>${decisionsChart(charts)}</div>
<div><h3>Cache hits</h3><p class="figure">${share(hit)}</p>${typeof hit === 'number' ? undefined : html`<p class="hint">Unknown, because ${hit.unknown} in the last minute.</p>`}${hitsChart(charts)}</div>
<div><h3>Hash queue</h3><p class="figure">${hashing.queue}</p><p class="hint">Of ${hashing.queueLimit} places; ${hashing.lanes} ${hashing.lanes === 1 ? 'lane' : 'lanes'}; ${figure(last60s.hashesPerSecond)} hashes a second.</p>${queueChart(charts)}</div>
</div>
${charts.steps.length > 0 && legend()}
${
  outcomes.length === 0
    ? html`<p>No request was decided in the last minute.</p>`
    : table(
        ['Outcome', `A second, last ${last10s.seconds} s`, `A second, last ${last60s.seconds} s`],
        outcomes.map(([outcome, short, long]) => [outcome, figure(short), figure(long)]),
      )
}
${last60s.loadTestPerSecond > 0 && html`<p>Not counted above: ${figure(last60s.loadTestPerSecond)} decisions a second of load tests.</p>`}`
}

function parts({ parts: all, at }: StatusDocument): Html {
  return table(
    ['Part', 'State', 'Since'],
    all.map(each => [
      each.part,
      html`<span class="badge ${each.state}">${partStates(each)}</span>`,
      partText(each, at),
    ]),
  )
}

function gateways({ gateways: all, at }: StatusDocument): Html {
  if ('unknown' in all) return unknown(all)
  return table(
    ['Host', 'Decisions a second', 'State'],
    all.map(each => [
      html`<span class="host">${breakable(each.host)}</span>${each.self && ' (this one)'}`,
      each.silent ? 'unknown' : figure(each.decisionsPerSecond),
      memberState(each, at),
    ]),
  )
}

/** A long name of a host breaks behind its dots. */
function breakable(host: string): readonly Html[] {
  return host.split(/(?<=\.)/).map(part => html`${part}<wbr>`)
}

function memberState(gateway: FleetMember, at: string): Html {
  const { silent, ready, version, workers, settings, startedAt } = gateway
  if (silent) return html`<span class="badge down">silent</span> ${gatewayText(gateway, at)}`
  const badge = ready
    ? html`<span class="badge up">ready</span>`
    : html`<span class="badge down">not ready</span>`
  return html`${badge} ${version}, ${workers.listening}/${workers.of} workers, up ${between(startedAt, at)}, settings <code>${settings}</code>`
}

function refusals({ refusals: all, at: now }: StatusDocument): Html {
  if ('unknown' in all) return unknown(all)
  const more = html`<p class="hint">Who and why: <code>altgate explain --reference REFERENCE</code> or <code>altgate recent</code>.</p>`
  if (all.length === 0) return html`<p>No refusals are kept.</p>`
  return html`${table(
    ['At (UTC)', 'Reference', 'Outcome'],
    all.map(({ at, reference, outcome }) => [shortTime(at, now), html`<code>${reference}</code>`, outcome]),
  )}${more}`
}

function moves({ moves: all, at: now }: StatusDocument): Html {
  if ('unknown' in all) return unknown(all)
  if (all.length === 0) return html`<p>No account has moved.</p>`
  return html`${table(
    ['At (UTC)', 'Move'],
    all.map(each => [shortTime(each.at, now), `An account moved to ${moveText(each)}`]),
  )}<p class="hint">Which accounts: <code>altgate status</code> or <code>altgate history</code>.</p>`
}

function certificates({ certificates: all, at }: StatusDocument): Html {
  if (all.length === 0) return html`<p>The settings name no certificate.</p>`
  const colours = { good: 'up', soon: 'unknown', ended: 'down', unknown: 'unknown' } as const
  return table(
    ['Setting', 'End (UTC)'],
    all.map(each => [
      html`<code>${each.setting}</code>`,
      html`<span class="badge ${colours[certificateState(each, at)]}">${certificateText(each, at)}</span>`,
    ]),
  )
}

function unknown({ unknown: because }: Unknown): Html {
  return html`<p>Unknown, because ${because}.</p>`
}

function table(headings: readonly string[], rows: readonly (readonly (Html | string)[])[]): Html {
  return html`<table>
<thead><tr>${headings.map(heading => html`<th scope="col">${heading}</th>`)}</tr></thead>
<tbody>${rows.map(row => html`<tr>${row.map((cell, at) => (at === 0 ? html`<th scope="row">${cell}</th>` : html`<td>${cell}</td>`))}</tr>\n`)}</tbody>
</table>`
}

function digestOf(text: string): string {
  return `sha256-${createHash('sha256').update(text).digest('base64')}`
}

function asset(name: string): string {
  return readFileSync(new URL(`./assets/${name}`, import.meta.url), 'utf8')
}
