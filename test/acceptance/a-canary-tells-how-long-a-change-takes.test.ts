import t, { type Test } from 'tap'
import { cheapHashing, startAltgate, type Altgate } from '../support/altgate.ts'
import { metric } from '../support/metrics.ts'
import { startPostgres } from '../support/postgres.ts'
import { workersOf } from '../support/processes.ts'
import { startRedis } from '../support/redis.ts'
import { until } from '../support/until.ts'

/** Milliseconds between two looks: for each one the gateways ask all their processes. */
const pause = 200

/** How many changes and trials all of them have measured, and how many of these took at most so long. */
async function measured(altgates: readonly Altgate[], le = '+Inf'): Promise<number> {
  const counts = altgates.map(each => metric(each, 'altgate_revocation_seconds_bucket', { le }))
  return (await Promise.all(counts)).reduce((sum, each) => sum + each, 0)
}

const postgres = await startPostgres(t)

/** Two gateways on one database; all of them together make a trial so often. */
async function startTwo(t: Test, withRedis: boolean, revocationProbeSeconds: number) {
  const url = await postgres.database(`${withRedis ? 'with' : 'without'} Redis, ${revocationProbeSeconds}`)
  const redis = withRedis ? await startRedis(t) : undefined
  const settings = {
    store: { url, leaseMs: 3000 },
    ...(redis && { redis: { url: redis.url, leaseMs: 3000 } }),
  }
  const env = { ALTGATE__OPERATIONS__REVOCATIONPROBESECONDS: String(revocationProbeSeconds) }
  const first = await startAltgate(t, { settings: { hashing: cheapHashing, ...settings }, env })
  return [first, await startAltgate(t, { settings: { hashing: cheapHashing, ...settings }, env })] as const
}

for (const withRedis of [true, false])
  t.test(`${withRedis ? 'with' : 'without'} Redis, trials of a change are measured`, async t => {
    const altgates = await startTwo(t, withRedis, 1)
    await until(async () => (await measured(altgates)) >= 3, pause)
    await until(async () => (await measured(altgates, '1')) >= 1, pause)
    t.pass('within a second while all are well')

    // Four in three seconds; each of two gateways would make them in half of that. The timers of a busy machine come together.
    const [began, before] = [performance.now(), await measured(altgates)]
    await until(async () => (await measured(altgates)) >= before + 4, pause)
    t.ok(performance.now() - began > 1800, 'one of all the gateways makes them, not each')

    const second = [altgates[1].pid, ...workersOf(altgates[1].pid)]
    const signal = (name: 'SIGSTOP' | 'SIGCONT') => second.forEach(pid => process.kill(pid, name))
    t.teardown(() => signal('SIGCONT'))
    signal('SIGSTOP')
    const slow = async () => (await measured([altgates[0]])) - (await measured([altgates[0]], '0.5'))
    const atFirst = await slow()
    await until(async () => (await slow()) > atFirst, pause)
    t.pass('a process that hangs is waited for while it may trust its memory')
  })

/** Exactly once each, whichever gateway counts it. */
async function countsCommands(t: Test, altgates: readonly [Altgate, ...Altgate[]]): Promise<void> {
  const before = await measured(altgates)
  const set = ['credential', 'set', '--scope', 'msa', '--user', 'anna@example.com']
  for (const so of [1, 2, 3]) {
    await altgates[0].must(set, { stdin: `the password number ${so}\n` })
    await until(async () => (await measured(altgates)) >= before + so, pause)
    t.equal(await measured(altgates), before + so)
  }
}

t.test('what a command changes is measured, on SQLite', async t => {
  await countsCommands(t, [await startAltgate(t, { settings: { hashing: cheapHashing } })])
})
for (const withRedis of [true, false])
  t.test(`what a command changes is measured once, ${withRedis ? 'with' : 'without'} Redis`, async t => {
    await countsCommands(t, await startTwo(t, withRedis, 0))
  })
