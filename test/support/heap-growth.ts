import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

// Switched on here, because the tests' runner starts files without it.
setFlagsFromString('--expose-gc')
/** Collects all garbage. */
export const collect = runInNewContext('gc') as () => void // what the flag adds

/** Bytes of the heap that are still held when `work` is done, apart from garbage. */
export async function heapGrowth(work: () => unknown): Promise<number> {
  collect()
  const before = process.memoryUsage().heapUsed
  await work()
  collect()
  return process.memoryUsage().heapUsed - before
}
