import type { ReadStream } from 'node:tty'
import { Failure } from '../common/failure.ts'
import { readPassword } from '../gateway/credential.ts'
import { longestPassword } from '../gateway/names.ts'
import type { Secret } from '../gateway/secret.ts'
import { Interrupted } from './failure.ts'

const nothing =
  'No password was given. Type one at the prompt, or give it as the first line of standard input.'

/** Asks for an existing password. */
export async function askPassword(): Promise<Secret> {
  const [text] = await readLines(['Password: '])
  return readPassword(given(text))
}

/** Asks for a new password, twice on a terminal. Does not check whether it may be chosen. */
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

/** One answer for each question on a terminal; from a file or a pipe, only the first line. */
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

/** Bytes until the first newline. A line that is too long for a password is not read to its end. */
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

/** Asks on a terminal without showing what is typed. */
interface HiddenPrompt {
  /** One line, without its end; empty at the end of input. Throws `Interrupted` on Ctrl-C. */
  ask(question: string): Promise<string>
  /** Restores the terminal. */
  close(): void
}

/** One prompt may ask several times, so that a paste of several lines answers several questions. */
function openHiddenPrompt(input: ReadStream, output: NodeJS.WritableStream): HiddenPrompt {
  let typed = ''
  let line = ''
  let ended = false
  let asked: PromiseWithResolvers<string> | undefined

  function press(key: string): void {
    if (enter.has(key) || (key === ctrlD && line === '')) answer(line)
    else if (key === ctrlC) interrupt()
    else if (key === ctrlU) line = ''
    else if (backspace.has(key)) line = Array.from(line).slice(0, -1).join('')
    else if (!/^\p{Cc}/u.test(key)) line += key
  }

  function answer(text: string): void {
    output.write('\n')
    asked?.resolve(text)
    asked = undefined
    line = ''
  }

  function interrupt(): void {
    output.write('\n')
    asked?.reject(new Interrupted())
    asked = undefined
  }

  function drain(): void {
    while (asked !== undefined && typed !== '') {
      const key = nextKey(typed)
      typed = typed.slice(key.length)
      press(key)
    }
  }

  const hear = (text: string) => {
    typed += text
    drain()
  }
  const end = () => {
    ended = true
    if (asked !== undefined) answer(line)
  }

  input.setEncoding('utf8')
  input.setRawMode(true)
  input.on('data', hear).on('end', end)

  return {
    ask(question) {
      output.write(question)
      if (ended && typed === '') return Promise.resolve('')
      asked = Promise.withResolvers()
      const { promise } = asked
      drain()
      return promise
    },
    close() {
      input.off('data', hear).off('end', end)
      input.setRawMode(false)
      input.pause()
    },
  }
}

const enter = new Set(['\r', '\n', '\r\n'])
const backspace = new Set(['\x7f', '\b'])
const ctrlC = '\x03'
const ctrlD = '\x04'
const ctrlU = '\x15'

// Arrow keys and the like send several characters, which must not become part of a password.
const escape = String.fromCharCode(27)
const sequence = new RegExp(`^(?:${escape}\\[[0-9;?]*[ -/]*[@-~]|${escape}O.|\r\n)`)

/** The first key of what was typed. */
function nextKey(typed: string): string {
  return sequence.exec(typed)?.[0] ?? String.fromCodePoint(typed.codePointAt(0) ?? 0)
}
