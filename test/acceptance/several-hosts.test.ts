import t from 'tap'
import {
  commitsAndIsBack,
  commitsUnheard,
  losesRedis,
  playMoment,
  tellsGateways,
  waitsForGateways,
  waitsForItsTurn,
} from '../hosts/commands.ts'
import {
  fromBoth,
  fromPostgres,
  fromRedis,
  fromTheOthers,
  playCut,
  postgresForgets,
  redisForgets,
} from '../hosts/cuts.ts'
import { playRounds } from '../hosts/rounds.ts'
import { startHostWorld } from '../hosts/world.ts'
import { isAmongHosts, repeatAmongHosts } from '../support/hosts.ts'

// Redis, PostgreSQL, the upstream and three gateways have a host each: a network namespace with an address of its own.
// Without Redis gateways have nothing in common but the store, and two of them show all that there is.
// Every case leaves them as it found them, but for Anna's password, which the next one is told.
const worlds = [
  {
    redis: true,
    gateways: 3,
    cuts: [fromRedis, fromPostgres, fromBoth, fromTheOthers, redisForgets, postgresForgets],
    moments: [waitsForItsTurn, tellsGateways, losesRedis, commitsUnheard],
  },
  {
    redis: false,
    gateways: 2,
    cuts: [fromPostgres, fromTheOthers, postgresForgets],
    moments: [commitsAndIsBack, waitsForGateways],
  },
] as const

if (isAmongHosts)
  for (const { redis, gateways, cuts, moments } of worlds)
    t.test(`${redis ? 'with' : 'without'} Redis`, async t => {
      const world = await startHostWorld(t, { redis, gateways, redisLeaseMs: 5000 })
      let password = 0
      await t.test('a change that is reported as made is in force on every host', async t => {
        // Each kind of change; commands are given below, where their host is cut off.
        const { wrong, requests, took, last } = await playRounds(t, world, 8, () => false)
        t.strictSame(wrong, [], `${requests} requests, ${took.length} changes`)
        password = last.password
      })
      await t.test('no host that is cut off answers by a state that is over', async t => {
        for (const each of cuts) password = await playCut(t, world, each, password)
      })
      await t.test('what a command says is true when its host is cut off', async t => {
        for (const each of moments) password = await playMoment(t, world, each, password)
      })
    })
else await repeatAmongHosts(t, import.meta.filename)
