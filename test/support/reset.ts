import type { Socket } from 'node:net'

/**
 * Resets a connection (RST). One that is already ending is destroyed instead: libuv refuses to reset it while the FIN is pending, Node
 * ignores that, never closes the socket, and the process cannot exit.
 */
export function reset(socket: Socket): void {
  if (socket.writableEnded) socket.destroy()
  else socket.resetAndDestroy()
}
