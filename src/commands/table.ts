/** What a table gives up where it is too wide. */
export interface Fitting {
  /** Headings of columns that may be shortened, the least important first. */
  readonly shorten?: readonly string[]
  /** The heading of what begins a paragraph; left out: the first. */
  readonly about?: string
}

interface Table extends Fitting {
  readonly headings: readonly string[]
  readonly rows: readonly (readonly string[])[]
}

/** A line of a table, which may begin in bold type. */
export interface TableLine {
  readonly strong: string
  readonly rest: string
}

/** A cell without a value. */
const none = '-'

/** Characters that a shortened column keeps at least: less says nothing. */
const fewest = 12

/** The lines of a table, no wider than `width` characters except for words that are wider. */
export function tableLines(table: Table, width: number): readonly TableLine[] {
  const widths = table.headings.map((heading, column) =>
    table.rows.reduce((most, row) => Math.max(most, lengthOf(row[column] ?? '')), lengthOf(heading)),
  )
  const fitted = shortened(table, widths, width)
  return fitted === undefined ? paragraphs(table, width) : aligned(table, fitted)
}

const gap = '  '

/** The widths with which it fits; `undefined`: there are none. */
function shortened(
  { headings, shorten = [] }: Table,
  widths: readonly number[],
  width: number,
): readonly number[] | undefined {
  const fitted = [...widths]
  let surplus = widths.reduce((sum, each) => sum + each, gap.length * (widths.length - 1)) - width
  for (const heading of shorten) {
    const column = headings.indexOf(heading)
    const before = fitted[column]
    if (before === undefined || surplus <= 0) continue
    const after = Math.max(before - surplus, Math.min(before, Math.max(fewest, lengthOf(heading))))
    fitted[column] = after
    surplus -= before - after
  }
  return surplus > 0 ? undefined : fitted
}

/** Without trailing spaces. */
function aligned({ headings, rows }: Table, widths: readonly number[]): readonly TableLine[] {
  const lineOf = (row: readonly string[]) =>
    row
      .map((cell, column) => {
        const room = widths[column] ?? 0
        const shown =
          lengthOf(cell) > room
            ? `${Array.from(cell)
                .slice(0, room - 1)
                .join('')}…`
            : cell
        return shown + ' '.repeat(room - lengthOf(shown))
      })
      .join(gap)
      .trimEnd()
  return [{ strong: lineOf(headings), rest: '' }, ...rows.map(row => ({ strong: '', rest: lineOf(row) }))]
}

/** Each row with the names of its values, but without those that it does not have. */
function paragraphs(
  { headings, rows, about = headings[0] ?? '' }: Table,
  width: number,
): readonly TableLine[] {
  const first = headings.indexOf(about)
  return rows.flatMap(row => {
    const head = row[first] ?? ''
    const values = headings.flatMap((heading, column) => {
      const cell = row[column] ?? ''
      return column === first || cell === none || cell === '' ? [] : [`${heading.toLowerCase()} ${cell}`]
    })
    const [start = '', ...rest] = filled([head, ...values], width)
    return [
      { strong: head, rest: start.slice(head.length) },
      ...rest.map(each => ({ strong: '', rest: each })),
    ]
  })
}

/** The parts in lines, all but the first indented. A part that is wider than a line is broken between words. */
function filled(parts: readonly string[], width: number): readonly string[] {
  const lines: string[] = []
  const add = (part: string, between: string): void => {
    const line = lines.at(-1)
    if (line !== undefined && lengthOf(line) + between.length + lengthOf(part) <= width)
      lines[lines.length - 1] = line + between + part
    else lines.push(line === undefined ? part : gap + part)
  }
  for (const [at, part] of parts.entries()) {
    if (at === 0 || gap.length + lengthOf(part) <= width) add(part, gap)
    else for (const [word, text] of part.split(' ').entries()) add(text, word === 0 ? gap : ' ')
  }
  return lines
}

/** In characters, not in UTF-16 units. */
function lengthOf(text: string): number {
  return Array.from(text).length
}
