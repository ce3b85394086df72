import { setTimeout as sleep } from 'node:timers/promises'
import { Outage } from '../gateway/outage.ts'
import { isDecoy, type PasswordHasher } from '../gateway/ports.ts'
import type { HashCost, Unreadable } from './hash-string.ts'
import { createHasher } from './hasher.ts'
import { type Lane, LaneKilled, startLane } from './lane-process.ts'
import { type Answer, createQueue, type Queue, type Task } from './queue.ts'

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
  const crew = await startLanePool({ size: options.lanes, start, queue, onCrash })

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

/** The lanes that work on a queue, always the same number of them. */
interface LanePool {
  /** Resolves when no lane is left; whoever still waits in the queue is told `Outage`. */
  close(): Promise<void>
}

interface LanePoolOptions {
  readonly size: number
  readonly start: () => Lane
  readonly queue: Queue
  /** Told why a lane ended that nobody had asked to. */
  readonly onCrash: (cause: Error) => void
}

/** Resolves when every lane is ready. Throws `Outage` if one cannot start; then there is none. One that is killed is replaced. */
async function startLanePool({ size, start, queue, onCrash }: LanePoolOptions): Promise<LanePool> {
  const lanes = new Set<Lane>()
  const atWork = new Set<Lane>()
  const closing = new AbortController()
  const complete = Promise.withResolvers<void>()

  function spawnLane(): Lane {
    const lane = start()
    lanes.add(lane)
    lane.ready.then(
      () => {
        if (closing.signal.aborted) return
        queue.enter(lane)
        atWork.add(lane)
        if (atWork.size === size) complete.resolve()
      },
      cause => {
        if (!(cause instanceof LaneKilled)) complete.reject(cause) // else `gone` tells the same
      },
    )
    return lane
  }

  /** Keeps one place filled until the crew is closed. */
  async function keep(first: Lane): Promise<void> {
    let lane = first
    let crashes = 0 // in a row
    for (;;) {
      const cause = await lane.gone
      lanes.delete(lane)
      atWork.delete(lane)
      queue.leave(lane)
      if (closing.signal.aborted) return
      onCrash(cause)
      crashes = lane.proven ? 1 : crashes + 1
      // The first is replaced before anybody notices. If the next one ends too, nobody should wait for a third.
      if (crashes > 1 && !queue.staffed) queue.refuse(cause)
      await pause(crashes)
      if (closing.signal.aborted) return
      lane = spawnLane()
    }
  }

  /** None at first, then 100, 200, 400 ... milliseconds, up to five seconds. */
  async function pause(crashes: number): Promise<void> {
    const milliseconds = crashes < 2 ? 0 : Math.min(5000, 25 * 2 ** crashes)
    await sleep(milliseconds, undefined, { signal: closing.signal }).catch(() => {})
  }

  async function close(): Promise<void> {
    closing.abort()
    queue.refuse(new Error('the hash lanes are closed'))
    for (const lane of lanes) lane.kill()
    await Promise.all(places)
  }

  const first = Array.from({ length: size }, spawnLane)
  const places = first.map(keep)
  try {
    await complete.promise
  } catch (cause) {
    await close()
    throw cause instanceof Outage ? cause : new Outage('hashing', cause)
  }
  return { close }
}
