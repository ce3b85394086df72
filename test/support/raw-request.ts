import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { firstEvent } from './first-event.ts'

/** A connection whose every byte the test writes itself: for hostile requests, and for what libraries hide. */
export interface RawConnection {
  readonly socket: Socket
  /** A string's characters are bytes. */
  send(bytes: string): void
  /** Everything received so far, one character a byte. */
  received(): string
  /** Waits until what was received matches, or the peer has closed; gives all that was received. */
  until(pattern: RegExp): Promise<string>
  /** Waits until the peer has closed; gives all that was received. */
  closed(): Promise<string>
}

export async function rawConnection(port: number): Promise<RawConnection> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true })
  let text = ''
  let over = false
  socket.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')))
  // A reset ends the conversation as well; what was said before it counts.
  socket.on('error', () => {})
  socket.on('close', () => (over = true))
  await once(socket, 'connect')
  /** Waits for one of these events, but not for ever. */
  async function next(what: string, ...events: readonly string[]): Promise<void> {
    const { promise, reject } = Promise.withResolvers<never>()
    const failure = () =>
      reject(new Error(`not within 60 seconds: ${what}. Received so far: ${text.slice(-500)}`))
    const late = setTimeout(failure, 60_000)
    await Promise.race([promise, firstEvent(socket, ...events)]).finally(() => clearTimeout(late))
  }

  const connection: RawConnection = {
    socket,
    send: bytes => void socket.write(bytes, 'latin1'),
    received: () => text,
    async until(pattern) {
      while (!pattern.test(text) && !over) await next(String(pattern), 'data', 'close')
      return text
    },
    async closed() {
      while (!over) await next('the peer closes', 'close')
      return text
    },
  }
  return connection
}

/** Sends the bytes on a connection of their own and gives all that comes back until the peer closes. */
export async function rawRequest(port: number, bytes: string): Promise<string> {
  const connection = await rawConnection(port)
  connection.send(bytes)
  const answer = await connection.closed()
  connection.socket.destroy()
  return answer
}
