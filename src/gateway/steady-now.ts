import type { Instant } from './names.ts'

/**
 * Milliseconds since 1970 by the machine's clock as it was when this process began, and steady from there: it goes on
 * when the machine's clock is set. For what one process remembers. What others read, or what ends at a time of day, is
 * by `Date.now`.
 */
export function steadyNow(): Instant {
  return Math.round(performance.timeOrigin + performance.now())
}

/** Milliseconds by which the machine's clock, which all processes share, is ahead of `steadyNow` now. */
export function wallAhead(): number {
  return Date.now() - steadyNow()
}
