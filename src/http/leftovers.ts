/** Bytes of bodies between two collections: about what fits into a processor's own cache. */
const stride = 4 * 2 ** 20

let passed = 0

/**
 * Told how many bytes of a body have just gone by. Each read leaves a buffer of up to 64 KiB behind, of which V8's heap
 * holds a hundred bytes: left to itself V8 waits until there are many megabytes of them, and every read goes to memory
 * that the processor has long forgotten. Collected often, the same few buffers serve all reads, and half of the time is
 * saved. The count is the process's, because its heap is. `fleet.ts` gives workers a `gc`; other processes move no packs.
 */
export function bodyPassed(bytes: number): void {
  passed += bytes
  if (passed < stride) return
  passed = 0
  globalThis.gc?.({ type: 'minor', execution: 'sync' })
}
