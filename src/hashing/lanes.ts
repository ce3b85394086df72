import { setTimeout as sleep } from 'node:timers/promises'
import { Outage } from '../gateway/outage.ts'
import { isDecoy, type PasswordHasher } from '../gateway/ports.ts'
import type { HashCost, Unreadable } from './hash-string.ts'
import { createHasher } from './hasher.ts'
import { type Lane, LaneKilled, startLane } from './lane-process.ts'
import { type Answer, createQueue, type Queue, type Task } from './queue.ts'

/** The hashing of one machine, in child processes of this one. */
export interface Lanes extends PasswordHasher {
  /** Computations that wait for a lane. */
  readonly depth: number
  /** Ends every child process; pending computations reject with `Outage`. */
  close(): Promise<void>
}

export interface LanesOptions {
  /** Number of child processes: one for each core that hashing may use. */
  readonly lanes: number
  /** Computations that may wait; further ones get `busy`. */
  readonly queueLimit: number
  readonly cost: HashCost
  /** Called once for every hash that was actually computed, however many callers share it. */
  readonly onHash: (result: HashResult) => void
  /** Called with the number of waiting computations, whenever it may have changed. */
  readonly onQueue: (depth: number) => void
  /** Called when a lane ends unexpectedly; it is replaced. */
  readonly onCrash: (cause: Error) => void
  /** Called for every stored hash that cannot be read: its user cannot sign in until the password is set again. */
  readonly onFlaw: (flaw: Unreadable) => void
}

/** The label of `altgate_password_hashes_total`. */
export type HashResult = 'match' | 'mismatch' | 'decoy' | 'made'

/**
 * Milliseconds. Of a thousand equal requests at two workers, the second worker may ask only after the first has its
 * answer.
 */
const late = 1000

/**
 * Hashes in child processes of low priority: in this process's own threads, guesses would delay DNS, files and all other
 * requests. Resolves when all lanes are ready; throws `Outage` if one cannot start.
 */
export async function startLanes(options: LanesOptions): Promise<Lanes> {
  const { cost, onHash, onQueue, onCrash, onFlaw } = options
  const queue = createQueue(options.queueLimit, onQueue)
  const start = () => startLane(cost, onFlaw)
  const pool = await startLanePool({ size: options.lanes, start, queue, onCrash })

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
    close: () => pool.close(),
  }
}

function resultOf(task: Task, answer: Answer): HashResult {
  if ('made' in answer) return 'made'
  return 'against' in task && isDecoy(task.against) ? 'decoy' : answer.compared
}

/** The lanes that serve a queue; their number is kept constant. */
interface LanePool {
  /** Resolves when no lane is left; tasks in the queue reject with `Outage`. */
  close(): Promise<void>
}

interface LanePoolOptions {
  readonly size: number
  readonly start: () => Lane
  readonly queue: Queue
  /** Called when a lane ends unexpectedly. */
  readonly onCrash: (cause: Error) => void
}

/** Resolves when every lane is ready. Throws `Outage` if one cannot start, and then ends all. A killed lane is replaced. */
async function startLanePool({ size, start, queue, onCrash }: LanePoolOptions): Promise<LanePool> {
  const lanes = new Set<Lane>()
  const working = new Set<Lane>()
  const closing = new AbortController()
  const complete = Promise.withResolvers<void>()

  function spawnLane(): Lane {
    const lane = start()
    lanes.add(lane)
    lane.ready.then(
      () => {
        if (closing.signal.aborted) return
        queue.enter(lane)
        working.add(lane)
        if (working.size === size) complete.resolve()
      },
      cause => {
        if (!(cause instanceof LaneKilled)) complete.reject(cause) // else `gone` handles it
      },
    )
    return lane
  }

  /** Replaces one lane whenever it ends, until the pool is closed. */
  async function keep(first: Lane): Promise<void> {
    let lane = first
    let crashes = 0 // in a row
    for (;;) {
      const cause = await lane.gone
      lanes.delete(lane)
      working.delete(lane)
      queue.leave(lane)
      if (closing.signal.aborted) return
      onCrash(cause)
      crashes = lane.proven ? 1 : crashes + 1
      // A first crash is repaired unnoticed. If the next lane ends as well, requests must not wait for a third.
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
