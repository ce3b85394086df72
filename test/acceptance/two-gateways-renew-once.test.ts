import { setTimeout as delay } from 'node:timers/promises'
import t, { type Test } from 'tap'
import type { Owner } from '../../src/gateway/names.ts'
import { refreshProvider } from '../delegation/refresh-provider.ts'
import { type Altgate, cheapHashing, startAltgate } from '../support/altgate.ts'
import { ask } from '../support/ask.ts'
import { startPostgres } from '../support/postgres.ts'
import { workersOf } from '../support/processes.ts'
import { recordingUpstream } from '../support/recording-upstream.ts'
import { startRedis } from '../support/redis.ts'
import { until } from '../support/until.ts'
import { actingSettings, addUser, setTheScene } from './canary-tokens.ts'

/** Seconds that access tokens live. */
const life = 3

const [postgres, redis, provider, upstream] = [
  await startPostgres(t),
  await startRedis(t),
  await refreshProvider(t),
  await recordingUpstream(t),
]
provider.life = life
const settings = {
  hashing: cheapHashing,
  store: { url: postgres.url },
  redis: { url: redis.url },
  ...actingSettings(provider),
}
const gateways = [await startAltgate(t, { settings }), await startAltgate(t, { settings })] as const
await setTheScene(gateways[0], upstream.url)

/** Users who have signed in, and who ask at both gateways all the time. Each test has its own. */
async function begin(users: readonly string[]) {
  for (const user of users)
    await addUser(gateways[0], provider, {
      user,
      owner: `owner-of-${user}` as Owner,
      storeUrl: postgres.url,
    })

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
      await delay(300)
    }
  }
  const traffic = gateways.flatMap(gateway => users.map(user => keepAsking(gateway, user)))
  return {
    outcomes,
    /** Waits for so many renewals of each user, counted together, and gives how many there were, and in which time. */
    async renewals(count: number) {
      const [began, before] = [performance.now(), provider.asked()]
      await until(() => provider.asked() >= before + count * users.length, 40)
      return { asked: provider.asked() - before, seconds: (performance.now() - began) / 1000 }
    },
    async end() {
      going = false
      await Promise.all(traffic)
    },
  }
}

/** Fails if both gateways have renewed the same tokens. */
function areOnce(
  t: Test,
  { asked, seconds }: { readonly asked: number; readonly seconds: number },
  users: number,
) {
  const lives = Math.ceil(seconds / (life * 0.6)) + 1
  t.ok(asked <= users * lives, `${asked} in ${lives} lives`)
}

t.test('two gateways renew each token once, and no request is refused', async t => {
  const users = await begin(['anna', 'boris', 'clara'])
  areOnce(t, await users.renewals(6), 3)
  await users.end()
  // On a busy machine the store may be late for once: that is an outage, and no refusal.
  t.strictSame(
    [...users.outcomes.keys()].filter(outcome => outcome !== 'unavailable'),
    ['allow'],
  )
})

t.test('a worker that is killed and a Redis that is gone lose no sign-in', async t => {
  provider.rotates = false // what was received and not stored is lost otherwise
  const users = await begin(['dora', 'emil', 'franka'])
  await users.renewals(2)
  for (const gateway of gateways) {
    const [worker = 0] = workersOf(gateway.pid)
    process.kill(worker, 'SIGKILL')
    await users.renewals(2)
  }
  await redis.stop()
  areOnce(t, await users.renewals(6), 3)
  const allowed = users.outcomes.get('allow') ?? 0
  await until(() => (users.outcomes.get('allow') ?? 0) > allowed + 15)
  await users.end()
  // What breaks on our side may be an outage for a moment. It is never a refusal, and ends no sign-in.
  t.strictSame(
    [...users.outcomes.keys()].filter(outcome => !['no answer', 'unavailable'].includes(outcome)),
    ['allow'],
  )
})
