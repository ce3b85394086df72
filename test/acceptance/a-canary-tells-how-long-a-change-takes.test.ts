import t, { type Test } from 'tap'
import { cheapHashing, startAltgate, type Altgate } from '../support/altgate.ts'
import { metric } from '../support/metrics.ts'
import { query, startPostgres } from '../support/postgres.ts'
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

/** Two gateways on one database, whose trials are due after an hour. */
async function startTwo(t: Test, withRedis: boolean) {
  const url = await postgres.database(withRedis ? 'with Redis' : 'without Redis')
  const redis = withRedis ? await startRedis(t) : undefined
  const settings = {
    hashing: cheapHashing,
    store: { url, leaseMs: 3000 },
    ...(redis && { redis: { url: redis.url, leaseMs: 3000 } }),
  }
  const env = { ALTGATE__OPERATIONS__REVOCATIONPROBESECONDS: '3600' }
  const altgates = [
    await startAltgate(t, { settings, env }),
    await startAltgate(t, { settings, env }),
  ] as const
  /** As if the last trial were an hour ago. */
  const makeDue = () => query(url, 'update canary set sent_at = sent_at - 3600 * 1000')
  return { altgates, makeDue }
}

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
  t.test(`${withRedis ? 'with' : 'without'} Redis, trials of a change and changes are measured`, async t => {
    const { altgates, makeDue } = await startTwo(t, withRedis)
    await until(async () => (await measured(altgates)) >= 1, pause)
    for (const trials of [2, 3, 4]) {
      await makeDue()
      await until(async () => (await measured(altgates)) >= trials, pause)
    }
    t.ok((await measured(altgates, '1')) >= 1, 'within a second while all are well')

    // Each gateway looks every second. If each made the trials, or made them sooner than they are due, there would be more by then.
    await countsCommands(t, altgates)
    t.equal(await measured(altgates), 4 + 3, 'one of all the gateways makes a trial, not each')

    const second = [altgates[1].pid, ...workersOf(altgates[1].pid)]
    const signal = (name: 'SIGSTOP' | 'SIGCONT') => second.forEach(pid => process.kill(pid, name))
    t.teardown(() => signal('SIGCONT'))
    signal('SIGSTOP')
    const slow = async () => (await measured([altgates[0]])) - (await measured([altgates[0]], '0.5'))
    const atFirst = await slow()
    await makeDue()
    await until(async () => (await slow()) > atFirst, pause)
    t.pass('a process that hangs is waited for while it may trust its memory')
  })
