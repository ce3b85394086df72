import { type EventEmitter, once } from 'node:events'

/** Waits for the first of these events. `once` alone would go on listening to the others, once more with each wait. */
export async function firstEvent(emitter: EventEmitter, ...names: readonly string[]): Promise<void> {
  const over = new AbortController()
  try {
    await Promise.race(names.map(name => once(emitter, name, { signal: over.signal })))
  } finally {
    over.abort()
  }
}
