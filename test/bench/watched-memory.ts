import { memoryOf } from './process-tree.ts'

/** Memory over time. */
export interface WatchedMemory {
  /** Bytes that all the processes held together, each with the milliseconds since the beginning. */
  readonly samples: readonly (readonly [at: number, bytes: number])[]
  readonly stop: () => void
}

/** Looks at the memory of processes every so many milliseconds, until it is stopped. */
export function watchMemory(pids: readonly number[], every: number): WatchedMemory {
  const began = performance.now()
  const samples: (readonly [number, number])[] = []
  const look = () =>
    samples.push([performance.now() - began, pids.reduce((sum, pid) => sum + memoryOf(pid), 0)])
  look()
  const timer = setInterval(look, every)
  return {
    samples,
    stop() {
      clearInterval(timer)
      look()
    },
  }
}

/** How much higher the second half reaches than the first: 1 is flat. */
export function growthOf({ samples }: Pick<WatchedMemory, 'samples'>): number {
  const middle = Math.floor(samples.length / 2)
  const highest = (some: WatchedMemory['samples']) => Math.max(...some.map(([, bytes]) => bytes))
  return highest(samples.slice(middle)) / highest(samples.slice(0, middle))
}
