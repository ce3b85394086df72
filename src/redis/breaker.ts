import handling from 'ioredis/built/DataHandler.js'

/** Circuit breaker: while a part is unhealthy only the first few callers wait for it. */
interface Breaker {
  /** Whether to try now. While the part is unhealthy: one caller in each pause. */
  allows(): boolean
  succeeded(): void
  failed(cause: unknown): void
}

interface BreakerOptions {
  /** Called when the part becomes unhealthy; not again until it has recovered. */
  readonly opened: (cause: unknown) => void
  /** Milliseconds of a clock that never steps back. */
  readonly now?: () => number
}

/** Failures in a row that open the breaker. */
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

/** The parts of ioredis's reply reader that are replaced here; its own types keep them private. */
interface Reader {
  readonly redis: {
    readonly stream: { destroy(): void }
    readonly commandQueue: { readonly length: number }
  }
  dispatch: (this: Reader, hand: () => void) => void
  shiftCommand: (this: Reader, reply: unknown) => unknown
  returnFatalError: (this: Reader, error: Error) => void
}

/**
 * Nothing that Redis sends may end a process. When a reply makes ioredis throw, for instance a null that answers no
 * command, no handler catches it, and later replies are matched with the wrong commands. Here such a connection is
 * dropped and made again, and its commands fail.
 */
export function containReplies(): void {
  const reader = handling.default.prototype as unknown as Reader
  const { shiftCommand } = reader

  reader.dispatch = function dispatch(hand) {
    try {
      hand()
    } catch (error) {
      this.returnFatalError(error instanceof Error ? error : new Error(String(error)))
      this.redis.stream.destroy()
    }
  }
  reader.shiftCommand = function shift(reply) {
    if (this.redis.commandQueue.length === 0) throw new Error('Redis sent a reply to no command')
    return shiftCommand.call(this, reply)
  }
}
