/** Columns of a terminal, less the `remote: ` that git puts before each line. */
const columns = 72

/** Longest name that is shown in full; those of accounts always are. */
const longestName = 63

/**
 * What may be printed on a terminal as it is: git passes escape sequences on, and bidirectional controls
 * make a line read as another one. Also cuts names that would fill the screen.
 */
export function printable(text: string): string {
  const clean = text.toWellFormed().replace(/[\p{Cc}\p{Cf}\p{Co}\p{Cn}\p{Zl}\p{Zp}]/gu, '')
  return clean.length > longestName ? `${clean.slice(0, longestName - 3).toWellFormed()}...` : clean
}

/** Breaks sentences into lines that fit; a word that is longer than a line gets one of its own. */
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
