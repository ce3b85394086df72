/** The word that was probably meant: at most a third of the letters are wrong, and case does not count. */
export function nearest(word: string, words: readonly string[]): string | undefined {
  const far = Math.max(1, Math.floor(word.length / 3)) + 1
  const distances = words.map(each => ({
    each,
    distance: editDistance(word.toLowerCase(), each.toLowerCase()),
  }))
  return distances.filter(({ distance }) => distance < far).sort((a, b) => a.distance - b.distance)[0]?.each
}

/** Levenshtein: how many letters must be added, taken out or replaced. */
function editDistance(from: string, to: string): number {
  // A word of a hostile length would take long, and resembles nothing.
  if (from.length > 40) return Number.POSITIVE_INFINITY
  // Two letters swapped is the most frequent slip, and would count as two.
  if (from !== to && sorted(from) === sorted(to)) return 1
  let row = Array.from({ length: to.length + 1 }, (_, column) => column)
  for (const [line, letter] of Array.from(from).entries()) {
    const next = [line + 1]
    for (const [column, other] of Array.from(to).entries()) {
      const replaced = at(row, column) + (letter === other ? 0 : 1)
      next.push(Math.min(replaced, at(row, column + 1) + 1, at(next, column) + 1))
    }
    row = next
  }
  return at(row, to.length)
}

function sorted(word: string): string {
  return Array.from(word).sort().join('')
}

function at(row: readonly number[], index: number): number {
  return row[index] ?? Number.POSITIVE_INFINITY
}
