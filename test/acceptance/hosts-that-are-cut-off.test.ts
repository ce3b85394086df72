import t from 'tap'
import {
  fromBoth,
  fromPostgres,
  fromRedis,
  fromTheOthers,
  playCut,
  postgresForgets,
  redisForgets,
} from '../hosts/cuts.ts'
import { startHostWorld } from '../hosts/world.ts'
import { isAmongHosts, repeatAmongHosts } from '../support/hosts.ts'

if (isAmongHosts) {
  t.test('with Redis', async t => {
    const world = await startHostWorld(t, { redis: true })
    const cuts = [fromRedis, fromPostgres, fromBoth, fromTheOthers, redisForgets, postgresForgets]
    for (const [at, each] of cuts.entries()) await playCut(t, world, each, at)
  })
  t.test('without Redis', async t => {
    const world = await startHostWorld(t, { redis: false })
    for (const [at, each] of [fromPostgres, fromTheOthers, postgresForgets].entries())
      await playCut(t, world, each, at)
  })
} else await repeatAmongHosts(t, import.meta.filename)
