import type { EventEmitter } from 'node:events'
import pg from 'pg'

/** Bytes that the server may send before it is done with a statement: an answer that never ends must not fill memory. */
const mostBytes = 512 * 1024 * 1024

/** What of pg's connection is changed here; its own types leave it out. */
interface Wire extends EventEmitter {
  attachListeners: (this: Wire, stream: EventEmitter & { destroy(error: Error): void }) => void
}

/**
 * What PostgreSQL sends must not end a process. pg reads messages in the events of its socket, where whatever they make
 * it throw is caught by nobody. Here such a connection is ended, and whoever waits on it is told.
 */
export class ContainedClient extends pg.Client {
  constructor(config?: string | pg.ClientConfig) {
    super(config)
    const wire = this.connection as unknown as Wire
    const attach = wire.attachListeners
    let sent = 0
    wire.on('readyForQuery', () => (sent = 0))
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
