import { isMet, type Figure, type Goal, type Result, type Row } from './figure.ts'
import { shown } from './shown.ts'

/** What a figure found, for a terminal. */
export function tableOf(
  { name, title }: Pick<Figure, 'name' | 'title'>,
  { rows, goals, notes = [] }: Result,
): string {
  return [
    `${title} (${name})`,
    ...aligned([...rows.map(cellsOf), ...goals.map(verdictOf)]),
    ...notes.map(note => `  ${note}`),
    '',
  ].join('\n')
}

function cellsOf({ what, unit, value: { median, low, high } }: Row): readonly string[] {
  const spread = low === high ? '' : `(${shown(low)} to ${shown(high)})`
  return [what, shown(median), unit, spread]
}

function verdictOf(goal: Goal): readonly string[] {
  const { what, unit, value, bound, limit } = goal
  return [what, shown(value), unit, `goal: ${bound} ${shown(limit)}${isMet(goal) ? '' : '  MISSED'}`]
}

/** Numbers stand under each other by their last digit, words by their first letter. */
function aligned(rows: readonly (readonly string[])[]): readonly string[] {
  const widths = [0, 1, 2, 3].map(column => Math.max(...rows.map(row => row[column]?.length ?? 0)))
  return rows.map(row =>
    row
      .map((cell, column) =>
        column === 1 ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0),
      )
      .reduce((line, cell) => `${line}  ${cell}`, '')
      .trimEnd(),
  )
}
