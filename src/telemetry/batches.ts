import { setImmediate } from 'node:timers/promises'
import { Outage } from '../gateway/outage.ts'

export interface BatchesOptions<T> {
  /** Puts a value into what is not written yet, where there may be one for the same key. */
  readonly put: (batch: Map<string, T>, key: string, value: T) => void
  /** Throws `Outage`; whatever else it throws is a bug. Called with no values as well, when there are none. */
  readonly write: (values: readonly T[]) => Promise<void>
  /** Told when the store could not be written; the values are kept for the next time. */
  readonly outage: (outage: Outage) => void
}

/**
 * Values that are collected in memory and written once a minute, because a build server opens an account a hundred times a
 * second. A full batch is written sooner.
 */
export interface Batches<T> {
  /** The value for this key that is not written yet. */
  get(key: string): T | undefined
  add(key: string, value: T): void
  /** Writes what is still in memory. Rejects only for a bug. */
  close(): Promise<void>
}

/** Milliseconds between two looks at the batch, which is written if it is full. */
const pause = 5_000

/** Looks until it is written in any case. */
const looksPerWrite = 12

/**
 * Keys of a full batch. It takes no new ones until it is written, even if one user has filled it. With 10,000 keys, a worker takes 6 MB
 * more. Dropping the oldest for each new one would let every use grow old in a busy worker (ADR 0125).
 */
const most = 2500

/** Values of one write: SQLite blocks the event loop for 3 ms with each hundred. */
const perWrite = 250

export function createBatches<T>({ put, write, outage }: BatchesOptions<T>): Batches<T> {
  let batch = new Map<string, T>()
  let last = Promise.resolve()
  let queued: Promise<void> | undefined
  let looks = 0

  function add(key: string, value: T): void {
    if (batch.size < most || batch.has(key)) put(batch, key, value)
  }

  async function writeBatch(): Promise<void> {
    const entries = [...batch]
    batch = new Map()
    let at = 0
    try {
      do {
        await write(entries.slice(at, at + perWrite).map(([, value]) => value))
        at += perWrite
        await setImmediate()
      } while (at < entries.length)
    } catch (error) {
      const isOutage = error instanceof Outage
      const since = batch
      // The group that failed comes last: the store may never take one of its values. What met a bug is dropped, as it would again.
      const failed = isOutage ? entries.slice(at, at + perWrite) : []
      batch = new Map([...entries.slice(at + perWrite), ...failed])
      for (const [key, value] of since) add(key, value)
      if (!isOutage) throw error
      outage(error)
    }
  }

  /** One write at a time, and one that waits for it: a store that hangs must not collect more of them. */
  function writeSoon(): Promise<void> {
    if (queued !== undefined) return queued
    const next = last.then(() => {
      queued = undefined
      return writeBatch()
    })
    queued = next
    last = next.catch(() => {}) // the caller sees the bug, and the next write is tried all the same
    return next
  }

  /** Not awaited: a bug is an unhandled rejection, and reported as such. */
  async function look(): Promise<void> {
    looks += 1
    if (looks % looksPerWrite === 0 || batch.size >= most) await writeSoon()
  }

  const timer = setInterval(look, pause)
  return {
    get: key => batch.get(key),
    add,
    async close() {
      clearInterval(timer)
      await writeSoon()
    },
  }
}
