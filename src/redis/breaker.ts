import handling from 'ioredis/built/DataHandler.js'

/** Keeps callers away from a part that is not well: only the first few of them wait for it. */
interface Breaker {
  /** Whether to try now. While the part is not well: one caller in each pause. */
  allows(): boolean
  succeeded(): void
  failed(cause: unknown): void
}

interface BreakerOptions {
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

/** What of ioredis's reader of replies is changed here; its own types keep these private. */
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
 * What Redis sends must not end a process. ioredis throws past everybody what a reply makes it throw, for instance a
 * null that no command has asked for, and goes on with replies and commands that no longer belong together. Here such a
 * connection is dropped, its commands fail, and it is made anew.
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
    if (this.redis.commandQueue.length === 0) throw new Error('Redis sent a reply that nobody asked for')
    return shiftCommand.call(this, reply)
  }
}
