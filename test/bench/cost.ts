import { cpuOf } from './process-tree.ts'
import { inRounds } from './rounds.ts'
import { hammer, type Server } from './server.ts'
import { ratioOf, spreadOf, type Spread } from './spread.ts'
import type { Stage } from './stage.ts'

/** What one request costs each server, in microseconds of CPU, round by round. */
export interface Costs {
  readonly of: (server: Server) => Spread
  /** How many times what the other costs. */
  readonly ratio: (server: Server, to: Server) => Spread
}

/** Hammers the servers in turn. */
export async function costsOf(stage: Stage, servers: readonly Server[]): Promise<Costs> {
  const { rounds, seconds } = stage.quick ? { rounds: 1, seconds: 1 } : { rounds: 7, seconds: 6 }
  for (const server of stage.quick ? [] : servers) {
    stage.say(`warming up ${server.name}`)
    await hammer(stage, server, 4)
  }
  const measured = await inRounds(stage, rounds, servers, server => costOf(stage, server, seconds))
  const costs = (server: Server) => measured.get(server) ?? []
  return {
    of: server => spreadOf(costs(server)),
    ratio: (server, to) => ratioOf(costs(server), costs(to)),
  }
}

/** Longest time that one measurement may take, in seconds. */
const longest = 60

/** Microseconds. A server that hashes may answer nobody in a second of a busy machine: then it is given more. */
async function costOf(stage: Stage, server: Server, seconds: number): Promise<number> {
  const before = cpuOf(server.pid)
  const { requests } = await hammer(stage, server, seconds)
  if (requests > 0) return ((cpuOf(server.pid) - before) * 1e6) / requests
  if (seconds > longest) throw new Error(`${server.name} does not answer`)
  return await costOf(stage, server, seconds * 2)
}
