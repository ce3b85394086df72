import type { ServerResponse } from 'node:http'
import type { Sender } from './sender.ts'

/** Milliseconds in which nothing is read from a connection that was told to come later. */
const restMs = 100

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
    socket.pause()
    setTimeout(() => socket.resume(), restMs)
  })
}
