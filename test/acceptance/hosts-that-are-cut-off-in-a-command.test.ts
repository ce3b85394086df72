import t from 'tap'
import {
  commitsAndIsBack,
  commitsUnheard,
  losesRedis,
  playMoment,
  tellsGateways,
  waitsForGateways,
  waitsForItsTurn,
  type Moment,
} from '../hosts/commands.ts'
import { startHostWorld } from '../hosts/world.ts'
import { isAmongHosts, repeatAmongHosts } from '../support/hosts.ts'

if (isAmongHosts) {
  const moments: readonly (readonly [redis: boolean, readonly Moment[]])[] = [
    [true, [waitsForItsTurn, tellsGateways, losesRedis, commitsUnheard]],
    [false, [commitsAndIsBack, waitsForGateways]],
  ]
  for (const [redis, each] of moments)
    t.test(`${redis ? 'with' : 'without'} Redis, what a command says is true`, async t => {
      const world = await startHostWorld(t, { redis, redisLeaseMs: 5000 })
      let password = 0
      for (const moment of each) password = await playMoment(t, world, moment, password)
    })
} else await repeatAmongHosts(t, import.meta.filename)
