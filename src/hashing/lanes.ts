import { isDecoy, type PasswordHasher } from '../gateway/ports.ts'
import type { HashCost } from './cost.ts'
import { startCrew } from './crew.ts'
import type { Unreadable } from './hash-string.ts'
import { createHasher } from './hasher.ts'
import { startLane } from './lane-process.ts'
import { createQueue } from './queue.ts'
import type { Answer, Task } from './task.ts'

/** The hashing of one machine, in child processes of this one. */
export interface Lanes extends PasswordHasher {
  /** How many computations wait for a lane. */
  readonly depth: number
  /** Ends every child process; whoever still waits is told `Outage`. */
  close(): Promise<void>
}

export interface LanesOptions {
  /** How many child processes: one for each core that may be busy with hashing. */
  readonly lanes: number
  /** How many computations may wait; callers beyond are told `busy`. */
  readonly queueLimit: number
  readonly cost: HashCost
  /** Told once for every hash that was really computed, however many callers share it. */
  readonly onHash: (result: HashResult) => void
  /** Told how many wait, whenever that may have changed. */
  readonly onQueue: (depth: number) => void
  /** Told why a lane ended that nobody had asked to; it is replaced. */
  readonly onCrash: (cause: Error) => void
  /** Told of every stored hash that cannot be read: somebody cannot get in until it is set again. */
  readonly onFlaw: (flaw: Unreadable) => void
}

/** The label of `altgate_password_hashes_total`. */
export type HashResult = 'match' | 'mismatch' | 'decoy' | 'made'

/**
 * Milliseconds. Of a thousand equal callers at two workers, the second may have read its own when the first worker's have
 * their answer already.
 */
const late = 1000

/**
 * Hashes in child processes of low priority: in this process's own threads, guesses would make DNS, files and
 * everybody else wait. Resolves when all lanes are ready; throws `Outage` if one cannot start.
 */
export async function startLanes(options: LanesOptions): Promise<Lanes> {
  const { cost, onHash, onQueue, onCrash, onFlaw } = options
  const queue = createQueue(options.queueLimit, onQueue)
  const start = () => startLane(cost, onFlaw)
  const crew = await startCrew({ size: options.lanes, start, queue, onCrash })

  const hasher = createHasher(
    async task => {
      const answer = await queue.compute(task)
      if (answer !== 'busy') onHash(resultOf(task, answer))
      return answer
    },
    cost,
    late,
  )

  return {
    ...hasher,
    get depth() {
      return queue.depth
    },
    close: () => crew.close(),
  }
}

function resultOf(task: Task, answer: Answer): HashResult {
  if ('made' in answer) return 'made'
  return 'against' in task && isDecoy(task.against) ? 'decoy' : answer.compared
}
