import type { EventEmitter } from 'node:events'
import pg from 'pg'
import { createMessageOrder, type Message } from './message-order.ts'

/** Bytes that the server may send before it is done with a statement: an answer that never ends must not fill memory. */
const mostBytes = 512 * 1024 * 1024

interface Stream extends EventEmitter {
  destroy(error?: Error): void
  unref(): void
}

/** What of pg's connection is changed here; its own types leave it out. */
interface Wire extends EventEmitter {
  readonly stream: Stream
  attachListeners: (this: Wire, stream: Stream) => void
  query: (this: Wire, text: string) => void
  sync: (this: Wire) => void
  end: (this: Wire) => void
}

/**
 * What PostgreSQL sends must not end a process, nor be taken for the answer to something else. pg reads messages in the
 * events of its socket, where what they make it throw is caught by nothing, and believes them in any order. A connection
 * with such a message is ended, and what waits on it is told. pg would also leave open what it could not sign in on.
 */
export class ContainedClient extends pg.Client {
  constructor(config?: string | pg.ClientConfig) {
    super(config)
    const wire = this.connection as unknown as Wire
    const order = createMessageOrder()
    const { query, sync, end } = wire
    wire.query = text => {
      order.asked('at once')
      query.call(wire, text)
    }
    wire.sync = () => {
      order.asked('in parts')
      sync.call(wire)
    }
    wire.end = () => {
      // Where the network is cut the farewell is never answered, and a command that is done would not end.
      wire.stream.unref()
      end.call(wire)
    }
    wire.on('message', (message: Message) => order.heard(message))
    wire.on('error', () => wire.stream.destroy())
    let signedIn = false
    wire.on('errorMessage', () => signedIn || wire.stream.destroy())

    const attach = wire.attachListeners
    let sent = 0
    wire.on('readyForQuery', () => {
      signedIn = true
      sent = 0
    })
    wire.attachListeners = stream => {
      attach.call(wire, stream)
      const emit = stream.emit.bind(stream)
      stream.emit = (name, ...values) => {
        try {
          if (name === 'data') sent += (values[0] as Buffer).length // a socket's, without an encoding
          if (sent > mostBytes) throw new Error('PostgreSQL sent an answer without an end')
          return emit(name, ...values)
        } catch (error) {
          stream.destroy(error instanceof Error ? error : new Error(String(error)))
          return true
        }
      }
    }
  }
}
