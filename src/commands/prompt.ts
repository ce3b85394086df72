import type { ReadStream } from 'node:tty'
import { Interrupted } from './failure.ts'

/** Asks on a terminal without showing what is typed. */
export interface HiddenPrompt {
  /** One line, without its end; empty at the end of input. Throws `Interrupted` on Ctrl-C. */
  ask(question: string): Promise<string>
  /** Gives the terminal back as it was. */
  close(): void
}

/** One prompt may ask several times, so that a paste of several lines answers several questions. */
export function openHiddenPrompt(input: ReadStream, output: NodeJS.WritableStream): HiddenPrompt {
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

// Arrows and their kin send several characters, which must not become a part of a password.
const escape = String.fromCharCode(27)
const sequence = new RegExp(`^(?:${escape}\\[[0-9;?]*[ -/]*[@-~]|${escape}O.|\r\n)`)

/** The first key of what was typed. */
function nextKey(typed: string): string {
  return sequence.exec(typed)?.[0] ?? String.fromCodePoint(typed.codePointAt(0) ?? 0)
}
