import { cpuOf } from './process-tree.ts'
import type { Server } from './server.ts'
import type { Stage } from './stage.ts'

/** Seconds that are looked at, and those of CPU that an idle server may use in them. */
const look = { seconds: 0.5, idle: 0.05 } as const

/** Waits until a server has nothing left to do: what somebody left behind must not be the next one's burden. */
export async function settled({ pause }: Stage, { pid }: Pick<Server, 'pid'>): Promise<void> {
  let before: number
  do {
    before = cpuOf(pid)
    await pause(look.seconds)
  } while (cpuOf(pid) - before > look.idle)
}
