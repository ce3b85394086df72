import { foldUsername, longestUsername } from '../gateway/names.ts'

/** What is wrong with a primary user name, an e-mail address; `undefined`: nothing. The texts contain no input. */
export function primaryFault(text: string): string | undefined {
  const fault = usernameFault(text)
  if (fault !== undefined) return fault
  if (/\s/u.test(text)) return 'the user name contains a space'
  return /^[^@]+@[^@]+$/.test(text) ? undefined : 'the user name must be an e-mail address'
}

/**
 * Whether an upstream could take the name for another user's: software normalizes names (NFKC) or compares them without
 * case by its own rules, and treats a fullwidth, superscript or dotless letter as the plain one
 * (RFC 8264, 9.17 HasCompat; CVE-2019-19844). Letters that only look alike stay different everywhere.
 */
export function hasDoubles(text: string): boolean {
  const folded = foldUsername(text)
  return [folded.normalize('NFKC'), folded.toUpperCase()].some(each => foldUsername(each) !== folded)
}

/** A secondary user name is for tools that do not accept an `@`. */
export function secondaryFault(text: string): string | undefined {
  if (/^[\p{L}\p{N}._-]{1,64}$/u.test(text)) return undefined
  return 'the secondary user name must be 1 to 64 letters, digits, dots, hyphens or underscores'
}

/** Faults of any user name, primary or secondary: HTTP Basic could not carry it. */
export function usernameFault(text: string): string | undefined {
  if (text === '') return 'the user name is empty'
  if (text.includes(':')) return 'the user name contains a colon'
  if (/\p{Cc}/u.test(text)) return 'the user name contains a control character'
  // Zero-width spaces, direction marks, lone surrogates: two names would look, or be encoded, alike.
  if (/[\p{Cf}\p{Cs}\p{Co}]/u.test(text)) return 'the user name contains an invisible character'
  return text.length > longestUsername
    ? `the user name is longer than ${longestUsername} characters`
    : undefined
}
