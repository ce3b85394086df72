import { randomInt } from 'node:crypto'
import { readPassword } from '../gateway/credential.ts'
import { longestPassword, type Username } from '../gateway/names.ts'
import type { Secret } from '../gateway/secret.ts'
import { Failure } from './failure.ts'
import { openHiddenPrompt } from './prompt.ts'
import { note } from './say.ts'

const shortest = 8
const nothing =
  'No password was given. Type one at the prompt, or give it as the first line of standard input.'

/** The password of somebody who has one. */
export async function askPassword(): Promise<Secret> {
  const [text] = await readLines(['Password: '])
  return readPassword(given(text))
}

/** A new password, asked twice on a terminal. */
export async function askNewPassword(username: Username): Promise<Secret> {
  const [text, again] = await readLines(['New password: ', 'Once more: '])
  if (again !== undefined && again !== text)
    throw new Failure('The two passwords differ. Nothing was changed.')
  const password = given(text)
  const fault = newPasswordFault(password)
  if (fault !== undefined) throw new Failure(`${fault} Nothing was changed.`)
  if (isWeak(password, username)) note('This password is easy to guess; --generate makes a strong one.')
  return readPassword(password)
}

/** A strong one: 26 of 32 characters that are not mistaken for each other, 130 bits. */
export function generatePassword(): Secret {
  const letters = 'abcdefghijkmnpqrstuvwxyz23456789'
  return readPassword(Array.from({ length: 26 }, () => letters.charAt(randomInt(letters.length))).join(''))
}

function given(text: string | undefined): string {
  if (text === undefined || text === '') throw new Failure(nothing)
  return text
}

/** What the door would refuse is refused here too: nobody could sign in with it. */
function newPasswordFault(text: string): string | undefined {
  if (/\p{Cc}/u.test(text)) return 'The password holds a control character.'
  if (Array.from(text).length < shortest) return `The password is shorter than ${shortest} characters.`
  const bytes = Buffer.byteLength(readPassword(text).reveal())
  return bytes > longestPassword ? `The password is longer than ${longestPassword} bytes.` : undefined
}

function isWeak(password: string, username: Username): boolean {
  const [local = ''] = username.split('@')
  return Array.from(password).length < 12 || password.toLowerCase().includes(local)
}

/** One answer for each question on a terminal; from a file or a pipe the first line alone. */
async function readLines(questions: readonly string[]): Promise<readonly string[]> {
  if (!process.stdin.isTTY) return [await firstLine(process.stdin)]
  const prompt = openHiddenPrompt(process.stdin, process.stderr)
  try {
    const answers: string[] = []
    for (const question of questions) answers.push(await prompt.ask(question))
    return answers
  } finally {
    prompt.close()
  }
}

/** Bytes until the first newline. A line that no password can be is not read to its end. */
async function firstLine(input: NodeJS.ReadableStream): Promise<string> {
  let bytes = Buffer.alloc(0)
  for await (const chunk of input) {
    bytes = Buffer.concat([bytes, Buffer.from(chunk)])
    if (bytes.includes('\n') || bytes.length > 4 * longestPassword) break
  }
  const end = bytes.indexOf('\n')
  const line = end === -1 ? bytes : bytes.subarray(0, end)
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(line).replace(/\r$/, '')
  } catch {
    throw new Failure('The password on standard input is not UTF-8.')
  }
}
