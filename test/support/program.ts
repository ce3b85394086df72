import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import type { Test } from 'tap'
import { canRunHere, runHere } from './in-process.ts'
import { run, type Ran, type RunOptions } from './run.ts'

/** The root of this project. */
export const checkout = join(import.meta.dirname, '../..')

const program = join(checkout, 'src/altgate.js')

type Environment = Readonly<Record<string, string | undefined>>

/** What a command reads: the password, where one is asked for. */
export type Input = Pick<RunOptions, 'stdin'>

/** Runs an `altgate` command to its end, in this process if it can: `altgateProcess` is what users start. */
export function altgate(
  args: readonly string[],
  env: Environment,
  input: Input = {},
  within: readonly string[] = [],
): Promise<Ran> {
  const here = within.length === 0 && canRunHere(args)
  return here ? runHere(args, env, input.stdin) : altgateProcess(args, env, input, within)
}

/** Runs an `altgate` command to its end in a process of its own. */
export function altgateProcess(
  args: readonly string[],
  env: Environment,
  input: Input = {},
  within: readonly string[] = [],
): Promise<Ran> {
  const [file = process.execPath, ...all] = [...within, process.execPath, program, ...args]
  return run(file, all, { cwd: checkout, env, ...input })
}

/** Starts an `altgate` command that goes on until it is stopped. */
export function serve(
  t: Pick<Test, 'teardown'>,
  args: readonly string[],
  env: Environment,
  within: readonly string[] = [],
): Running {
  return start(t, [program, ...args], env, within)
}

/** A program that runs. */
export interface Running {
  readonly pid: number
  /** Its standard output and error so far. */
  readonly printed: () => string
  readonly ended: () => boolean
  readonly signal: (signal: NodeJS.Signals) => void
  /** The exit code once it has ended, -1 if a signal ended it. */
  readonly exit: () => Promise<number>
  /** SIGTERM, and then `exit`. */
  readonly stop: () => Promise<number>
}

/**
 * Starts one of our files in a process of its own; it ends with the test at the latest. `within`: a program that gives way to
 * it, such as `prlimit`, and its words.
 */
export function start(
  t: Pick<Test, 'teardown'>,
  words: readonly string[],
  env: Environment,
  within: readonly string[] = [],
): Running {
  const [file = process.execPath, ...all] = [...within, process.execPath, ...words]
  const child = spawn(file, all, { cwd: checkout, env, stdio: ['ignore', 'pipe', 'pipe'] })
  let printed = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => (printed += text))
  }
  const exited = once(child, 'exit')
  const ended = () => child.exitCode !== null || child.signalCode !== null
  t.teardown(async () => {
    if (!ended()) child.kill('SIGKILL')
    await exited
  })
  async function exit(): Promise<number> {
    await exited
    return child.exitCode ?? -1
  }
  return {
    pid: child.pid ?? -1,
    printed: () => printed,
    ended,
    signal: signal => void child.kill(signal),
    exit,
    stop() {
      child.kill('SIGTERM')
      return exit()
    },
  }
}
