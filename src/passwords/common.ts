/**
 * Fewest characters of a password that somebody chooses. NIST SP 800-63B asks for 8, and for 15 where a password is
 * the only factor. Ten, and advice up to fifteen: whoever wants strength lets us generate one, so what is left are
 * people who bring their own; common ones are refused, and argon2id makes the others dear to guess.
 */
export const shortestPassword = 10

/** What NIST SP 800-63B asks for where a password is the only factor, in characters. */
export const advisedLength = 15

/** In characters, as people count them, not in UTF-16 units. */
export function lengthOf(text: string): number {
  return Array.from(text).length
}

let loading: Promise<ReadonlySet<string>> | undefined

/**
 * The most common passwords, in lower case; without those that are too short anyway. Loaded when somebody first
 * chooses a password: unpacking the list takes some 20 milliseconds, which no start should wait for.
 */
export function commonPasswords(): Promise<ReadonlySet<string>> {
  loading ??= load()
  return loading
}

async function load(): Promise<ReadonlySet<string>> {
  const { dictionary } = await import('@zxcvbn-ts/language-common')
  return new Set(dictionary['passwords-common'].filter(({ length }) => length >= shortestPassword))
}
