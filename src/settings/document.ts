import { readFileSync } from 'node:fs'
import { type ErrorCode, LineCounter, parseDocument } from 'yaml'

/** Settings as written, not checked yet. `undefined`: nothing was written. */
export type Tree = unknown

/** Reads a settings file (YAML, so JSON too). `name` is what complaints call it. */
export function readDocument(
  path: string,
  name: string,
): { readonly tree: Tree } | { readonly complaints: readonly Complaint[] } {
  let source: string
  try {
    source = readFileSync(path, 'utf8')
  } catch (error) {
    return { complaints: [{ path: name, message: unreadable(error) }] }
  }

  const lines = new LineCounter()
  const document = parseDocument(source, { lineCounter: lines, prettyErrors: false })
  const faults = [...document.errors, ...document.warnings].map(({ code, pos }) => {
    const { line, col } = lines.linePos(pos[0])
    return { path: `${name}:${line}:${col}`, message: sentences[code] ?? 'is not valid YAML' }
  })
  if (faults.length > 0) return { complaints: faults }
  try {
    return { tree: document.toJS() }
  } catch {
    // An alias without its anchor, or so many that the file would grow without end.
    return {
      complaints: [{ path: name, message: 'has an alias (*name) without an anchor, or too many aliases' }],
    }
  }
}

/** Our own messages: the parser's quote the file, which may contain a password. */
const sentences: Partial<Record<ErrorCode, string>> = {
  BAD_INDENT: 'has the wrong indentation, or an unclosed bracket',
  BAD_DQ_ESCAPE: 'has an invalid backslash escape; use single quotes for a literal backslash',
  BAD_SCALAR_START: 'begins with a special character; put the text in quotes',
  BLOCK_AS_IMPLICIT_KEY: 'has a second colon; put text with a colon and a space in quotes',
  DUPLICATE_KEY: 'occurs twice in the same group',
  MISSING_CHAR: 'is missing a character: a closing quote, a bracket, a comma, or the space after a colon',
  MULTILINE_IMPLICIT_KEY: 'continues on the next line, or a colon is missing',
  MULTIPLE_DOCS: 'starts a second document (---); a file may contain only one',
  TAB_AS_INDENT: 'is indented with a tab; YAML allows only spaces',
  TAG_RESOLVE_FAILED: 'has a tag (!name), which settings do not support',
  UNEXPECTED_TOKEN: 'has text after the value; put text with special characters in quotes',
}

/** Something wrong with the settings. `path` is the setting (`listen.port`), or the place in the file. */
export interface Complaint {
  readonly path: string
  readonly message: string
}

/** A path in its usual notation: `trustedProxies[0]`. */
export function spell(path: readonly PropertyKey[]): string {
  return path
    .map((key, index) => (typeof key === 'number' ? `[${key}]` : `${index === 0 ? '' : '.'}${String(key)}`))
    .join('')
}

/** Why a file could not be read. */
export function unreadable(error: unknown): string {
  // Errors of node:fs carry a code; anything else is a bug and goes on.
  const code = error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined
  if (code === undefined) throw error
  return `cannot be read: ${reasons.get(code) ?? code}`
}

const reasons = new Map([
  ['ENOENT', 'there is no such file'],
  ['EACCES', 'permission denied'],
  ['EISDIR', 'it is a directory'],
  ['ENOTDIR', 'a part of its path is not a directory'],
])

/** The word that was probably meant: at most a third of the letters differ, ignoring case. */
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
  // A very long word would take long to compare, and resembles nothing.
  if (from.length > 40) return Number.POSITIVE_INFINITY
  // Two swapped letters are the most frequent typo, and would count as two.
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
