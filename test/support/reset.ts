import type { Socket } from 'node:net'

/**
 * Resets a connection (RST). If its end is being sent at that moment, Node never closes the socket, and its process does not end any more:
 * libuv refuses the reset, and Node takes no notice. So such a connection ends as it is about to.
 */
export function reset(socket: Socket): void {
  if (socket.writableEnded) socket.destroy()
  else socket.resetAndDestroy()
}
