import { type Connection, describe } from '../gateway/account.ts'

/** The calendar day, in UTC. */
export function utcDate(instant: number): string {
  return new Date(instant).toISOString().slice(0, 10)
}

/** The beginning of a sentence about a generated password. */
export function passwordNamed(name: string | undefined): string {
  return name === undefined ? 'Your generated password' : `Your password "${printable(name)}"`
}

/** Columns of a terminal, minus the `remote: ` that git puts before each line. */
const columns = 72

/** Longest name that is shown in full. Account names always are. */
const longestName = 63

/**
 * Removes what must not reach a terminal: git passes on escape sequences, and bidirectional controls make a line read
 * as another one. Also truncates long names.
 */
export function printable(text: string): string {
  const clean = text.toWellFormed().replace(/[\p{Cc}\p{Cf}\p{Co}\p{Cn}\p{Zl}\p{Zp}]/gu, '')
  return clean.length > longestName ? `${clean.slice(0, longestName - 3).toWellFormed()}...` : clean
}

/** What an account signs in with. */
export function described(connection: Connection): string {
  if (connection.kind === 'msa') return describe(connection)
  return describe({ ...connection, directoryName: printable(connection.directoryName) })
}

/** Wraps text into lines. A word that is longer than a line gets a line of its own. */
export function paragraph(text: string): string[] {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > columns) {
      lines.push(line)
      line = ''
    }
    line = line === '' ? word : `${line} ${word}`
  }
  return [...lines, line]
}
