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
  /** Whether it has ever computed something: if so, its end is an accident and not the rule. */
  readonly proven: boolean
  /** One at a time. Rejects with `Outage` if it takes too long, with another error if the process ends first. */
  compute(task: Task): Promise<Answer>
  /** Ends the process at once: it has nothing to lose. */
  kill(): void
}

/** Milliseconds. Even the dearest hash that may be imported takes a fraction of it. */
const longest = 30_000

/** It computes one task at a time, and each thread that ever did keeps a hash's memory: 60 MB less in each lane. */
const oneThread = { UV_THREADPOOL_SIZE: '1' }

/** Does not move for signals, from the beginning. */
const ignoreSignals = `--import=${new URL('../ignore-signals.ts', import.meta.url).href}`

/** A signal ended a lane: that says nothing of the next one. */
export class LaneKilled extends Error {}

/** Starts a lane. Its command line, which anybody may read, says the cost; passwords go through the IPC pipe only. */
export function startLane(cost: HashCost, onFlaw: (flaw: Unreadable) => void): Lane {
  const { memoryKiB, passes, parallelism } = cost
  const visible = JSON.stringify({ memoryKiB, passes, parallelism } satisfies HashCost)
  const child = fork(new URL('./lane.ts', import.meta.url), [visible], {
    serialization: 'advanced',
    execArgv: ['--disable-sigusr1', ignoreSignals], // no debugger; the parent's `--inspect` would want the parent's port
    env: { ...process.env, ...oneThread },
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'], // inherited, it would wait for slow readers again, for all
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
  child.on('error', end) // it could not be started, or a message not be sent
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

  /** A message to come. A lane that keeps silent is ended, and whoever waits must not try it again elsewhere. */
  function expect<T>(): PromiseWithResolvers<T> {
    const expected = Promise.withResolvers<T>()
    const timer = setTimeout(() => {
      expected.reject(new Outage('hashing', new Error(`a hash lane was silent for ${longest} ms`)))
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

/** The task as it goes through the pipe. The proof stays here: it is not the lane's business. */
function revealed(task: Task): LaneTask {
  const password = task.password.reveal()
  return 'against' in task ? { password, against: task.against } : { password }
}
