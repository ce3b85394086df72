import { knownToRedis } from '../known-to-redis.ts'
import type { Figure } from '../figure.ts'
import { startGateway, type Gateway } from '../gateway.ts'
import { anna } from '../people.ts'
import { answersOf } from '../server.ts'
import { once } from '../spread.ts'
import { onStage, type Stage } from '../stage.ts'
import { startRedis } from '../../support/redis.ts'
import { unthrottled } from '../unthrottled.ts'
import { startUpstream } from '../upstream.ts'
import { growthOf, watchMemory } from '../watched-memory.ts'
import { load } from '../wrk.ts'
import { workersOf } from '../../support/processes.ts'

const mega = 1e6

/** Seconds: no verdict shall end meanwhile. */
const day = 86_400

/** What a worker holds after a long day with many users. */
export const memory: Figure = {
  name: 'memory',
  title: 'Memory of a worker, 5 million requests of 100,000 users',
  programs: ['nginx', 'wrk', 'redis-server'],
  async run(stage) {
    // One account more than the changes that a new process looks back on: else it would begin with the import of the users.
    const { users, accounts, requests } = stage.quick
      ? { users: 1000, accounts: 10, requests: 5000 }
      : { users: 100_000, accounts: 1001, requests: 5_000_000 }
    const upstream = await startUpstream(stage)
    const redis = await startRedis(stage)
    const settings = { ...unthrottled, redis: { url: redis.url }, verdicts: { matchTtlSeconds: day } }
    // Once before: in an image the code has been compiled, and no worker keeps a parser of TypeScript (ADR 0030).
    // It has time to stop: a worker that is killed after a second keeps nothing of what it compiled.
    const unhurried = { ...settings, stop: { drainSeconds: 0 } }
    await onStage(stage, async before => {
      const gateway = await startGateway(before, { upstream, settings: unhurried })
      await answersOf(gateway) // the first requests load code, too
    })
    const gateway = await startGateway(stage, { upstream, workers: 1, users, accounts, settings })
    const answers = [await answersOf(gateway)]
    await knownToRedis(stage, { store: gateway.store, redis: redis.url, seconds: day, users })

    const hashed = await gateway.hashes()
    const watched = watchMemory(workersOf(gateway.pid), stage.quick ? 50 : 1000)
    try {
      await askFor(stage, gateway, { users, requests })
    } finally {
      watched.stop()
    }
    const hashes = (await gateway.hashes()) - hashed
    if (hashes > users / 10) throw new Error(`the gateway hashed ${hashes} passwords that Redis was to know`)
    const points = watched.samples.map(([at, bytes]) => [at / 60_000, bytes / mega] as const)
    const last = points.at(-1)?.[1] ?? Number.NaN
    const most = Math.max(...points.map(([, megabytes]) => megabytes))
    return {
      answers,
      rows: [
        { what: 'at the beginning', unit: 'MB', value: once(points[0]?.[1] ?? Number.NaN) },
        { what: 'at the end', unit: 'MB', value: once(last) },
        { what: 'password hashes meanwhile', unit: '', value: once(hashes) },
      ],
      goals: [
        { what: 'at its highest', unit: 'MB', value: most, bound: 'at most', limit: 160 },
        {
          what: 'second half against the first',
          unit: '×',
          value: growthOf(watched),
          bound: 'at most',
          limit: 1.05,
        },
      ],
      plot: {
        kind: 'lines',
        title: `Memory of a worker: ${requests.toLocaleString('en-US')} requests of ${users.toLocaleString('en-US')} users`,
        subtitle: 'resident memory of the one worker process',
        across: 'minutes',
        unit: 'MB',
        lines: [{ label: 'Altgate', points }],
        goal: { label: 'goal: at most 160 MB', value: 160 },
      },
      notes: ['Verdicts come from Redis, as for a worker that has just been started beside others.'],
    }
  },
}

/** The users in turn, again and again, until all requests are answered. */
async function askFor(
  stage: Stage,
  gateway: Gateway,
  wanted: { readonly users: number; readonly requests: number },
) {
  const seconds = stage.quick ? 1 : 20
  for (let done = 0; done < wanted.requests; ) {
    const turn = { url: gateway.url, connections: 32, seconds, args: [anna.password, done, wanted.users] }
    const { requests, refused } = await load(stage, { ...turn, script: 'many-users' })
    if (refused > 0) throw new Error('somebody was refused')
    done += requests
    stage.say(`${done.toLocaleString('en-US')} requests`)
  }
}
