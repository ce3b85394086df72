/**
 * V8 options of a worker. Each has a figure in docs/performance.md; to see whether it still helps, take it out and run the
 * figure that is named here before and after: `npm run bench -- memory`.
 */
export const workerHeap: readonly string[] = [
  // What a request leaves behind is dead at its end. `memory`: 124 MB instead of 151 with V8's 16 MB, as fast.
  '--max-semi-space-size=4',
  // From the beginning. `proxied`: 64 µs a request instead of 70 while it grows.
  '--min-semi-space-size=4',
  // What a worker remembers lies outside of the heap or hardly changes. `memory`: 270 MB instead of 440.
  '--heap-growing-percent=10',
  // Code is optimised in the first half minute; threads beside it leave memory with malloc. `memory`: 186 MB instead of 206.
  '--no-concurrent-recompilation',
  // Pages that a collection has freed go back to the kernel after one second instead of eight. `memory`: 159 MB instead of 165.
  // Node 24 does not know it, and a later version may not: Node refuses to start with an option that it does not know.
  ...(Number.parseInt(process.versions.node, 10) === 26 ? ['--memory-pool-timeout=1'] : []),
  // For `bodyPassed`, which does nothing without. `big-pack`: 0.97 of nginx's pace instead of 0.46.
  '--expose-gc',
]

/** What glibc's malloc is told in the environment of a worker (mallopt(3)). */
export const workerMalloc = {
  // Else it keeps memory for each thread that ever asked for some. `memory`: 247 MB instead of 271.
  MALLOC_ARENA_MAX: '1',
  // Else it takes large allocations from its heap as well once a few were freed. Those do not go back to the kernel, and calloc has
  // to write zeros to them, which makes memory resident that is never used. `memory`: 166 MB instead of 172.
  MALLOC_MMAP_THRESHOLD_: '131072',
}

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

/** Of each `remembered` function. */
const mostRemembered = 1000
const longestRemembered = 256

/**
 * The same function with a memory of what it was asked last, for what every request asks again: names of headers, paths,
 * addresses. Invented texts cannot fill the memory.
 */
export function remembered<T extends {} | null>(judge: (text: string) => T): (text: string) => T {
  const known = new Map<string, T>()
  return text => {
    const before = known.get(text)
    if (before !== undefined) return before
    const found = judge(text)
    if (known.size >= mostRemembered) known.clear()
    if (text.length <= longestRemembered) known.set(text, found)
    return found
  }
}

/**
 * The bound of an `LRUCache` that grows as it is filled. With `max` the library takes the room of a full one at once: most
 * of ours are never full, and together they would be five megabytes in every worker (`memory`: 201 MB instead of 205).
 */
export function atMost(entries: number): {
  readonly maxSize: number
  readonly sizeCalculation: () => number
} {
  return { maxSize: entries, sizeCalculation: () => 1 }
}
