import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import { text } from 'node:stream/consumers'
import { getHeapStatistics } from 'node:v8'

/** What a process has used since it began. */
export interface Used {
  /** Microseconds of CPU of all its threads. */
  readonly user: number
  readonly system: number
  /** Bytes on V8's heap, whether or not they have been collected since. */
  readonly allocated: number
}

/** Tells it on a socket of this name to each that connects: nothing of it costs anything in between. */
export async function tellUsed(path: string): Promise<void> {
  const server = createServer(socket => {
    const { user, system } = process.cpuUsage()
    const { total_allocated_bytes: allocated } = getHeapStatistics()
    socket.end(JSON.stringify({ user, system, allocated } satisfies Used))
  })
  server.listen({ path, exclusive: true }).unref() // a worker would leave it to its primary process
  await once(server, 'listening')
}

/** What the process that listens there has used. */
export async function usedAt(path: string): Promise<Used> {
  return JSON.parse(await text(connect(path))) as Used // written above
}
