import { fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import type { Stage } from './stage.ts'

/** One of our files in a process of its own, which answers messages. It ends with the stage. */
export interface Forked {
  /** Its first message. */
  readonly first: unknown
  /** Sends a message and gives the next one that comes back. */
  readonly ask: (message: string | number) => Promise<unknown>
  readonly kill: () => void
  readonly pid: number
}

/** Starts it and waits for its first message, with which it says that it is ready. */
export async function startForked(
  stage: Stage,
  file: string,
  args: readonly string[] = [],
  { execArgv = [], env = process.env }: { execArgv?: readonly string[]; env?: NodeJS.ProcessEnv } = {},
): Promise<Forked> {
  stage.stop.throwIfAborted()
  const child = fork(join(import.meta.dirname, file), [...args], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    execArgv: [...execArgv],
    env,
  })
  const kill = () => void child.kill('SIGKILL')
  stage.teardown(kill)
  const gone = once(child, 'exit').then(() => {
    throw new Error(`${file} has ended`)
  })
  gone.catch(() => {}) // it ends with the stage: only whoever waits for an answer wants to know
  const next = async (): Promise<unknown> => {
    const [message] = await Promise.race([once(child, 'message'), gone])
    return message
  }
  const first = await next()
  return {
    first,
    kill,
    pid: child.pid ?? -1,
    ask(message) {
      const answer = next()
      child.send(message)
      return answer
    },
  }
}
