/** Keeps callers away from a part that is not well: only the first few of them wait for it. */
export interface Breaker {
  /** Whether to try now. While the part is not well: one caller in each pause. */
  allows(): boolean
  succeeded(): void
  failed(cause: unknown): void
}

export interface BreakerOptions {
  /** Told when the part stops being well; not again before it has been well. */
  readonly opened: (cause: unknown) => void
  /** Milliseconds of a clock that never steps back. */
  readonly now?: () => number
}

/** So many failures in a row, and callers are kept away. */
const failures = 5
/** Milliseconds between two trials. */
const pause = 250

export function createBreaker({ opened, now = () => performance.now() }: BreakerOptions): Breaker {
  let inRow = 0
  let nextTrial = 0

  return {
    allows() {
      if (inRow < failures) return true
      if (now() < nextTrial) return false
      nextTrial = now() + pause
      return true
    },
    succeeded() {
      inRow = 0
    },
    failed(cause) {
      inRow += 1
      if (inRow >= failures) nextTrial = now() + pause
      if (inRow === failures) opened(cause)
    },
  }
}
