/**
 * V8 options of a worker. What a request leaves behind is dead at its end, and what a worker remembers are bytes outside of the heap,
 * or hardly change: more room for either would be memory that nobody uses, a hundred megabytes in each worker. Code is
 * optimised where it runs, in the first half minute; threads beside it would leave twenty megabytes in malloc's hands.
 * What bodies leave behind is collected at their own pace, for which `bodyPassed` needs `gc`.
 */
export const workerHeap: readonly string[] = [
  '--min-semi-space-size=4',
  '--max-semi-space-size=4',
  '--heap-growing-percent=10',
  '--no-concurrent-recompilation',
  '--expose-gc',
]

/** glibc keeps memory for each thread that ever asked for some: twenty megabytes in each worker, for no gain. */
export const oneArena = { MALLOC_ARENA_MAX: '1' }

/** Bytes of bodies between two collections: about what fits into a processor's own cache. */
const bytesBetweenCollections = 4 * 2 ** 20

let bytesPassed = 0

/**
 * Told how many bytes of a body have just gone by. Each read leaves a buffer of up to 64 KiB behind, of which V8's heap
 * holds a hundred bytes: left to itself V8 waits until there are many megabytes of them, and every read goes to memory
 * that the processor has long forgotten. Collected often, the same few buffers serve all reads, and half of the time is
 * saved. The count is the process's, because its heap is. `workerHeap` gives workers a `gc`; other processes move no packs.
 */
export function bodyPassed(bytes: number): void {
  bytesPassed += bytes
  if (bytesPassed < bytesBetweenCollections) return
  bytesPassed = 0
  globalThis.gc?.({ type: 'minor', execution: 'sync' })
}

/**
 * The bound of an `LRUCache` that grows as it is filled. With `max` the library takes the room of a full one at once: most
 * of ours are never full, and together they would be five megabytes in every worker.
 */
export function atMost(entries: number): {
  readonly maxSize: number
  readonly sizeCalculation: () => number
} {
  return { maxSize: entries, sizeCalculation: () => 1 }
}
