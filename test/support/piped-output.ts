import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import type { Test } from 'tap'
import { temporaryDirectory } from './directory.ts'

/** A pipe that takes a program's standard output, and what reads it. */
export interface PipedOutput {
  /** The program, and its words, that gives another one this standard output. */
  readonly within: readonly string[]
  /** The reader reads no more, and keeps the pipe open. */
  pause(): void
  resume(): void
  /** The reader goes away. */
  leave(): Promise<void>
  /** Another one comes. */
  comeBack(): void
}

export function pipedOutput(t: Pick<Test, 'teardown'>): PipedOutput {
  const pipe = join(temporaryDirectory(t), 'out')
  execFileSync('mkfifo', [pipe])
  let reader: ChildProcess
  const comeBack = () => void (reader = spawn('cat', [pipe], { stdio: 'ignore' }))
  async function leave(): Promise<void> {
    const exited = once(reader, 'exit')
    reader.kill('SIGKILL')
    await exited
  }
  comeBack()
  t.teardown(leave)
  return {
    within: ['sh', '-c', `exec "$@" > ${pipe}`, 'sh'],
    pause: () => void reader.kill('SIGSTOP'),
    resume: () => void reader.kill('SIGCONT'),
    leave,
    comeBack,
  }
}
