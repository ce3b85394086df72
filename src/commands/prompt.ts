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
  let asked: PromiseWithResolvers<string> | undefined

  function press(key: string): void {
    if (key === '\r' || key === '\n' || key === '\r\n') answer(line)
    else if (key === '\x03') interrupt()
    else if (key === '\x04' && line === '') answer('')
    else if (key === '\x7f' || key === '\b') line = Array.from(line).slice(0, -1).join('')
    else if (key === '\x15')
      line = '' // Ctrl-U
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
  const end = () => answer(line)

  input.setEncoding('utf8')
  input.setRawMode(true)
  input.on('data', hear).on('end', end)

  return {
    ask(question) {
      output.write(question)
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

// Arrows and their kin send several characters, which must not become a part of a password.
const escape = String.fromCharCode(27)
const sequence = new RegExp(`^(?:${escape}\\[[0-9;?]*[ -/]*[@-~]|${escape}O.|\r\n)`)

/** The first key of what was typed. */
function nextKey(typed: string): string {
  return sequence.exec(typed)?.[0] ?? String.fromCodePoint(typed.codePointAt(0) ?? 0)
}
