import t from 'tap'
import { playRounds } from '../hosts/rounds.ts'
import { startHostWorld } from '../hosts/world.ts'
import { isAmongHosts, repeatAmongHosts } from '../support/hosts.ts'

// Redis, PostgreSQL, the upstream and three gateways have a host each: a network namespace with an address of its own.
if (isAmongHosts)
  for (const redis of [true, false])
    t.test(
      `${redis ? 'with' : 'without'} Redis, a change that is reported as made is in force on every host`,
      async t => {
        const world = await startHostWorld(t, { redis })
        const byCommand = (round: number) => round === 3 || round === 10
        const { wrong, requests, took } = await playRounds(t, world, 15, byCommand)
        t.strictSame(wrong, [], `${requests} requests, ${took.length} changes`)
      },
    )
else await repeatAmongHosts(t, import.meta.filename)
