import t from 'tap'
import { lanesOf } from '../support/processes.ts'
import { someLanes, theLane } from './some-lanes.ts'
import { attempt } from './vectors.ts'

t.test('a load test has half the queue, and takes no place of production', async t => {
  const { lanes, depths, hash } = await someLanes(t, { queueLimit: 4 })
  const asks = (whose: string, lane: 'production' | 'load-test') =>
    lanes.compare(attempt('right', whose), hash, lane)
  const order: string[] = []
  const noted = (whose: string, lane: 'production' | 'load-test') =>
    asks(whose, lane).then(answer => void order.push(`${whose} ${answer}`))

  process.kill(theLane(), 'SIGSTOP')
  const all = [noted('first', 'load-test'), noted('test 1', 'load-test'), noted('test 2', 'load-test')]
  t.equal(await asks('test 3', 'load-test'), 'busy')
  t.equal(lanes.depth, 0, 'nothing of production waits')
  for (const whose of ['a', 'b', 'c', 'd']) all.push(noted(whose, 'production'))
  t.equal(lanes.depth, 4)
  t.equal(await asks('e', 'production'), 'busy')
  t.equal(await asks('test 4', 'load-test'), 'busy')
  process.kill(theLane(), 'SIGCONT')
  await Promise.all(all)
  t.strictSame(
    order,
    ['first', 'a', 'b', 'c', 'd', 'test 1', 'test 2'].map(whose => `${whose} match`),
    'and is served after production',
  )
  t.equal(Math.max(...depths), 4)
})

t.test('of several lanes a load test never has the last', async t => {
  const { lanes, hash } = await someLanes(t, { lanes: 2 })
  const pids = lanesOf(process.pid)
  for (const pid of pids) process.kill(pid, 'SIGSTOP')
  const tests = ['a', 'b', 'c'].map(whose => lanes.compare(attempt('right', whose), hash, 'load-test'))
  const person = lanes.compare(attempt('right', 'person'), hash)
  t.equal(lanes.depth, 0, 'a lane was free')
  const other = lanes.compare(attempt('right', 'other'), hash)
  t.equal(lanes.depth, 1, 'the only one')
  for (const pid of pids) process.kill(pid, 'SIGCONT')
  t.strictSame(
    new Set(await Promise.all([...tests, person, other])),
    new Set(['match']),
    'and all get their turn',
  )
})

t.test('production does not join the computation of a load test', async t => {
  const { lanes, counted, hash } = await someLanes(t)
  counted.length = 0
  await Promise.all(
    (['load-test', 'production', 'load-test', 'production'] as const).map(lane =>
      lanes.compare(attempt('right'), hash, lane),
    ),
  )
  t.strictSame(counted, ['match', 'match'])
})
