import { setTimeout as delay } from 'node:timers/promises'
import t, { type Test } from 'tap'
import type { Owner } from '../../src/gateway/names.ts'
import { refreshProvider } from '../delegation/refresh-provider.ts'
import { type Altgate, startAltgate } from '../support/altgate.ts'
import { ask } from '../support/ask.ts'
import { startPostgres } from '../support/postgres.ts'
import { workersOf } from '../support/processes.ts'
import { recordingUpstream } from '../support/recording-upstream.ts'
import { startRedis } from '../support/redis.ts'
import { until } from '../support/until.ts'
import { actingSettings, addUser, setTheScene } from './canary-tokens.ts'

/** Seconds that access tokens live. */
const life = 3

const postgres = await startPostgres(t)

/** Two gateways with one store, and users who have signed in. */
async function aWorld(t: Test, { withRedis }: { readonly withRedis: boolean }) {
  const [provider, upstream] = [await refreshProvider(t), await recordingUpstream(t)]
  provider.life = life
  const url = await postgres.database(withRedis ? 'with Redis' : 'without Redis')
  const redis = withRedis ? await startRedis(t) : undefined
  const settings = {
    store: { url },
    ...(redis && { redis: { url: `redis://127.0.0.1:${redis.port}` } }),
    ...actingSettings(provider),
  }
  const gateways = [await startAltgate(t, { settings }), await startAltgate(t, { settings })] as const
  await setTheScene(gateways[0], upstream.url)
  const users = ['anna', 'boris', 'clara']
  for (const user of users)
    await addUser(gateways[0], provider, { user, owner: `owner-of-${user}` as Owner, storeUrl: url })

  const outcomes = new Map<string, number>()
  let going = true
  async function keepAsking({ url }: Altgate, user: string): Promise<void> {
    while (going) {
      const answer = await ask(`${url}/contoso/x`, {
        as: [`${user}@example.com`, 'the password of the user'],
      }).catch(() => undefined)
      // A gateway whose only worker was killed does not answer for a moment.
      const outcome = answer?.outcome ?? 'no answer'
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1)
      await delay(100)
    }
  }
  const started = performance.now()
  const traffic = gateways.flatMap(gateway => users.map(user => keepAsking(gateway, user)))
  return {
    gateways,
    provider,
    redis,
    outcomes,
    users,
    /** Waits until tokens were renewed so often. */
    renewals: (count: number) => until(() => provider.asked() >= count * users.length),
    async end() {
      going = false
      await Promise.all(traffic)
      return (performance.now() - started) / 1000
    },
  }
}

t.test('two gateways renew each token once, and no request is refused', async t => {
  const world = await aWorld(t, { withRedis: false })
  await world.renewals(3)
  const seconds = await world.end()
  // On a busy machine the store may be late for once: that is an outage, and no refusal.
  t.strictSame(
    [...world.outcomes.keys()].filter(outcome => outcome !== 'unavailable'),
    ['allow'],
  )
  const lives = Math.ceil(seconds / (life * 0.6)) + 1
  t.ok(world.provider.asked() <= world.users.length * lives, `${world.provider.asked()} in ${lives} lives`)
})

t.test('a worker that is killed and a Redis that is gone lose no sign-in', async t => {
  const world = await aWorld(t, { withRedis: true })
  world.provider.rotates = false // what was received and not stored is lost otherwise
  await world.renewals(2)
  for (const gateway of world.gateways) {
    const before = world.provider.asked() / world.users.length
    const [worker = 0] = workersOf(gateway.pid)
    process.kill(worker, 'SIGKILL')
    await world.renewals(before + 2)
  }
  await world.redis?.stop()
  await world.renewals(world.provider.asked() / world.users.length + 1)
  const allowed = world.outcomes.get('allow') ?? 0
  await until(() => (world.outcomes.get('allow') ?? 0) > allowed + 5 * world.users.length)
  await world.end()
  // What breaks on our side may be an outage for a moment. It is never a refusal, and ends no sign-in.
  t.strictSame(
    [...world.outcomes.keys()].filter(outcome => !['no answer', 'unavailable'].includes(outcome)),
    ['allow'],
  )
})
