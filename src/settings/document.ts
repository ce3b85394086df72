import { readFileSync } from 'node:fs'
import { type ErrorCode, LineCounter, parseDocument } from 'yaml'

/** Settings as they were written, not looked at yet. `undefined`: nothing was written. */
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
    return { path: `${name}:${line}:${col}`, message: sentences[code] ?? 'is not valid YAML here' }
  })
  if (faults.length > 0) return { complaints: faults }
  try {
    return { tree: document.toJS() }
  } catch {
    // An alias without its anchor, or so many that the file would grow without end.
    return { complaints: [{ path: name, message: 'has an alias (*name) that leads nowhere or too far' }] }
  }
}

/** Our own words: the parser's quote the file, and what they quote may be a password. */
const sentences: Partial<Record<ErrorCode, string>> = {
  BAD_INDENT: 'is not indented as what it belongs to, or a bracket is not closed',
  BAD_DQ_ESCAPE: 'has a backslash that means nothing; single quotes take it as it is',
  BAD_SCALAR_START: 'begins with a character that needs quotes around the text',
  BLOCK_AS_IMPLICIT_KEY: 'has a second colon; text with a colon and a space needs quotes',
  DUPLICATE_KEY: 'is written twice in the same group',
  MISSING_CHAR: 'lacks a character: a closing quote, a bracket, a comma, or the space after a colon',
  MULTILINE_IMPLICIT_KEY: 'goes on in the next line, or a colon is missing',
  MULTIPLE_DOCS: 'begins a second document (---); one file is one document',
  TAB_AS_INDENT: 'is indented with a tab; YAML takes spaces only',
  TAG_RESOLVE_FAILED: 'has a tag (!name), and settings have none',
  UNEXPECTED_TOKEN: 'has something after the value; text with special characters needs quotes',
}

/** Something wrong with the settings. `path` is the setting (`listen.port`), or the place in the file. */
export interface Complaint {
  readonly path: string
  readonly message: string
}

/** A path as people write it: `trustedProxies[0]`. */
export function spell(path: readonly PropertyKey[]): string {
  return path
    .map((key, index) => (typeof key === 'number' ? `[${key}]` : `${index === 0 ? '' : '.'}${String(key)}`))
    .join('')
}

/** Why a file could not be read, in words. */
export function unreadable(error: unknown): string {
  // Errors of node:fs carry a code; anything else is a bug and goes on.
  const code = error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined
  if (code === undefined) throw error
  return `cannot be read: ${reasons.get(code) ?? code}`
}

const reasons = new Map([
  ['ENOENT', 'there is no such file'],
  ['EACCES', 'permission denied'],
  ['EISDIR', 'it is a folder'],
  ['ENOTDIR', 'a part of its path is not a folder'],
])

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
