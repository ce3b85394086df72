/**
 * V8 options of a worker. The garbage of a request is dead when the request ends, and what a worker remembers lies
 * outside the heap or hardly changes: a larger heap would waste a hundred megabytes per worker. Code is optimised on the
 * main thread, in the first half minute; compiler threads would leave twenty megabytes in malloc's arenas. The garbage
 * of bodies is collected as they pass, for which `bodyPassed` needs `gc`.
 */
export const workerHeap: readonly string[] = [
  '--min-semi-space-size=4',
  '--max-semi-space-size=4',
  '--heap-growing-percent=10',
  '--no-concurrent-recompilation',
  '--expose-gc',
]

/** glibc keeps an arena for each thread that ever allocated: twenty megabytes per worker, for no gain. */
export const oneArena = { MALLOC_ARENA_MAX: '1' }

/** Bytes of bodies between two collections: about what fits into a processor cache. */
const bytesBetweenCollections = 4 * 2 ** 20

let bytesPassed = 0

/**
 * Counts bytes of a body that have passed. Each read leaves a buffer of up to 64 KiB behind, of which V8's heap sees a
 * hundred bytes: by default V8 waits until there are many megabytes of them, and every read goes to memory that is no
 * longer in the processor cache. With frequent collections the same few buffers serve all reads, which saves half of the
 * time. The count is per process, as the heap is. `workerHeap` gives workers a `gc`; other processes move no packs.
 */
export function bodyPassed(bytes: number): void {
  bytesPassed += bytes
  if (bytesPassed < bytesBetweenCollections) return
  bytesPassed = 0
  globalThis.gc?.({ type: 'minor', execution: 'sync' })
}

/**
 * The bound of an `LRUCache` that grows as it fills. With `max`, the library allocates a full cache at once. Most of ours
 * are never full, and together would cost five megabytes in every worker.
 */
export function atMost(entries: number): {
  readonly maxSize: number
  readonly sizeCalculation: () => number
} {
  return { maxSize: entries, sizeCalculation: () => 1 }
}
