import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { isMet, type Goal, type Table } from './figure.ts'
import { figures } from './figures.ts'
import { shown } from './shown.ts'
import { readResults, type Kept, type Results } from './results.ts'

const root = join(import.meta.dirname, '../..')

/** The documents that tell the results, and the way from there to the plots where they are shown. */
const documents: readonly { readonly file: string; readonly plots?: string }[] = [
  { file: 'README.md' },
  { file: 'docs/performance.md', plots: '../test/bench/results' },
]

/** Brings the documents up to date with the results in `folder`. */
export function writeDocuments(folder: string): void {
  const told = tellable(readResults(folder))
  for (const { file, plots } of documents) {
    const path = join(root, file)
    const isShown = plots !== undefined
    const block = [goalsTable(told), ...(isShown ? told.map(each => plotOf(each, plots)) : [])]
    const whole = between(readFileSync(path, 'utf8'), 'bench', block.join('\n\n'))
    writeFileSync(path, isShown ? told.reduce(withTables, whole) : whole)
  }
}

/**
 * The text with what stands between the two marks of this name replaced, which is written by `npm run bench -- --write`.
 * Throws if it has none.
 */
export function between(text: string, name: string, block: string): string {
  const marks = { begin: `<!-- ${name}: begin -->`, end: `<!-- ${name}: end -->` }
  const begin = text.indexOf(marks.begin)
  const end = text.indexOf(marks.end)
  if (begin === -1 || end < begin) throw new Error(`there are no lines ${marks.begin} and ${marks.end}`)
  return `${text.slice(0, begin + marks.begin.length)}\n\n${block}\n\n${text.slice(end)}`
}

/** The text with the tables of a figure, if it has some, and where they were measured. */
function withTables(text: string, { name, tables, machine }: Told): string {
  if (tables === undefined) return text
  return between(text, name, [...tables.map(inMarkdown), `Measured on: ${machine}.`].join('\n\n'))
}

export function inMarkdown({ heading, lines }: Table): string {
  const lineOf = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
  return [lineOf(heading), lineOf(heading.map(() => '---')), ...lines.map(lineOf)].join('\n')
}

/** A figure that was measured, with its name. */
export type Told = Kept & { readonly name: string }

/** In the order of the figures, whichever was measured last. */
function tellable(results: Results): readonly Told[] {
  return figures.flatMap(({ name }) => {
    const kept = results[name]
    return kept === undefined ? [] : [{ name, ...kept }]
  })
}

/** One line for each goal, in Markdown, and where it was measured. */
export function goalsTable(told: readonly Told[]): string {
  const machines = [...new Set(told.map(({ machine }) => machine))]
  return [
    '| figure | | measured | goal |',
    '| --- | --- | --- | --- |',
    ...told.flatMap(({ title, goals }) => goals.map((goal, index) => lineOf(index === 0 ? title : '', goal))),
    '',
    ...machines.map(machine => `Measured on: ${machine}.`),
  ].join('\n')
}

function lineOf(title: string, goal: Goal): string {
  const { what, value, unit, bound, limit } = goal
  const measured = isMet(goal) ? `**${shown(value)}** ${unit}` : `${shown(value)} ${unit} (missed)`
  const cells = [title, what, measured, `${bound} ${shown(limit)} ${unit}`]
  return `| ${cells.map(cell => cell.trim()).join(' | ')} |`
}

function plotOf({ name, title }: Told, folder: string): string {
  return `![${title}](${folder}/${name}.svg)`
}
