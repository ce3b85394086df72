import type { GeneratedPasswords } from '../gateway/generated-password.ts'
import { foldUsername, longestPassword, type Username } from '../gateway/names.ts'
import type { Secret } from '../gateway/secret.ts'
import { advisedLength, commonPasswords, lengthOf, shortestPassword } from './common.ts'

/** Why a password is not allowed. `passwordSentences` has the sentence for each. */
type PasswordFlaw =
  | 'control-character'
  | 'too-long'
  /** It begins like a generated password, but Altgate did not generate it: the gateway would refuse it. */
  | 'looks-generated'
  | 'too-short'
  | 'same-as-username'
  | 'common'

/** The flaws of passwords that the gateway always refuses. */
const useless: ReadonlySet<PasswordFlaw> = new Set(['control-character', 'too-long', 'looks-generated'])

/** Whether a password with this flaw can never work; with any other it is only easy to guess. */
export function isUseless(flaw: PasswordFlaw): boolean {
  return useless.has(flaw)
}

/** What is wrong with a chosen password. `names`: all user names it would belong to. */
export async function passwordFlaw(
  password: Secret,
  names: readonly Username[],
  generated: Pick<GeneratedPasswords, 'isForged'>,
): Promise<PasswordFlaw | undefined> {
  const text = password.reveal()
  // Passwords that the gateway would always refuse come first.
  if (/\p{Cc}/u.test(text)) return 'control-character'
  if (Buffer.byteLength(text) > longestPassword) return 'too-long'
  if (generated.isForged(password)) return 'looks-generated'
  if (lengthOf(text) < shortestPassword) return 'too-short'
  if (saysOnly(names, text)) return 'same-as-username'
  return (await commonPasswords()).has(text.toLowerCase()) ? 'common' : undefined
}

/** `tf` sends passwords as US-ASCII, with `?` for all other characters. */
export function isAscii(password: Secret): boolean {
  return /^[ -~]*$/.test(password.reveal())
}

/** Long enough as one of several factors, but this password is the only one. */
export function isShort(password: Secret): boolean {
  return lengthOf(password.reveal()) < advisedLength
}

/** Whether only digits and punctuation remain without the user names and their parts before the `@`. */
function saysOnly(names: readonly Username[], text: string): boolean {
  const folded = foldUsername(text)
  if (names.includes(folded)) return true
  const words = names.flatMap(name => [name, name.replace(/@.*$/s, '')]).filter(word => /\p{L}/u.test(word))
  const rest = words.reduce<string>((left, word) => left.replaceAll(word, ''), folded)
  return rest !== folded && !/\p{L}/u.test(rest)
}

/** What the page and the terminal say about a password that is not allowed. The sentences contain no input. */
export const passwordSentences: Readonly<Record<PasswordFlaw, string>> = {
  'control-character': 'The password contains a control character.',
  'too-long': `The password is longer than ${longestPassword} bytes.`,
  'looks-generated':
    'The password begins with agp_ like a generated one, but Altgate did not generate it. It may be mistyped or cut off.',
  'too-short': `The password is shorter than ${shortestPassword} characters.`,
  'same-as-username': 'The password is too similar to the user name.',
  common: 'The password is too common. Attackers try common passwords first.',
}

/** Advice about a password that is allowed. */
export function passwordAdvice(password: Secret): readonly string[] {
  const advice: string[] = []
  if (isShort(password)) advice.push('A longer password, or a generated one, would be harder to guess.')
  if (!isAscii(password))
    advice.push(
      'The password contains characters that tf cannot send: use unaccented letters, digits and punctuation for tf.',
    )
  return advice
}
