import type { CertificateEnd } from './certificates.ts'
import type { StatusDocument, StoreView, Time, Unknown } from './document.ts'
import {
  between,
  certificateState,
  certificateText,
  figure,
  gatewayText,
  moveText,
  outcomesOf,
  partStates,
  partText,
  share,
  stateText,
} from './words.ts'

/** What the command shows: what the gateway says of itself, and what the store knows. */
export interface Shown extends StoreView {
  readonly at: Time
  readonly told: StatusDocument | Unknown
  readonly certificates: readonly CertificateEnd[]
}

/** One line. */
export interface Line {
  readonly text: string
  /** A heading; or bad news. */
  readonly kind?: 'heading' | 'bad'
  /** Where its last column begins. */
  readonly last?: number
}

/** The size of a terminal, in characters. */
export interface Size {
  /** Left out: lines are as long as they are. */
  readonly columns?: number
  /** Left out: everything is shown, and a line that is too long is broken between words. */
  readonly rows?: number
}

interface Section {
  readonly heading: Line
  readonly lines: readonly Line[]
  /** Lines that are shown on the smallest screen. */
  readonly least: number
}

/** The lines of the screen; those that do not fit are left out where they matter least, and the last line says so. */
export function screen(shown: Shown, { columns = Infinity, rows }: Size = {}): readonly Line[] {
  const head = headOf(shown)
  const sections = [
    ...('unknown' in shown.told ? [] : [trafficOf(shown.told), partsOf(shown.told)]),
    ...storeOf(shown),
  ]
  if (rows === undefined) {
    const all = head.concat(...sections.map(each => [blank, each.heading, ...each.lines]))
    return all.flatMap(line => broken(line, columns))
  }
  const fitting = fit(sections, rows - head.length)
  const lines = head.concat(fitting)
  const cut = lines.length > rows ? [...lines.slice(0, rows - 1), more] : lines
  return cut.map(line => ({ ...line, text: Array.from(line.text).slice(0, columns).join('') }))
}

/** Characters that a last column has at least if it is continued below itself. */
const fewest = 24

/** The line in lines that are no longer, but for a word that is; what follows is below the last column, or indented. */
function broken(line: Line, columns: number): readonly Line[] {
  if (lengthOf(line.text) <= columns) return [line]
  const { last = columns } = line
  const indent = ' '.repeat(columns - last < fewest ? 2 : last)
  const texts: string[] = []
  for (const word of line.text.split(/(?<= )(?=[^ ])/)) {
    const before = texts.at(-1)
    if (before === undefined) texts.push(word)
    else if (lengthOf(before) + lengthOf(word.trimEnd()) <= columns) texts[texts.length - 1] = before + word
    else texts.push(indent + word)
  }
  return texts.map(text => ({ ...line, text: text.trimEnd() }))
}

const blank: Line = { text: '' }
const more: Line = { text: '… Enlarge the window to see more.' }

/** First blank lines go, then lines of the longest section. */
function fit(sections: readonly Section[], rows: number): readonly Line[] {
  const shown = sections.map(({ lines }) => lines.length)
  const needed = () => shown.reduce((sum, count) => sum + 1 + count, 0)
  const isSpaced = needed() + sections.length <= rows
  for (let over = needed() - rows; over > 0 && !isSpaced; over -= 1) {
    const spare = sections.map(({ least }, at) => (shown[at] ?? 0) - least)
    const longest = spare.indexOf(Math.max(...spare))
    if ((spare[longest] ?? 0) <= 0) break
    shown[longest] = (shown[longest] ?? 0) - 1
  }
  return sections.flatMap(({ heading, lines }, at) => [
    ...(isSpaced ? [blank] : []),
    heading,
    ...lines.slice(0, shown[at]),
  ])
}

function headOf({ at, told }: Shown): readonly Line[] {
  const time = `${at.slice(11, 19)} UTC`
  if ('unknown' in told) return [{ text: `No gateway answers here. ${time}`, kind: 'bad' }]
  const { gateway, last60s, hashing } = told
  const { cacheHits, hashesPerSecond, loadTestPerSecond } = last60s
  const facts = [
    `cache hits ${share(cacheHits)}${typeof cacheHits === 'number' ? '' : ` (${cacheHits.unknown})`}`,
    `hash queue ${hashing.queue} of ${hashing.queueLimit}`,
    `hashes ${figure(hashesPerSecond)}/s`,
    ...(loadTestPerSecond > 0 ? [`load tests ${figure(loadTestPerSecond)}/s`] : []),
  ]
  const up = `up ${between(gateway.startedAt, at)}`
  return [
    {
      text: `Altgate ${gateway.version} on ${gateway.host}, ${stateText(gateway)}, ${up}. ${time}`,
      kind: gateway.state === 'ready' ? 'heading' : 'bad',
    },
    { text: `Last ${last60s.seconds} s: ${facts.join('; ')}` },
  ]
}

function trafficOf({ last10s, last60s }: StatusDocument): Section {
  const cells = outcomesOf(last10s, last60s).map(([outcome, short, long]) => [
    outcome,
    figure(short),
    figure(long),
  ])
  const [heading, ...lines] = aligned(
    ['DECISIONS A SECOND', `LAST ${last10s.seconds} s`, `LAST ${last60s.seconds} s`],
    cells.length === 0 ? [['none', '0', '0']] : cells,
  )
  return { heading: headingOf(heading), lines, least: Math.min(3, lines.length) }
}

