import type { ChildProcess } from 'node:child_process'

/** Messages to and from one other process. Others may use the same pipe: who listens looks for its own. */
export interface Channel {
  /** Never throws: a message that cannot be sent is followed by the close. */
  send(message: object): void
  onMessage(handler: (message: unknown) => void): void
  /** Called once, when no message comes any more; soon, if that is so already. */
  onClose(handler: () => void): void
}

/** The IPC pipe to a child process (a cluster worker's is its `process`) or, given `process`, to the parent. */
export function ipcChannel(end: ChildProcess | NodeJS.Process): Channel {
  return {
    send(message) {
      // Without a callback a broken pipe is an `error` event, and that ends a process that does not listen for it.
      end.send?.(message, undefined, undefined, () => {})
    },
    onMessage(handler) {
      end.on('message', handler)
    },
    onClose(handler) {
      if (end.connected) end.once('disconnect', handler)
      else setImmediate(handler)
    },
  }
}

/** Whether a message is of the kind that bears this tag. Whoever sends it is a process of ours: the rest is as declared. */
export function isTagged<Message extends { readonly tag: string }>(
  message: unknown,
  tag: Message['tag'],
): message is Message {
  return typeof message === 'object' && message !== null && 'tag' in message && message.tag === tag
}
