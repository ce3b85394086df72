import { readFileSync } from 'node:fs'

/**
 * A value from a file or a variable, without what surrounds it by accident: the byte order mark that Windows writes, the
 * newline of editors, `echo` and `kubectl create secret`, blanks of copying. All secrets are read by this one rule.
 */
export function bareText(text: string): string {
  return text.trim() // takes U+FEFF for a blank
}

/**
 * The bare value in a file; `{ flaw }`: the predicate of a sentence about the file, which never repeats its content. Throws
 * errors of node:fs.
 */
export function readBareText(file: string): string | { readonly flaw: string } {
  const bytes = readFileSync(file)
  const text = decoded(bytes)
  if (text === undefined)
    return { flaw: 'is not UTF-8 text (PowerShell writes UTF-16 unless told otherwise)' }
  const bare = bareText(text)
  return bare === '' ? { flaw: 'is empty' } : bare
}

function decoded(bytes: Buffer): string | undefined {
  // UTF-16 of ASCII is valid UTF-8, and has a NUL in every other place.
  if (bytes.includes(0)) return undefined
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    return undefined
  }
}

/** Characters that need no encoding in a header; tokens consist of these. */
export const headerSafe = /^[\x21-\x7e]+$/
export const headerSafeDemand = 'must be one line of printable ASCII without spaces'
