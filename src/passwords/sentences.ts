import { longestPassword } from '../gateway/names.ts'
import type { Secret } from '../gateway/secret.ts'
import { shortestPassword } from './length.ts'
import { isAscii, isShort, type PasswordFlaw } from './rules.ts'

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
