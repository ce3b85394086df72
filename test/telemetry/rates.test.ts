import t from 'tap'
import { Rates } from '../../src/telemetry/rates.ts'

function rates() {
  let now = 5_000_250
  const its = new Rates(() => now)
  return { its, pass: (ms: number) => void (now += ms) }
}

t.test('rates are those of the last whole seconds', async t => {
  const { its, pass } = rates()
  its.add('allow', 3)
  t.strictSame(its.over(10), { seconds: 0, counts: new Map(), queue: 0 }, 'the first second is not over')
  pass(1000)
  its.add('allow', 100) // of the second that is not over
  t.strictSame(its.over(10), { seconds: 1, counts: new Map([['allow', 3]]), queue: 0 })
  pass(1000)
  t.equal(its.over(1).counts.get('allow'), 100)
  t.equal(its.over(10).counts.get('allow'), 103)
  pass(9000)
  t.equal(its.over(10).counts.get('allow'), 100, 'the oldest is left out')
  t.equal(its.over(10).seconds, 10)
  t.equal(its.over(60).seconds, 11, 'it has not run for longer')
  pass(10_000)
  t.strictSame(its.over(10), { seconds: 10, counts: new Map(), queue: 0 })
})

t.test('the longest queue of a stretch is told, and it lasts until it is told otherwise', async t => {
  const { its, pass } = rates()
  its.queued(7)
  its.queued(2)
  t.equal(its.queue, 2)
  pass(3000)
  t.equal(its.over(1).queue, 2, 'nothing has changed since')
  t.equal(its.over(10).queue, 7)
  its.queued(0)
  pass(2000)
  t.equal(its.over(1).queue, 0)
})

t.test('ten minutes are kept in steps, however long nothing is asked', async t => {
  const { its, pass } = rates()
  t.strictSame(its.steps(10), [])
  its.add('allow', 1)
  pass(25_000)
  t.strictSame(
    its.steps(10).map(({ seconds }) => seconds),
    [10, 10],
    'whole steps that end now',
  )
  pass(24 * 60 * 60 * 1000)
  its.add('allow', 5)
  pass(1000)
  const steps = its.steps(10)
  t.equal(steps.length, 60)
  t.strictSame(steps.map(({ counts }) => counts.get('allow') ?? 0).slice(-2), [0, 5])
})
