import { AsyncLocalStorage } from 'node:async_hooks'
import { Readable, Writable } from 'node:stream'
import { run } from '../../src/cli.ts'
import type { Ran } from './run.ts'

// Runs commands in the process of a test file. A process for each takes 0.2 s of a processor, nearly all of it to load
// what the process of the test has loaded already. test/commands/processes.test.ts compares the two.

/** What a command finds in `process`, where the test has its own. */
interface Place {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly stdin: Readable
  readonly stdout: Printed
  readonly stderr: Printed
  readonly exit: (code: number) => void
}

const places = new AsyncLocalStorage<Place>()
for (const name of ['env', 'stdin', 'stdout', 'stderr', 'exit'] as const) {
  const own = process[name]
  Object.defineProperty(process, name, { get: () => places.getStore()?.[name] ?? own })
}

/** Keeps what is written to it. */
class Printed extends Writable {
  text = ''

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text += chunk.toString()
    done()
  }
}

/** These end their process themselves, or go on until it is ended. */
const processes = new Set(['serve', 'status', 'bench'])

let isBusy = false

/** Whether a command can run here: one at a time, because those that run at once shall not share a process. */
export function canRunHere(words: readonly string[]): boolean {
  return !isBusy && !words.some(word => processes.has(word))
}

/** Runs a command to its end. */
export async function runHere(
  words: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
  stdin = '',
): Promise<Ran> {
  let ended: number | undefined
  const place = {
    env: { ...env },
    stdin: Readable.from([stdin]),
    stdout: new Printed(),
    stderr: new Printed(),
    exit(code: number) {
      // Exiting is the last thing that `check` does, so it may return here.
      if (words[0] !== 'check') throw new Error('this command cannot run in the process of a test')
      ended = code
    },
  }
  isBusy = true
  const umask = process.umask(0o077) // as src/altgate.js does
  try {
    const code = await places.run(place, () => run(words))
    return { code: ended ?? code, stdout: place.stdout.text, stderr: place.stderr.text }
  } finally {
    process.umask(umask)
    isBusy = false
  }
}
