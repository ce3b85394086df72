import { once } from 'node:events'
import { connect, type Socket } from 'node:net'

/** What became of requests that were sent at one moment. */
export interface AtOnce {
  /** Until the last of them was answered. */
  readonly milliseconds: number
  /** Answers with status 200. */
  readonly good: number
}

/**
 * Opens the connections first, then sends one request on each at the same time. Written out beforehand and read no
 * further than the status line, so that the callers take as little of the machine as they can.
 */
export async function allAtOnce(url: string, authorization: string, callers: number): Promise<AtOnce> {
  const { hostname, port, pathname, host } = new URL(url)
  const sockets = await Promise.all(
    Array.from({ length: callers }, () => connected(connect(Number(port), hostname))),
  )
  const request = Buffer.from(
    `GET ${pathname} HTTP/1.1\r\nhost: ${host}\r\nauthorization: ${authorization}\r\n\r\n`,
  )
  try {
    const began = performance.now()
    const answers = sockets.map(socket => statusOn(socket))
    for (const socket of sockets) socket.write(request)
    const statuses = await Promise.all(answers)
    return {
      milliseconds: performance.now() - began,
      good: statuses.filter(status => status === 200).length,
    }
  } finally {
    for (const socket of sockets) socket.destroy()
  }
}

async function connected(socket: Socket): Promise<Socket> {
  await once(socket.setNoDelay(), 'connect')
  return socket
}

/** 0: it was closed without an answer. */
function statusOn(socket: Socket): Promise<number> {
  return new Promise(resolve => {
    socket.once('data', (chunk: Buffer) => resolve(Number(chunk.toString('latin1', 9, 12))))
    socket.once('close', () => resolve(0)).on('error', () => resolve(0))
  })
}