function partsOf({ parts, at }: StatusDocument): Section {
  const [heading, ...lines] = aligned(
    ['PART', 'STATE', 'SINCE'],
    parts.map(each => [each.part, partStates(each), partText(each, at)]),
  )
  const rows = lines.map((line, row) => bad(line, parts[row]?.state === 'down'))
  return { heading: headingOf(heading), lines: rows, least: rows.length }
}

/** One reason is said once. */
function storeOf(shown: Shown): readonly Section[] {
  const { gateways, moves, refusals } = shown
  const reasons = [gateways, moves, refusals].map(each => ('unknown' in each ? each.unknown : undefined))
  const [first] = reasons
  if (first !== undefined && reasons.every(each => each === first))
    return [unknown('GATEWAYS, MOVES AND REFUSALS', { unknown: first }), certificatesOf(shown)]
  return [gatewaysOf(shown), certificatesOf(shown), movesOf(shown), refusalsOf(shown)]
}

function gatewaysOf({ gateways, at }: Shown): Section {
  if ('unknown' in gateways) return unknown('GATEWAYS', gateways)
  if (gateways.length === 0)
    return { heading: headingOf('GATEWAYS'), lines: [{ text: 'None runs with this store.' }], least: 1 }
  const [heading, ...lines] = aligned(
    ['GATEWAY', 'VERSION', 'UP', 'DECISIONS/S', 'SETTINGS', 'STATE'],
    gateways.map(each => [
      each.host,
      each.version,
      each.silent ? '-' : between(each.startedAt, at),
      each.silent ? '-' : figure(each.decisionsPerSecond),
      each.settings,
      each.silent ? `silent ${gatewayText(each, at)}` : gatewayText(each, at),
    ]),
  )
  const rows = lines.map((line, row) => bad(line, !gateways[row]?.ready || gateways[row].silent))
  return { heading: headingOf(heading), lines: rows, least: Math.min(2, rows.length) }
}

function certificatesOf({ certificates, at }: Shown): Section {
  if (certificates.length === 0)
    return {
      heading: headingOf('CERTIFICATES'),
      lines: [{ text: 'The settings name none.' }],
      least: 1,
    }
  const [heading, ...lines] = aligned(
    ['CERTIFICATE', 'END'],
    certificates.map(each => [each.setting, certificateText(each, at)]),
  )
  const rows = lines.map((line, row) => {
    const its = certificates[row]
    return bad(line, its !== undefined && certificateState(its, at) !== 'good')
  })
  return { heading: headingOf(heading), lines: rows, least: 1 }
}

function movesOf({ moves, at }: Shown): Section {
  if ('unknown' in moves) return unknown('LAST MOVES', moves)
  if (moves.length === 0)
    return { heading: headingOf('LAST MOVES'), lines: [{ text: 'No account has moved.' }], least: 1 }
  const [heading, ...lines] = aligned(
    ['MOVED', 'ACCOUNT', 'TO', 'BY'],
    moves.map(each => [
      `${between(each.at, at)} ago`,
      each.account ?? '-',
      moveText(each),
      each.actor ?? '-',
    ]),
  )
  return { heading: headingOf(heading), lines, least: 1 }
}

function refusalsOf({ refusals, at }: Shown): Section {
  if ('unknown' in refusals) return unknown('LAST REFUSALS', refusals)
  if (refusals.length === 0)
    return { heading: headingOf('LAST REFUSALS'), lines: [{ text: 'None is kept.' }], least: 1 }
  const [heading, ...lines] = aligned(
    ['REFUSED', 'REFERENCE', 'OUTCOME', 'ACCOUNT', 'USER', 'CAUSE'],
    refusals.map(each => [
      `${between(each.at, at)} ago`,
      each.reference,
      each.outcome,
      each.account ?? '-',
      each.user ?? '-',
      each.cause ?? '-',
    ]),
  )
  return { heading: headingOf(heading), lines, least: 1 }
}

function unknown(heading: string, { unknown: because }: Unknown): Section {
  return {
    heading: headingOf(heading),
    lines: [{ text: `unknown, because ${because}`, kind: 'bad' }],
    least: 1,
  }
}

function headingOf(line: Line | string = blank): Line {
  return { ...(typeof line === 'string' ? { text: line } : line), kind: 'heading' }
}

function bad(line: Line, isBad: boolean): Line {
  return isBad ? { ...line, kind: 'bad' } : line
}

/** The heading and the rows, in columns. Control characters of a name must not reach the terminal. */
function aligned(headings: readonly string[], rows: readonly (readonly string[])[]): readonly Line[] {
  const all = [headings, ...rows].map(row => row.map(cell => cell.replace(/\p{Cc}/gu, '?')))
  const widths = headings.map((_, column) => Math.max(...all.map(row => lengthOf(row[column] ?? ''))))
  const last = widths.slice(0, -1).reduce((sum, width) => sum + width + 2, 0)
  return all.map(row => {
    const cells = row.map((cell, column) => cell + ' '.repeat((widths[column] ?? 0) - lengthOf(cell)))
    return { text: cells.join('  ').trimEnd(), last }
  })
}

function lengthOf(text: string): number {
  return Array.from(text).length
}
