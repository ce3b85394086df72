import { fork } from 'node:child_process'
import { Outage } from '../gateway/outage.ts'
import type { HashCost, Unreadable } from './hash-string.ts'
import type { LaneMessage, LaneTask } from './lane.ts'
import type { Answer, Task } from './queue.ts'

/** One child process that hashes, seen from its parent. */
export interface Lane {
  /** Rejects if the process ends first or takes too long. */
  readonly ready: Promise<void>
  /** Why the process ended, once it has. */
  readonly gone: Promise<Error>
  /** Whether it has ever computed something: if not, lanes cannot work here at all. */
  readonly proven: boolean
  /** One at a time. Rejects with `Outage` if it takes too long, with another error if the process ends first. */
  compute(task: Task): Promise<Answer>
  /** Ends the process at once: it has no state to save. */
  kill(): void
}

/** Milliseconds. Even the most expensive hash that may be imported takes a fraction of it. */
const longest = 30_000

/** A lane computes one task at a time, but each thread that has computed one keeps its memory: saves 60 MB per lane. */
const oneThread = { UV_THREADPOOL_SIZE: '1' }

/** Ignores signals from the start of the process. */
const ignoreSignals = `--import=${new URL('../ignore-signals.ts', import.meta.url).href}`

/** A signal ended the lane, which says nothing about the next one. */
export class LaneKilled extends Error {}

/** Starts a lane. All users of the machine can read its command line, so passwords go only through the IPC pipe. */
export function startLane(cost: HashCost, onFlaw: (flaw: Unreadable) => void): Lane {
  const { memoryKiB, passes, parallelism } = cost
  const visible = JSON.stringify({ memoryKiB, passes, parallelism } satisfies HashCost)
  const child = fork(new URL('./lane.ts', import.meta.url), [visible], {
    serialization: 'advanced',
    execArgv: ['--disable-sigusr1', ignoreSignals], // no debugger; the parent's `--inspect` would want the parent's port
    env: { ...process.env, ...oneThread },
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'], // if inherited, a slow reader of stderr would block the lane
  })
  child.stderr?.on('data', chunk => process.stderr.write(chunk))
  const gone = Promise.withResolvers<Error>()
  const ready = expect<void>()
  let answer: PromiseWithResolvers<Answer> | undefined
  let proven = false

  child.on('message', (message: LaneMessage) => {
    if ('flawed' in message) onFlaw(message.flawed)
    else if ('ready' in message) ready.resolve()
    else finish(message)
  })
  child.on('error', end) // it could not be started, or a message could not be sent
  child.on('exit', (code, signal) => {
    const what = `a hash lane ended with ${signal ?? `code ${code}`}`
    end(signal === null ? new Error(what) : new LaneKilled(what))
  })

  function finish(message: Answer): void {
    proven = true
    answer?.resolve(message)
  }

  function end(cause: Error): void {
    kill()
    ready.reject(cause)
    answer?.reject(cause)
    gone.resolve(cause)
  }

  function kill(): void {
    child.kill('SIGKILL')
  }

  /** The next message. A silent lane is ended, and its task must not be tried again in another lane. */
  function expect<T>(): PromiseWithResolvers<T> {
    const expected = Promise.withResolvers<T>()
    const timer = setTimeout(() => {
      expected.reject(new Outage('hashing', new Error(`a hash lane did not respond for ${longest} ms`)))
      kill()
    }, longest)
    const stop = () => clearTimeout(timer)
    expected.promise.then(stop, stop)
    return expected
  }

  return {
    ready: ready.promise,
    gone: gone.promise,
    get proven() {
      return proven
    },
    compute(task) {
      answer = expect()
      child.send(revealed(task))
      return answer.promise
    },
    kill,
  }
}

/** The task as sent to the lane, which does not need the proof. */
function revealed(task: Task): LaneTask {
  const password = task.password.reveal()
  return 'against' in task ? { password, against: task.against } : { password }
}
