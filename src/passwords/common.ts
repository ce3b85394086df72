/**
 * Fewest characters of a chosen password. NIST SP 800-63B asks for 8, and for 15 where a password is the only factor.
 * Ten, with advice below fifteen, suffices: generated passwords are the default, common ones are refused, and argon2id
 * makes the others expensive to guess.
 */
export const shortestPassword = 10

/** What NIST SP 800-63B asks for where a password is the only factor, in characters. */
export const advisedLength = 15

/** In Unicode code points, not in UTF-16 units. */
export function lengthOf(text: string): number {
  return Array.from(text).length
}

let loading: Promise<ReadonlySet<string>> | undefined

/**
 * The most common passwords that are long enough, in lower case. Loaded when a password is first chosen: unpacking the
 * list takes some 20 milliseconds, which would delay the start.
 */
export function commonPasswords(): Promise<ReadonlySet<string>> {
  loading ??= load()
  return loading
}

async function load(): Promise<ReadonlySet<string>> {
  const { dictionary } = await import('@zxcvbn-ts/language-common')
  return new Set(dictionary['passwords-common'].filter(({ length }) => length >= shortestPassword))
}
