import { spawn } from 'node:child_process'
import { once } from 'node:events'
import type { Test } from 'tap'
import { checkout } from '../support/program.ts'
import { until } from '../support/until.ts'
import type { Desk } from './desk.ts'

/** A command that runs on a terminal of its own. */
export interface Terminal {
  /** Presses these keys once the screen, after all that was typed before, shows `prompt`. */
  type(prompt: string, keys: string): Promise<void>
  /** Waits for the end: everything that was on the screen, the command's exit code and `stty`'s report last. */
  screen(): Promise<string>
}

const end = 'the-end-of-the-screen'

/**
 * Runs `altgate` on a real terminal (util-linux's `script` makes one), then prints the exit code and `stty -a`. `columns`: its
 * width; left out: it does not know its width.
 */
export async function onTerminal(
  t: Test,
  desk: Desk,
  words: readonly string[],
  term = 'dumb',
  columns = 0,
): Promise<Terminal> {
  await desk.isReady() // no command makes a store by itself
  const program = `'${process.execPath}' '${checkout}/src/altgate.js'`
  const command = `${program} ${words.map(word => `'${word}'`).join(' ')}`
  // Ctrl-C reaches the shell too: without a trap it may end before its last line.
  const trapped = 'trap : INT'
  // The last line waits until it was seen: `script` drops what it has not read when its shell ends.
  const last = `echo "code $?"; stty -a; stty sane; echo ${end}; read -r _`
  const child = spawn(
    'script',
    ['-qec', `stty cols ${columns}; ${trapped}; ${command}; ${last}`, '/dev/null'],
    {
      env: { ...desk.env, TERM: term, SHELL: '/bin/sh' },
      stdio: ['pipe', 'pipe', 'inherit'],
    },
  )
  let seen = ''
  let asked = 0
  child.stdout.setEncoding('utf8').on('data', (text: string) => (seen += text))
  child.stdin.on('error', () => {})
  const closed = once(child, 'close')
  t.teardown(() => void child.kill())
  return {
    async type(prompt, keys) {
      await until(() => seen.indexOf(prompt, asked) !== -1)
      asked = seen.indexOf(prompt, asked) + prompt.length
      child.stdin.write(keys)
    },
    async screen() {
      await until(() => seen.includes(end) || child.exitCode !== null)
      child.stdin.write('\n')
      await closed
      return seen.slice(0, seen.lastIndexOf(end)).replaceAll('\r\n', '\n')
    },
  }
}
