import { setTimeout as sleep } from 'node:timers/promises'
import { Outage } from '../gateway/outage.ts'
import { type Lane, LaneKilled } from './lane-process.ts'
import type { Queue } from './queue.ts'

/** The lanes that work on a queue, always the same number of them. */
export interface Crew {
  /** Resolves when no lane is left; whoever still waits in the queue is told `Outage`. */
  close(): Promise<void>
}

export interface CrewOptions {
  readonly size: number
  readonly start: () => Lane
  readonly queue: Queue
  /** Told why a lane ended that nobody had asked to. */
  readonly onCrash: (cause: Error) => void
}

/** Resolves when every lane is ready. Throws `Outage` if one cannot start; then there is none. One that is killed is replaced. */
export async function startCrew({ size, start, queue, onCrash }: CrewOptions): Promise<Crew> {
  const lanes = new Set<Lane>()
  const atWork = new Set<Lane>()
  const closing = new AbortController()
  const complete = Promise.withResolvers<void>()

  function hire(): Lane {
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
      lane = hire()
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

  const first = Array.from({ length: size }, hire)
  const places = first.map(keep)
  try {
    await complete.promise
  } catch (cause) {
    await close()
    throw cause instanceof Outage ? cause : new Outage('hashing', cause)
  }
  return { close }
}
