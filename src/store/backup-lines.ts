import { createHash } from 'node:crypto'
import { Failure } from '../common/failure.ts'

/*
 * A backup is text, one JSON value on each line: a header; for each table its name and columns, then its rows as arrays;
 * and a last line with the number of rows of each table and the SHA-256 of everything before. It fits either database.
 */

/** The first line of a backup. */
export interface BackupHeader {
  readonly altgate: 'backup'
  /** Of the lines, not of the tables. */
  readonly format: 1
  /** The version of the program that made it. */
  readonly version: string
  /** ISO 8601. */
  readonly takenAt: string
  /** The store that it was taken of, and the number and token of its last change. */
  readonly store: string
  readonly changes: number
  readonly token: string
  /** What its tables had gone through. */
  readonly migrations: readonly string[]
}

/** What a column holds. */
export type Cell = string | number | null

export interface TableRows {
  readonly table: string
  readonly columns: readonly string[]
  /** Some at a time. */
  readonly rows: AsyncIterable<readonly (readonly Cell[])[]>
}

/** Numbers of rows by table. */
export type RowCounts = Readonly<Record<string, number>>

/** The text of a backup, some lines at a time. */
export async function* writeLines(
  header: BackupHeader,
  tables: AsyncIterable<TableRows>,
  progress: (rows: number) => void,
): AsyncGenerator<string> {
  const digest = createHash('sha256')
  const counts: Record<string, number> = {}
  let done = 0
  const lines = (...values: readonly unknown[]): string => {
    const text = values.map(value => `${JSON.stringify(value)}\n`).join('')
    digest.update(text)
    return text
  }
  yield lines(header)
  for await (const { table, columns, rows } of tables) {
    counts[table] = 0
    yield lines({ table, columns })
    for await (const some of rows) {
      counts[table] += some.length
      progress((done += some.length))
      yield lines(...some)
    }
  }
  yield `${JSON.stringify({ rows: counts, sha256: digest.digest('hex') })}\n`
}

/** What a backup consists of, in its order. */
export type BackupPart =
  | { readonly header: BackupHeader }
  | { readonly table: string; readonly columns: readonly string[] }
  | { readonly rows: readonly (readonly Cell[])[] }
  /** Everything is there, and is what was written. */
  | { readonly complete: RowCounts }

/** Rows that are given at once, and bytes of them: a hostile file can have many lines that are as long as one may be. */
const rowsAtOnce = 500
const bytesAtOnce = 1024 * 1024

/** Tables that a backup may name, which are counted in memory. No version has as many. */
const mostTables = 1000

/** Changes that a store can have made: the numbers of those to come must be exact as well. */
const mostChanges = 2 ** 52

/** Bytes: a row is much shorter, and what has no lines must not fill memory. */
const longestLine = 16 * 1024 * 1024

/** Reads a backup, and checks all of it. Throws `Failure` for what is not a whole one. */
export async function* readLines(bytes: AsyncIterable<Buffer>): AsyncGenerator<BackupPart> {
  const digest = createHash('sha256')
  const counts: Record<string, number> = {}
  let place: { readonly table: string; readonly columns: readonly string[] } | undefined
  let waiting: (readonly Cell[])[] = []
  let waitingBytes = 0
  let complete: RowCounts | undefined
  let number = 0
  for await (const line of split(bytes)) {
    number += 1
    const value = parsed(line, number)
    if (complete !== undefined) throw damaged(number, 'something follows the last line')
    if (number === 1) {
      yield { header: headerIn(value) }
    } else if (Array.isArray(value)) {
      if (place === undefined || !isRow(value, place.columns.length))
        throw damaged(number, 'this is not a row')
      counts[place.table] = (counts[place.table] ?? 0) + 1
      waiting.push(value)
      waitingBytes += line.length
    } else if (isTable(value)) {
      if (Object.hasOwn(counts, value.table)) throw damaged(number, 'a table comes twice')
      if (Object.keys(counts).length === mostTables) throw damaged(number, 'it has too many tables')
      if (waiting.length > 0) yield { rows: waiting }
      waiting = []
      waitingBytes = 0
      counts[value.table] = 0
      place = { table: value.table, columns: value.columns }
      yield place
    } else {
      if (!isEnd(value)) throw damaged(number, 'it cannot be read')
      if (value.sha256 !== digest.digest('hex'))
        throw damaged(number, 'the checksum is not that of its content')
      if (!isSame(value.rows, counts)) throw damaged(number, 'there are more or fewer rows than it counts')
      complete = counts
      continue
    }
    digest.update(line)
    if (waiting.length < rowsAtOnce && waitingBytes < bytesAtOnce) continue
    yield { rows: waiting }
    waiting = []
    waitingBytes = 0
  }
  if (number === 0) throw new Failure('This is not a backup of Altgate: it is empty.')
  if (complete === undefined) throw new Failure('The backup is incomplete: its last lines are missing.')
  if (waiting.length > 0) yield { rows: waiting }
  yield { complete }
}

