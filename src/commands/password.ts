import { readPassword } from '../gateway/credential.ts'
import { longestPassword } from '../gateway/names.ts'
import type { Secret } from '../gateway/secret.ts'
import { Failure } from './failure.ts'
import { openHiddenPrompt } from './prompt.ts'

const nothing =
  'No password was given. Type one at the prompt, or give it as the first line of standard input.'

/** The password of somebody who has one. */
export async function askPassword(): Promise<Secret> {
  const [text] = await readLines(['Password: '])
  return readPassword(given(text))
}

/** A new password, asked twice on a terminal; whether it may be chosen is another question. */
export async function askNewPassword(): Promise<Secret> {
  const [text, again] = await readLines(['New password: ', 'Once more: '])
  if (again !== undefined && again !== text)
    throw new Failure('The two passwords differ. Nothing was changed.')
  return readPassword(given(text))
}

function given(text: string | undefined): string {
  if (text === undefined || text === '') throw new Failure(nothing)
  return text
}

/** One answer for each question on a terminal; from a file or a pipe the first line alone. */
async function readLines(questions: readonly string[]): Promise<readonly string[]> {
  if (!process.stdin.isTTY) return [await firstLine(process.stdin)]
  const prompt = openHiddenPrompt(process.stdin, process.stderr)
  try {
    const answers: string[] = []
    for (const question of questions) {
      answers.push(await prompt.ask(question))
      if (answers.at(-1) === '') break
    }
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
