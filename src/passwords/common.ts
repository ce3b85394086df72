/**
 * Fewest characters of a chosen password. NIST SP 800-63B asks for 8, and for 15 where a password is the only factor.
 * Ten, with advice below fifteen, suffices: generated passwords are the default, guessable ones are refused, and argon2id
 * makes the others expensive to guess.
 */
export const shortestPassword = 10

/** What NIST SP 800-63B asks for where a password is the only factor, in characters. */
export const advisedLength = 15

/** In Unicode code points, not in UTF-16 units. */
export function lengthOf(text: string): number {
  return Array.from(text).length
}
