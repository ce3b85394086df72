import handling from 'ioredis/built/DataHandler.js'

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
