import { Outage } from '../gateway/outage.ts'
import type { Lane } from './lane-process.ts'
import type { Answer, Compute, Task } from './task.ts'

/** The tasks that wait for a lane, and the lanes that wait for a task. */
export interface Queue {
  /** First come, first served; `busy` at once if too many wait. Throws `Outage`. */
  readonly compute: Compute
  /** How many tasks wait. */
  readonly depth: number
  /** Whether any lane is here, idle or at work. */
  readonly staffed: boolean
  enter(lane: Lane): void
  leave(lane: Lane): void
  /** Tells `Outage` to all who wait, and to all who come before the next lane enters. */
  refuse(cause: Error): void
}

interface Job {
  readonly task: Task
  readonly answer: PromiseWithResolvers<Answer>
  /** Its lane ended while it was computed: once is bad luck, twice and the task itself may be the reason. */
  unlucky: boolean
}

/** `limit`: how many may wait. `onDepth` is told how many do, whenever that may have changed. */
export function createQueue(limit: number, onDepth: (depth: number) => void): Queue {
  const lanes = new Set<Lane>()
  const idle: Lane[] = []
  const waiting: Job[] = []
  let refused: Error | undefined

  async function compute(task: Task): Promise<Answer | 'busy'> {
    if (refused !== undefined) throw new Outage('hashing', refused)
    if (idle.length === 0 && waiting.length >= limit) return 'busy'
    const job: Job = { task, answer: Promise.withResolvers(), unlucky: false }
    waiting.push(job)
    dispatch()
    return job.answer.promise
  }

  function dispatch(): void {
    for (;;) {
      const [lane] = idle
      const [job] = waiting
      if (lane === undefined || job === undefined) break
      idle.shift()
      waiting.shift()
      void work(lane, job)
    }
    onDepth(waiting.length)
  }

  async function work(lane: Lane, job: Job): Promise<void> {
    try {
      job.answer.resolve(await lane.compute(job.task))
      idle.push(lane)
    } catch (cause) {
      fail(job, cause)
    }
    dispatch()
  }

  /** Back to the head of the queue the first time, even a full one: it has had its place already. */
  function fail(job: Job, cause: unknown): void {
    if (cause instanceof Outage) return job.answer.reject(cause)
    if (job.unlucky || refused !== undefined) return job.answer.reject(new Outage('hashing', cause))
    job.unlucky = true
    waiting.unshift(job)
  }

  return {
    compute,
    get depth() {
      return waiting.length
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
      for (const job of waiting.splice(0)) job.answer.reject(new Outage('hashing', cause))
      onDepth(0)
    },
  }
}
