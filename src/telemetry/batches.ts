import { Outage } from '../gateway/outage.ts'

export interface BatchesOptions<T> {
  /** Puts a value into what is not written yet, where there may be one for the same key. */
  readonly put: (batch: Map<string, T>, key: string, value: T) => void
  /** Throws `Outage`. */
  readonly write: (values: readonly T[]) => Promise<void>
  /** Told when the store could not be written; the values are kept for the next time. */
  readonly outage: (outage: Outage) => void
}

/** Values that are collected in memory and written once a minute: a build server opens an account a hundred times a second. */
export interface Batches<T> {
  /** The value for this key that is not written yet. */
  get(key: string): T | undefined
  add(key: string, value: T): void
  /** Writes what is still in memory. */
  close(): Promise<void>
}

/** Milliseconds between two writes. */
const pause = 60_000

/** Most values that are kept between two writes; beyond that the oldest is dropped. */
const most = 10_000

export function createBatches<T>({ put, write, outage }: BatchesOptions<T>): Batches<T> {
  let batch = new Map<string, T>()
  let writing = Promise.resolve()

  function add(key: string, value: T): void {
    put(batch, key, value)
    if (batch.size <= most) return
    const [oldest] = batch.keys()
    if (oldest !== undefined) batch.delete(oldest)
  }

  async function writeBatch(): Promise<void> {
    const written = batch
    batch = new Map()
    try {
      await write([...written.values()])
    } catch (error) {
      if (!(error instanceof Outage)) throw error
      outage(error)
      const since = batch
      batch = written
      for (const [key, value] of since) add(key, value)
    }
  }

  /** One write at a time: a store that hangs must not collect more of them. */
  function writeSoon(): Promise<void> {
    writing = writing.then(writeBatch)
    return writing
  }

  const timer = setInterval(() => void writeSoon(), pause)
  return {
    get: key => batch.get(key),
    add,
    async close() {
      clearInterval(timer)
      await writeSoon()
    },
  }
}
