import { styleText } from 'node:util'
import { folded } from './help.ts'
import { type Fitting, tableLines } from './table.ts'

export { moment } from '../administration/times.ts'

/** Prints a line of the result: standard output. */
export function say(line: string): void {
  process.stdout.write(`${line}\n`)
}

/** Prints a message for the user: standard error, so that output can be piped. */
export function note(line: string): void {
  process.stderr.write(`${line}\n`)
}

/** Prints machine-readable output. */
export function sayJson(value: unknown): void {
  say(JSON.stringify(value, null, 2))
}

/** Reports a change: a sentence for users, or with `--json` an object for programs. */
export function sayChange(json: true | undefined, sentence: string, change: object): void {
  if (json) sayJson(change)
  else say(sentence)
}

/** A text behind its label. On a terminal, it is broken between words and keeps to its column; elsewhere it is one line. */
export function sayLabelled(label: string, text: string): void {
  const { isTTY, columns } = process.stdout
  const lines = isTTY ? folded(text, Math.max(columns - label.length, 40)) : [text]
  for (const [at, line] of lines.entries()) say((at === 0 ? label : ' '.repeat(label.length)) + line)
}

/** Bold on a terminal, plain elsewhere and where NO_COLOR is set. */
export function strong(text: string): string {
  return styleText('bold', text, { stream: process.stdout })
}

/**
 * Prints a table: aligned columns under their headings. On a terminal that is too narrow for it, some columns are shortened,
 * or each row becomes a paragraph. Elsewhere it has its whole width.
 */
export function sayTable(
  headings: readonly string[],
  rows: readonly (readonly string[])[],
  fitting: Fitting = {},
): void {
  for (const { strong: start, rest } of tableLines({ headings, rows, ...fitting }, screenWidth()))
    say(strong(start) + rest)
}

/** Characters in a line of the terminal. A pipe gets whole lines, and a terminal that does not know its width says 0. */
export function screenWidth(): number {
  const { isTTY, columns } = process.stdout
  return isTTY && columns > 0 ? columns : Infinity
}

/** Shows how far a long command is, on a terminal only: some scripts take any output on standard error for a failure. */
export function showProgress(total: number, every = 1): (done: number) => void {
  return done => {
    if (process.stderr.isTTY && (done % every === 0 || done === total))
      process.stderr.write(`\r${done} of ${total}`)
  }
}

export function clearProgress(): void {
  if (process.stderr.isTTY) process.stderr.write('\r\x1b[K')
}

/** A status line on a terminal; each replaces the one before. */
export function showStatus(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`)
}
