import type { TrafficLane } from '../gateway/ask.ts'
import type { Proof } from '../gateway/names.ts'
import { Outage } from '../gateway/outage.ts'
import type { Decoy, PasswordHash } from '../gateway/ports.ts'
import type { Secret } from '../gateway/secret.ts'
import type { Lane } from './lane-process.ts'

/** The tasks that wait for a lane, and the lanes that wait for a task. */
export interface Queue {
  /**
   * First come, first served; `busy` at once if too many wait. Load tests have a separate line of half the length, are
   * served after all other tasks, and never get the last lane of several. Throws `Outage`.
   */
  readonly compute: Compute
  /** Waiting tasks, without those of load tests. */
  readonly depth: number
  /** Whether there is any lane, idle or working. */
  readonly staffed: boolean
  enter(lane: Lane): void
  leave(lane: Lane): void
  /** Rejects with `Outage` all waiting tasks, and all new ones until the next lane enters. */
  refuse(cause: Error): void
}

interface Job {
  readonly task: Task
  readonly answer: PromiseWithResolvers<Answer>
  /** Its lane ended while computing it. If that happens twice, the task itself may be the cause. */
  unlucky: boolean
}

/** `limit`: tasks that may wait. `onDepth` is called whenever the depth may have changed. */
export function createQueue(limit: number, onDepth: (depth: number) => void): Queue {
  const lanes = new Set<Lane>()
  const idle: Lane[] = []
  const waiting: Record<TrafficLane, Job[]> = { production: [], 'load-test': [] }
  const places: Record<TrafficLane, number> = { production: limit, 'load-test': Math.floor(limit / 2) }
  let testing = 0 // lanes that work for load tests
  let refused: Error | undefined

  async function compute(task: Task): Promise<Answer | 'busy'> {
    if (refused !== undefined) throw new Outage('hashing', refused)
    const traffic = trafficOf(task)
    if (!hasLaneFor(traffic) && waiting[traffic].length >= places[traffic]) return 'busy'
    const job: Job = { task, answer: Promise.withResolvers(), unlucky: false }
    waiting[traffic].push(job)
    dispatch()
    return job.answer.promise
  }

  function hasLaneFor(traffic: TrafficLane): boolean {
    return idle.length > 0 && (traffic === 'production' || testing < Math.max(1, lanes.size - 1))
  }

  function dispatch(): void {
    for (const traffic of ['production', 'load-test'] as const) {
      while (hasLaneFor(traffic)) {
        const job = waiting[traffic].shift()
        const lane = job && idle.shift()
        if (job === undefined || lane === undefined) break
        void work(lane, job)
      }
    }
    onDepth(waiting.production.length)
  }

  async function work(lane: Lane, job: Job): Promise<void> {
    const tests = trafficOf(job.task) === 'load-test' ? 1 : 0
    testing += tests
    try {
      job.answer.resolve(await lane.compute(job.task))
      idle.push(lane)
    } catch (cause) {
      fail(job, cause)
    }
    testing -= tests
    dispatch()
  }

  /** The first time it returns to the head of the queue, even of a full one: it already had its place. */
  function fail(job: Job, cause: unknown): void {
    if (cause instanceof Outage) return job.answer.reject(cause)
    if (job.unlucky || refused !== undefined) return job.answer.reject(new Outage('hashing', cause))
    job.unlucky = true
    waiting[trafficOf(job.task)].unshift(job)
  }

  return {
    compute,
    get depth() {
      return waiting.production.length
    },
    get staffed() {
      return lanes.size > 0
    },
    enter(lane) {
      refused = undefined
      lanes.add(lane)
      idle.push(lane)
      dispatch()
    },
    leave(lane) {
      lanes.delete(lane)
      const place = idle.indexOf(lane)
      if (place !== -1) idle.splice(place, 1)
    },
    refuse(cause) {
      refused = cause
      for (const line of Object.values(waiting))
        for (const job of line.splice(0)) job.answer.reject(new Outage('hashing', cause))
      onDepth(0)
    },
  }
}

/** Only the page and commands make new hashes, never a load test. */
function trafficOf(task: Task): TrafficLane {
  return 'traffic' in task ? task.traffic : 'production'
}

/** One computation: a new hash, or a comparison. The password is a `Secret` until it is sent to the lane. */
export type Task = Making<Secret> | (Comparing<Secret> & Asked)

/** What the lane need not know. */
export interface Asked {
  readonly proof: Proof
  readonly traffic: TrafficLane
}

export interface Making<Password> {
  readonly password: Password
}

export interface Comparing<Password> {
  readonly password: Password
  readonly against: PasswordHash | Decoy
}

/** What was computed. */
export type Answer = { readonly made: PasswordHash } | { readonly compared: 'match' | 'mismatch' }

/** Computes a task somewhere else. `busy`: too many wait. Throws `Outage`. */
export type Compute = (task: Task) => Promise<Answer | 'busy'>
