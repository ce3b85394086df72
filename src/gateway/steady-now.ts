import type { Instant } from './names.ts'

/**
 * Milliseconds since 1970 by the system clock at the start of this process, and monotonic from there: setting the
 * system clock does not change it. Use it for what one process remembers; use `Date.now` for times that other processes
 * read, or that are a time of day.
 */
export function steadyNow(): Instant {
  return Math.round(start + performance.now())
}

/** Node computes it anew each time, and the time is asked for several times a request. */
const start = performance.timeOrigin

/** Milliseconds by which the system clock, which all processes share, is ahead of `steadyNow`. */
export function wallAhead(): number {
  return Date.now() - steadyNow()
}
