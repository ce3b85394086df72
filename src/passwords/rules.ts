import type { GeneratedPasswords } from '../gateway/generated-password.ts'
import { longestPassword, type Username } from '../gateway/names.ts'
import type { Secret } from '../gateway/secret.ts'
import { advisedLength, lengthOf, shortestPassword } from './common.ts'
import type { Weakness } from './estimator.ts'
import { withoutWords, wordsOf } from './own-words.ts'
import { estimatesOf } from './strength.ts'

/** Why a password is not allowed. */
export interface PasswordFlaw {
  readonly reason: FlawReason
  /** `useless`: the gateway would always refuse it; `trivial`: it falls to guesses at the gateway. */
  readonly degree: 'useless' | 'trivial' | 'weak'
}

type FlawReason =
  | 'control-character'
  | 'too-long'
  /** It begins like a generated password, but Altgate did not generate it. */
  | 'looks-generated'
  | 'too-short'
  /** Little remains of it without the user names. */
  | 'same-as-username'
  /** Little remains of it without the user names and the names around them. */
  | 'same-as-names'
  | Weakness

/** Guesses that a password must withstand where users choose it. ADR 0079 says why so many. */
const enoughGuesses = 1e9

/** What withstands fewer guesses falls without the store: to guesses at the gateway. */
const trivialGuesses = 1e6

/** Whose password it would be. An attacker tries these names first. */
export interface PasswordOwner {
  readonly usernames: readonly Username[]
  /** The names of accounts and of their directory. */
  readonly places: readonly string[]
  /** The public address of the gateway. */
  readonly publicUrl: string
}

/** What is wrong with a chosen password. */
export async function passwordFlaw(
  password: Secret,
  owner: PasswordOwner,
  generated: Pick<GeneratedPasswords, 'isForged'>,
): Promise<PasswordFlaw | undefined> {
  const text = password.reveal()
  // Passwords that the gateway would always refuse come first.
  if (/\p{Cc}/u.test(text)) return { reason: 'control-character', degree: 'useless' }
  if (Buffer.byteLength(text) > longestPassword) return { reason: 'too-long', degree: 'useless' }
  if (generated.isForged(password)) return { reason: 'looks-generated', degree: 'useless' }
  if (lengthOf(text) < shortestPassword) return { reason: 'too-short', degree: 'weak' }
  return await weaknessOf(text, owner)
}

/** Names add nothing to a password, so that what remains without them has to be strong enough as well. */
async function weaknessOf(
  text: string,
  { usernames, places, publicUrl }: PasswordOwner,
): Promise<PasswordFlaw | undefined> {
  const names = [...usernames, ...places, new URL(publicUrl).hostname, 'altgate']
  const rests = [withoutWords(text, wordsOf(usernames)), withoutWords(text, wordsOf(names))]
  const [whole, ...remaining] = await estimatesOf([text, ...rests])
  for (const [at, reason] of (['same-as-username', 'same-as-names'] as const).entries()) {
    const rest = rests[at]
    if (rest === undefined || rest === text || (remaining[at]?.guesses ?? 0) >= enoughGuesses) continue
    return { reason, degree: /\p{L}/u.test(rest) ? 'weak' : 'trivial' }
  }
  if (whole === undefined || whole.guesses >= enoughGuesses) return undefined
  return { reason: whole.weakness, degree: whole.guesses < trivialGuesses ? 'trivial' : 'weak' }
}

/** `tf` sends passwords as US-ASCII, with `?` for all other characters. */
export function isAscii(password: Secret): boolean {
  return /^[ -~]*$/.test(password.reveal())
}

/** Long enough as one of several factors, but this password is the only one. */
export function isShort(password: Secret): boolean {
  return lengthOf(password.reveal()) < advisedLength
}

/** What the page and the terminal say. The sentences contain no input. */
const sentences: Readonly<Record<FlawReason, string>> = {
  'control-character': 'The password contains a control character.',
  'too-long': `The password is longer than ${longestPassword} bytes.`,
  'looks-generated':
    'The password begins with agp_ like a generated one, but Altgate did not generate it. It may be mistyped or cut off.',
  'too-short': `The password is shorter than ${shortestPassword} characters.`,
  'same-as-username': 'The password is too similar to the user name.',
  'same-as-names': 'The password is too similar to the names of this gateway, its account or its directory.',
  common: 'The password is too common. Attackers try common passwords first.',
  'like-common': 'The password is a common one with little added. Attackers try these variations early.',
  'few-words': 'The password consists of too few words or names. Attackers try combinations of common ones.',
  repeat: 'The password repeats the same characters, which makes it easy to guess.',
  sequence: 'The password is a sequence such as abcdef or 654321, or little more than one.',
  date: 'The password is a date or a year, or little more than one.',
  keyboard: 'The password follows neighboring keys on the keyboard, which makes it easy to guess.',
  guessable: 'The password is too easy to guess.',
}

/** What is wrong with a password, and what helps if it is easy to guess. */
export function flawText({ reason, degree }: PasswordFlaw): string {
  const help = ' Add another unrelated word, or let Altgate generate a password.'
  return sentences[reason] + (degree === 'useless' ? '' : help)
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
