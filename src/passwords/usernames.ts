import { foldUsername, longestUsername } from '../gateway/names.ts'

/** What is wrong with a primary user name, an e-mail address; `undefined`: nothing. No input in the words. */
export function primaryFault(text: string): string | undefined {
  const fault = usernameFault(text)
  if (fault !== undefined) return fault
  if (/\s/u.test(text)) return 'the user name holds a blank'
  return /^[^@]+@[^@]+$/.test(text) ? undefined : 'the user name must be an e-mail address'
}

/**
 * Whether the name is one thing to us and could be another user's to an upstream: software normalizes names (NFKC) or
 * compares them without case by rules of its own, and takes a fullwidth, superscript or dotless letter for the plain one
 * (RFC 8264, 9.17 HasCompat; CVE-2019-19844). Letters that only look alike stay different everywhere.
 */
export function hasDoubles(text: string): boolean {
  const folded = foldUsername(text)
  return [folded.normalize('NFKC'), folded.toUpperCase()].some(each => foldUsername(each) !== folded)
}

/** A secondary user name is for tools that choke on `@`. */
export function secondaryFault(text: string): string | undefined {
  if (/^[\p{L}\p{N}._-]{1,64}$/u.test(text)) return undefined
  return 'the secondary user name must be 1 to 64 letters, digits, dots, hyphens or underscores'
}

/** What no user name can be, primary or secondary: HTTP Basic could not carry it. */
export function usernameFault(text: string): string | undefined {
  if (text === '') return 'the user name is empty'
  if (text.includes(':')) return 'the user name holds a colon'
  if (/\p{Cc}/u.test(text)) return 'the user name holds a control character'
  // A blank of no width, a change of direction, half of a surrogate pair: two names would look, or be written, alike.
  if (/[\p{Cf}\p{Cs}\p{Co}]/u.test(text)) return 'the user name holds a character that cannot be seen'
  return text.length > longestUsername
    ? `the user name is longer than ${longestUsername} characters`
    : undefined
}
