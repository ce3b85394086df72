import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { openSync, readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { until } from '../support/until.ts'
import { pathOf, type Program } from './programs.ts'
import type { Stage } from './stage.ts'

export interface Service {
  readonly program: Program
  readonly args: readonly string[]
  /** Where its output goes. */
  readonly folder: string
  /** It is there when this port of 127.0.0.1 takes connections. */
  readonly port: number
  readonly env?: Readonly<Record<string, string>>
}

/** Starts a server, waits until it listens, and gives its process id. It ends with the stage. */
export async function startService(
  stage: Stage,
  { program, args, folder, port, env }: Service,
): Promise<number> {
  stage.stop.throwIfAborted()
  const file = join(folder, 'output.log')
  const output = openSync(file, 'a')
  const child = spawn(pathOf(program) ?? program, args, {
    stdio: ['ignore', output, output],
    env: { ...process.env, ...env },
  })
  const exited = once(child, 'exit')
  const ended = () => child.exitCode !== null || child.signalCode !== null
  stage.teardown(async () => {
    if (!ended()) child.kill('SIGTERM')
    const patience = setTimeout(() => child.kill('SIGKILL'), 5000)
    await exited
    clearTimeout(patience)
  })
  await until(() => {
    if (ended()) throw new Error(`${program} did not start:\n${readFileSync(file, 'utf8')}`)
    return listens(port)
  })
  return child.pid ?? -1
}

function listens(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1')
  return new Promise<boolean>(resolve => {
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false))
  }).finally(() => socket.destroy())
}

/** Runs a program to its end and gives what it printed; throws its complaint if it fails. Ends with the stage at the latest. */
export async function runProgram(
  { stop }: Stage,
  program: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<string> {
  const child = spawn(program, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    signal: stop,
    env: { ...process.env, ...env },
  })
  let printed = ''
  let complaint = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (printed += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (complaint += text))
  await once(child, 'close')
  if (child.exitCode !== 0) throw new Error(`${program} failed: ${complaint}${printed}`)
  return printed
}