/** The lines, each with its end. */
async function* split(bytes: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let rest: Buffer[] = []
  let length = 0
  for await (const chunk of bytes) {
    let from = 0
    for (let end = chunk.indexOf(10); end !== -1; end = chunk.indexOf(10, from)) {
      yield rest.length === 0
        ? chunk.subarray(from, end + 1)
        : Buffer.concat([...rest, chunk.subarray(0, end + 1)])
      rest = []
      length = 0
      from = end + 1
    }
    if (from === chunk.length) continue
    rest.push(chunk.subarray(from))
    length += chunk.length - from
    if (length > longestLine) throw new Failure('This is not a backup of Altgate: a line is too long.')
  }
  if (length > 0) yield Buffer.concat(rest)
}

function parsed(line: Buffer, number: number): unknown {
  try {
    return JSON.parse(line.toString())
  } catch {
    if (number === 1) throw new Failure('This is not a backup of Altgate.')
    if (line.at(-1) !== 10) throw new Failure('The backup is incomplete: its last lines are missing.')
    throw damaged(number, 'it cannot be read')
  }
}

function damaged(line: number, how: string): Failure {
  return new Failure(`The backup is damaged at line ${line}: ${how}.`)
}

function headerIn(value: unknown): BackupHeader {
  const { altgate, format, version, takenAt, store, changes, token, migrations } = fieldsOf(value)
  if (altgate !== 'backup') throw new Failure('This is not a backup of Altgate.')
  if (format !== 1) throw newer(typeof version === 'string' ? version : undefined)
  if (
    typeof version !== 'string' ||
    !isVersion(version) ||
    typeof takenAt !== 'string' ||
    Number.isNaN(Date.parse(takenAt)) ||
    !isId(store) ||
    !isNumberOfChanges(changes) ||
    !isId(token) ||
    !isTexts(migrations)
  )
    throw damaged(1, 'it cannot be read')
  return { altgate, format, version, takenAt, store, changes, token, migrations }
}

/** It is shown on terminals. */
function isVersion(text: string): boolean {
  return /^[\w.+-]{1,40}$/.test(text)
}

function isId(value: unknown): value is string {
  return typeof value === 'string' && /^[\w-]{0,64}$/.test(value)
}

function isNumberOfChanges(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= mostChanges
}

/** The backup has what this program does not know. `version`: that of the program that made it. */
export function newer(version: string | undefined): Failure {
  const which = version === undefined || !isVersion(version) ? '' : `, ${version}`
  return new Failure(
    `The backup was made by a newer version of Altgate${which}: restore it with that version or a later one.`,
  )
}

function isTable(value: unknown): value is { readonly table: string; readonly columns: readonly string[] } {
  const { table, columns } = fieldsOf(value)
  return typeof table === 'string' && isTexts(columns) && columns.length > 0
}

function isEnd(value: unknown): value is { readonly rows: object; readonly sha256: string } {
  const { rows, sha256 } = fieldsOf(value)
  return typeof rows === 'object' && rows !== null && typeof sha256 === 'string'
}

function isRow(value: readonly unknown[], columns: number): value is readonly Cell[] {
  return value.length === columns && value.every(isCell)
}

/** SQLite would store a larger number, and then could not give it back. */
function isCell(value: unknown): value is Cell {
  if (typeof value === 'number') return Math.abs(value) <= Number.MAX_SAFE_INTEGER
  return value === null || typeof value === 'string'
}

function isSame(said: object, counted: RowCounts): boolean {
  const entries = Object.entries(said)
  return (
    entries.length === Object.keys(counted).length &&
    entries.every(([table, rows]) => counted[table] === rows)
  )
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every(each => typeof each === 'string')
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
}
