import type { ServerResponse } from 'node:http'

/** Milliseconds in which nothing is read from a connection that was told to come later. */
const restMs = 100

/**
 * The answer leaves at once; the next request on its connection is looked at a moment later. Refusing costs little, but
 * somebody who guesses as fast as he is refused would take the time of everybody else. Not for connections of proxies:
 * those carry other people's requests, too.
 */
export function restAfter(response: ServerResponse): void {
  response.once('finish', () => {
    const { socket } = response.req
    socket.pause()
    setTimeout(() => socket.resume(), restMs)
  })
}
