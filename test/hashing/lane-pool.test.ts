import { fork } from 'node:child_process'
import { mock } from 'node:test'
import t from 'tap'
import { Outage } from '../../src/gateway/outage.ts'
import { Secret } from '../../src/gateway/secret.ts'
import { memoryOf } from '../bench/process-tree.ts'
import { until } from '../support/until.ts'
import { cheap } from './contract.ts'
import { isRunning, lanesOf, nicenessOf } from '../support/processes.ts'
import { someLanes, theLane } from './some-lanes.ts'
import { attempt, slow } from './vectors.ts'

function orError(answer: Promise<unknown>): Promise<unknown> {
  return answer.catch((error: unknown) => error)
}

t.test('a lane that is killed on its way does not cost the caller the answer', async t => {
  const { lanes, counted, crashes, hash } = await someLanes(t)
  const killed = theLane()
  process.kill(killed, 'SIGSTOP')
  const answer = lanes.compare(attempt('right'), hash)
  process.kill(killed, 'SIGKILL')
  t.equal(await answer, 'match')
  t.not(theLane(), killed)
  t.strictSame(counted, ['made', 'match'])
  t.strictSame(
    crashes.map(each => each.message),
    ['a hash lane ended with SIGKILL'],
  )
})

t.test('what ends two lanes is not tried on a third: its caller is told of an outage', async t => {
  const { lanes, crashes } = await someLanes(t, { lanes: 2 })
  const [first = 0, other] = lanesOf(process.pid)
  const answers = ['a', 'b'].map(name => orError(lanes.compare(attempt('right', name), slow)))
  process.kill(first, 'SIGKILL')
  await until(() => crashes.length === 1 && lanes.depth === 0)
  const [second = 0] = lanesOf(process.pid).filter(pid => pid !== other)
  process.kill(second, 'SIGKILL')
  t.match(await Promise.race(answers), {
    part: 'hashing',
    cause: { message: 'a hash lane ended with SIGKILL' },
  })
})

t.test(
  'without a live lane no request waits for one, and everything recovers when they live again',
  async t => {
    const { lanes, crashes, hash } = await someLanes(t, { lanes: 2 })
    const told = () => orError(lanes.compare(attempt('right'), hash))
    const all = (signal: NodeJS.Signals) => lanesOf(process.pid).forEach(pid => process.kill(pid, signal))
    all('SIGSTOP')
    const waiting = told()
    const slayer = setInterval(all, 1, 'SIGKILL')
    await until(() => crashes.length >= 6)
    for (const answer of [await waiting, await told()]) {
      t.ok(answer instanceof Outage)
      // Its death, its closed channel or the broken pipe to it: whichever is noticed first.
      t.match(answer, { part: 'hashing', cause: Error })
    }
    clearInterval(slayer)
    await until(async () => (await told()) === 'match')
  },
)

t.test('a lane that hangs is ended after thirty seconds, and its caller is told of an outage', async t => {
  const { lanes, crashes, hash } = await someLanes(t)
  const hung = theLane()
  process.kill(hung, 'SIGSTOP')
  mock.timers.enable({ apis: ['setTimeout'] })
  t.teardown(() => mock.timers.reset())
  const answer = t.rejects(lanes.compare(attempt('right'), hash), Outage)
  mock.timers.tick(29_999)
  t.ok(isRunning(hung))
  mock.timers.tick(1)
  mock.timers.reset()
  await answer
  await until(() => crashes.length === 1)
  t.notOk(isRunning(hung))
  t.equal(await lanes.compare(attempt('right'), hash), 'match')
})

t.test('a cost that argon2 refuses is an outage at the start, and leaves no process', async t => {
  await t.rejects(someLanes(t, { lanes: 2, cost: { ...cheap, memoryKiB: 1 } }), Outage)
  t.strictSame(lanesOf(process.pid), [])
})

t.test('closing leaves no process, and tells those who wait', async t => {
  const { lanes, crashes, hash } = await someLanes(t, { lanes: 2 })
  t.equal(lanesOf(process.pid).length, 2)
  const waiting = ['a', 'b', 'c'].map(name => t.rejects(lanes.compare(attempt('right', name), slow), Outage))
  await lanes.close()
  t.strictSame(lanesOf(process.pid), [])
  await Promise.all(waiting)
  await t.rejects(lanes.compare(attempt('right'), hash), Outage)
  t.strictSame(crashes, [])
})

t.test('a signal to the whole group, as Ctrl-C sends it, leaves the lanes to the gateway', async t => {
  const { lanes, crashes, hash } = await someLanes(t)
  const pid = theLane()
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.kill(pid, signal)
    t.equal(await lanes.compare(attempt('right'), hash), 'match')
  }
  t.equal(theLane(), pid)
  t.strictSame(crashes, [])
})

t.test('every thread of a lane has a lower priority than the gateway', async t => {
  await someLanes(t)
  t.strictSame(new Set(nicenessOf(theLane())), new Set([10]))
})

t.test('a lane keeps the memory of one hash, however many it has computed', async t => {
  const mebi = 2 ** 20
  const { lanes } = await someLanes(t, { cost: { memoryKiB: (16 * mebi) / 1024, passes: 1, parallelism: 1 } })
  const hash = () => lanes.hash(new Secret('a password'))
  await hash()
  const before = memoryOf(theLane())
  for (let more = 0; more < 20; more += 1) await hash()
  t.ok(memoryOf(theLane()) < before + 16 * mebi)
})

t.test('when the gateway is killed its lanes end with it', async t => {
  const gateway = fork(new URL('./primary.ts', import.meta.url), { execArgv: [], silent: true })
  await new Promise(resolve => void gateway.once('message', resolve))
  const [lane] = lanesOf(gateway.pid ?? 0)
  if (lane === undefined) throw new Error('no lane')
  t.ok(isRunning(lane))
  gateway.kill('SIGKILL')
  await until(() => !isRunning(lane))
})
