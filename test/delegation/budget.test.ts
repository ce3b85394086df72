import t from 'tap'
import { createBudget } from '../../src/delegation/budget.ts'

const issuer = 'https://login.example.com'

/** A budget, and what is under way in it. */
function aBudget() {
  const clock = { now: 0 }
  const budget = createBudget(() => clock.now)
  const running: (() => void)[] = []
  const order: string[] = []
  const begin = (name: string, urgent = true, deadline = 60_000) =>
    budget.run(issuer, { urgent, deadline: clock.now + deadline }, async () => {
      order.push(name)
      await new Promise<void>(resolve => running.push(resolve))
      return name
    })
  const endOne = async () => {
    await new Promise(setImmediate)
    running.shift()?.()
    await new Promise(setImmediate)
  }
  return { clock, budget, begin, order, running, endOne }
}

t.test('eight at a time, and what a request waits for goes first', async t => {
  const { begin, order, running, endOne } = aBudget()
  const begun = Array.from({ length: 8 }, (_, at) => begin(`${at}`))
  const later = [begin('ahead-1', false), begin('ahead-2', false), begin('urgent-1'), begin('urgent-2')]
  await new Promise(setImmediate)
  t.equal(running.length, 8)
  while (running.length > 0) await endOne()
  t.strictSame(order.slice(8), ['urgent-1', 'urgent-2', 'ahead-1', 'ahead-2'])
  const eight = Array.from({ length: 8 }, (_, at) => `${at}`)
  t.strictSame(await Promise.all([...begun, ...later]), [
    ...eight,
    'ahead-1',
    'ahead-2',
    'urgent-1',
    'urgent-2',
  ])
})

t.test('what finds no place before its deadline is not run', async t => {
  const { begin, order, endOne } = aBudget()
  const begun = Array.from({ length: 8 }, (_, at) => begin(`${at}`))
  t.equal(await begin('late', true, 20), 'not-now')
  while (order.length < 8 || begun.length > 0) {
    await endOne()
    begun.pop()
  }
  t.notOk(order.includes('late'))
})

t.test('a provider that fails is asked less and less often, and at once after a success', async t => {
  const { clock, budget, begin, endOne } = aBudget()
  for (const pause of [500, 1000, 2000, 4000, 8000, 10_000, 10_000]) {
    budget.failed(issuer, clock.now)
    clock.now += pause - 1
    t.equal(await begin('ahead', false), 'not-now', `${pause} ms`)
    clock.now += 1
  }
  budget.succeeded(issuer)
  budget.failed(issuer, clock.now)
  clock.now += 500
  const asked = begin('again', false)
  await endOne()
  t.equal(await asked, 'again')
})

t.test('questions that were under way when a provider failed are one failure with it', async t => {
  const { clock, budget, begin, endOne } = aBudget()
  clock.now = 5000
  for (const askedAt of [0, 10, 20, 30, 4990, 5000]) budget.failed(issuer, askedAt)
  clock.now += 10
  budget.failed(issuer, 4000)
  clock.now += 489
  t.equal(await begin('too early', false), 'not-now')
  clock.now += 1
  const asked = begin('after one pause', false)
  await endOne()
  t.equal(await asked, 'after one pause')
  budget.failed(issuer, clock.now)
  clock.now += 999
  t.equal(await begin('after the second', false), 'not-now', 'a later one is the second')
  budget.failed(issuer, 0, 30)
  clock.now += 29_000
  t.equal(await begin('asked for', false), 'not-now', 'what it asks for counts, whenever it was asked')
})

t.test(
  'the time that a provider asks for is obeyed, up to ten minutes, and other providers are none of it',
  async t => {
    const { clock, budget, begin, endOne } = aBudget()
    budget.failed(issuer, clock.now, 90)
    clock.now += 89_999 - 1001
    t.equal(await begin('urgent'), 'not-now')
    const other = await budget.run(
      'https://other.example.com',
      { urgent: false, deadline: 1 },
      async () => 'other',
    )
    t.equal(other, 'other')
    clock.now += 1002
    const asked = begin('urgent')
    await endOne()
    t.equal(await asked, 'urgent')
    budget.failed(issuer, clock.now, 1e9)
    clock.now += 600_000
    const capped = begin('capped')
    await endOne()
    t.equal(await capped, 'capped')
  },
)
