/** Shorter words occur by chance. */
const shortestWord = 3

/** Shorter words are not looked for backwards. */
const shortestReversed = 4

/** Bounds the work for a directory with many accounts. */
const mostWords = 200

/** The words that names consist of, as `withoutWords` looks for them: `anna.berg84@example.com` has seven. */
export function wordsOf(names: readonly string[]): ReadonlySet<string> {
  const words = new Set<string>()
  for (const name of names) {
    for (const word of partsOf(name)) {
      const folded = fold(word)
      if (words.size >= mostWords) return words
      if (folded.length >= shortestWord) words.add(folded)
      if (folded.length >= shortestReversed) words.add(Array.from(folded).toReversed().join(''))
    }
  }
  return words
}

/** The whole name, what is between its separators, and the letters and digits in it. */
function partsOf(name: string): readonly string[] {
  // The last label of a host name is no word of its own: `com` is part of too many others.
  const text = name.replace(/(?<=[@.][^@]*)\.\p{L}+$/u, '')
  return [name, text, ...text.split(/[^\p{L}\p{N}]+/u), ...(text.match(/\p{L}+|\p{N}+/gu) ?? [])]
}

/** The text without these words, however they are spelled in it. */
export function withoutWords(text: string, words: ReadonlySet<string>): string {
  const characters = Array.from(text)
  const folded = fold(text)
  const kept = characters.map(() => true)
  for (const word of words)
    for (let at = folded.indexOf(word); at !== -1; at = folded.indexOf(word, at + 1))
      kept.fill(false, at, at + word.length)
  return characters.filter((_, at) => kept[at]).join('')
}

/** One unit for each character, so that positions stay: no case, no accents, and letters for their usual substitutes. */
function fold(text: string): string {
  return Array.from(text, character => {
    const plain = character.normalize('NFKD').toLowerCase().charAt(0)
    return substituted.get(plain) ?? plain
  }).join('')
}

const substituted: ReadonlyMap<string, string> = new Map([
  ['0', 'o'],
  ['1', 'i'],
  ['l', 'i'],
  ['!', 'i'],
  ['|', 'i'],
  ['2', 'z'],
  ['3', 'e'],
  ['4', 'a'],
  ['@', 'a'],
  ['5', 's'],
  ['$', 's'],
  ['6', 'g'],
  ['9', 'g'],
  ['7', 't'],
  ['+', 't'],
  ['8', 'b'],
])
