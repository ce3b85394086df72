import type { ChildProcess } from 'node:child_process'

/** Messages to and from one other process. The pipe may be shared, so each listener filters its own messages. */
export interface Channel {
  /** Never throws. If a message cannot be sent, the close follows. */
  send(message: object): void
  onMessage(handler: (message: unknown) => void): void
  /** The handler is called once, when the channel is closed; asynchronously if it already is. */
  onClose(handler: () => void): void
}

/** The IPC pipe to a child process (a cluster worker's is its `process`) or, given `process`, to the parent. */
export function ipcChannel(end: ChildProcess | NodeJS.Process): Channel {
  return {
    send(message) {
      // Without a callback, a broken pipe is an `error` event, which ends a process without a listener.
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

/** Whether a message has this tag. Only our own processes send messages, so the other fields are as declared. */
export function isTagged<Message extends { readonly tag: string }>(
  message: unknown,
  tag: Message['tag'],
): message is Message {
  return typeof message === 'object' && message !== null && 'tag' in message && message.tag === tag
}
