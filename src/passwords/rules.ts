import type { GeneratedPasswords } from '../gateway/generated-password.ts'
import { foldUsername, longestPassword, type Username } from '../gateway/names.ts'
import type { Secret } from '../gateway/secret.ts'
import { advisedLength, commonPasswords, lengthOf, shortestPassword } from './common.ts'

/** Why nobody may choose this password. `passwordSentences` says each of them to people. */
type PasswordFlaw =
  | 'control-character'
  | 'too-long'
  /** It begins like a password that Altgate makes, but Altgate did not make it: the gateway would refuse it. */
  | 'looks-generated'
  | 'too-short'
  | 'same-as-username'
  | 'common'

/** The flaws of passwords that the gateway itself would refuse: nobody could ever sign in with one. */
const useless: ReadonlySet<PasswordFlaw> = new Set(['control-character', 'too-long', 'looks-generated'])

/** Whether a password with this flaw can never work; with any other it is only easy to guess. */
export function isUseless(flaw: PasswordFlaw): boolean {
  return useless.has(flaw)
}

/** What is wrong with a password that somebody wants to choose; `names`: all user names it would go with. */
export async function passwordFlaw(
  password: Secret,
  names: readonly Username[],
  generated: Pick<GeneratedPasswords, 'isForged'>,
): Promise<PasswordFlaw | undefined> {
  const text = password.reveal()
  // First what the gateway would refuse: nobody could sign in with it.
  if (/\p{Cc}/u.test(text)) return 'control-character'
  if (Buffer.byteLength(text) > longestPassword) return 'too-long'
  if (generated.isForged(password)) return 'looks-generated'
  if (lengthOf(text) < shortestPassword) return 'too-short'
  if (saysOnly(names, text)) return 'same-as-username'
  return (await commonPasswords()).has(text.toLowerCase()) ? 'common' : undefined
}

/** For advice: `tf` sends passwords as US-ASCII, with `?` for everything else. */
export function isAscii(password: Secret): boolean {
  return /^[ -~]*$/.test(password.reveal())
}

/** For advice: good enough beside other protection, but this password stands alone. */
export function isShort(password: Secret): boolean {
  return lengthOf(password.reveal()) < advisedLength
}

/** Whether nothing but digits and marks is left when the user names are taken out, or what stands before their `@`. */
function saysOnly(names: readonly Username[], text: string): boolean {
  const folded = foldUsername(text)
  if (names.includes(folded)) return true
  const words = names.flatMap(name => [name, name.replace(/@.*$/s, '')]).filter(word => /\p{L}/u.test(word))
  const rest = words.reduce<string>((left, word) => left.replaceAll(word, ''), folded)
  return rest !== folded && !/\p{L}/u.test(rest)
}

/** What is said about a password that nobody may choose, on the page and in the terminal. No input in the words. */
export const passwordSentences: Readonly<Record<PasswordFlaw, string>> = {
  'control-character': 'The password holds a control character.',
  'too-long': `The password is longer than ${longestPassword} bytes.`,
  'looks-generated':
    'The password begins with agp_ as those do that Altgate makes, but it is not one of them: mistyped or cut off.',
  'too-short': `The password is shorter than ${shortestPassword} characters.`,
  'same-as-username': 'The password is little more than the user name.',
  common: 'The password is one of the most common ones, which are guessed first.',
}

/** What is worth saying about a password that may be chosen nevertheless. */
export function passwordAdvice(password: Secret): readonly string[] {
  const advice: string[] = []
  if (isShort(password)) advice.push('A longer password, or a generated one, would be harder to guess.')
  if (!isAscii(password))
    advice.push('The password holds characters that tf cannot send, which knows only unaccented letters.')
  return advice
}
