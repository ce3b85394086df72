import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Sender } from './sender.ts'

/** Milliseconds in which nothing is read from a connection that was told to come later. */
const restMs = 100

/** Until when connections rest. */
const resting = new WeakMap<Socket, number>()

/**
 * Whether a connection is one caller's own. A proxy's carries other people's requests, too, and a load test would
 * measure its own rest.
 */
export function mayRest({ trusted, lane }: Sender): boolean {
  return !trusted && lane === 'production'
}

/**
 * The answer leaves at once; the next request on its connection is looked at a moment later. Refusing costs little, but
 * somebody who guesses as fast as he is refused would take the time of everybody else.
 */
export function restAfter(response: ServerResponse): void {
  response.once('finish', () => {
    const { socket } = response.req
    resting.set(socket, performance.now() + restMs)
    socket.pause()
    setTimeout(() => socket.resume(), restMs)
  })
}

/** Milliseconds for which the connection still rests: requests that it sent ahead are not begun either. */
export function restLeft(socket: Socket): number {
  return Math.max(0, (resting.get(socket) ?? 0) - performance.now())
}
