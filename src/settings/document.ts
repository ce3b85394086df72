import { readFileSync } from 'node:fs'
import { LineCounter, parseDocument, type ErrorCode } from 'yaml'
import { unreadable, type Complaint } from './complaint.ts'

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
