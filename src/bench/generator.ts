import { monitorEventLoopDelay, performance } from 'node:perf_hooks'

/**
 * Whether this process could do what was asked of it. A load generator that was late itself measures itself, and blames
 * the target.
 */
export interface GeneratorHealth {
  /** How late the event loop was, in milliseconds. */
  readonly loopDelayMs: { readonly p50: number; readonly p99: number; readonly max: number }
  /** How much of the time it had something to do: 0 to 1. */
  readonly utilization: number
  /** True: believe the numbers only after a run with more machines or a lower rate. */
  readonly bottleneck: boolean
}

/** Above that, waiting in this process is a part of what was measured. */
const limits = { loopDelayP99Ms: 20, utilization: 0.9 }

/** Milliseconds between two looks; the delay that is measured contains them. */
const resolution = 10

/** Watches the event loop. */
export interface GeneratorWatch {
  /** Forgets what was before: compiling and connecting is no part of the test. */
  restart(): void
  /** Since the last start; it watches no longer. */
  stop(): GeneratorHealth
}

export function watchGenerator(): GeneratorWatch {
  const delay = monitorEventLoopDelay({ resolution })
  delay.enable()
  let since = performance.eventLoopUtilization()
  /** Whole microseconds. Without a single look there are no percentiles. */
  const lateAt = (percentile: number) => {
    const microseconds = delay.count === 0 ? 0 : Math.round(delay.percentile(percentile) / 1000)
    return Math.max(0, microseconds - resolution * 1000) / 1000
  }
  return {
    restart() {
      delay.reset()
      since = performance.eventLoopUtilization()
    },
    stop() {
      delay.disable()
      const { utilization } = performance.eventLoopUtilization(since)
      const loopDelayMs = { p50: lateAt(50), p99: lateAt(99), max: lateAt(100) }
      return { loopDelayMs, utilization, bottleneck: isBottleneck(loopDelayMs.p99, utilization) }
    },
  }
}

/** `utilization`: 0 to 1. */
export function isBottleneck(loopDelayP99Ms: number, utilization: number): boolean {
  return loopDelayP99Ms > limits.loopDelayP99Ms || utilization > limits.utilization
}
