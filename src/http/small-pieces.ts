import type { Socket } from 'node:net'
import { restLeft } from './rest.ts'

/** Pieces of bodies after which the connection that brought the last one waits for its next turn. */
const stride = 1000

let passed = 0

const waiting = new WeakSet<Socket>()

/**
 * Told that a piece of a body has come on a connection. One read brings 64 KiB, and as long as there is more it is read
 * on, 2 MB in one turn of the event loop. In chunks of one byte those are 350,000 pieces: seconds in which no other
 * connection is served. So nothing more is read after every so many pieces, whoever sent the others, until the next turn.
 */
export function pieceCame(socket: Socket): void {
  if (++passed < stride) return
  passed = 0
  if (waiting.has(socket)) return
  waiting.add(socket)
  // Node resumes a socket whenever a body is read.
  socket.on('resume', pause)
  socket.pause()
  setImmediate(goOn, socket)
}

function goOn(socket: Socket): void {
  waiting.delete(socket)
  socket.off('resume', pause)
  if (restLeft(socket) === 0) socket.resume()
}

function pause(this: Socket): void {
  this.pause()
}
