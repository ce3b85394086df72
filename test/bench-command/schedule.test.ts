import t from 'tap'
import { schedule, stepsOf } from '../../src/bench/load.ts'
import { anna, git, load, mistaken, stranger } from './callers.ts'

t.test('uniform arrivals are due at equal distances, and as many as the rate says', async t => {
  const due = [...schedule({ ...load, ratesPerSecond: [3], durationSeconds: 2 }, [anna], Math.random)]
  t.strictSame(
    due.map(({ at }) => Math.round(at)),
    [0, 333, 667, 1000, 1333, 1667],
  )
})

t.test('Poisson arrivals keep the rate, and come as irregularly as independent callers do', async t => {
  const long = { ...load, arrivals: 'poisson', durationSeconds: 1000 } as const
  const due = [...schedule(long, [anna], someNumbers())].map(({ at }) => at)
  const gaps = due.map((at, nth) => at - (due[nth - 1] ?? 0))
  const mean = average(gaps)
  const deviation = Math.sqrt(average(gaps.map(gap => (gap - mean) ** 2)))
  t.ok(Math.abs(due.length - 100_000) < 1000, `${due.length} in 1000 s at 100 a second`)
  t.ok(Math.abs(deviation / mean - 1) < 0.02, 'an exponential distribution is as wide as its mean')
  t.ok(gaps.every(gap => gap >= 0))
})

t.test('callers come in proportion to their weights, in any stretch of the test', async t => {
  const callers = [
    { ...anna, weight: 60 },
    { ...git, weight: 30 },
    { ...mistaken, weight: 5 },
    { ...stranger, weight: 5 },
  ]
  const due = [...schedule({ ...load, durationSeconds: 10 }, callers, Math.random)]
  for (const from of [0, 37, 500]) {
    const stretch = due.slice(from, from + 100)
    const counts = callers.map(({ name }) => stretch.filter(({ caller }) => caller.name === name).length)
    t.strictSame(counts, [60, 30, 5, 5], `from the ${from}th request`)
  }
  const early = due.slice(0, 20).map(({ caller }) => caller.name)
  t.ok(early.includes('mistaken') && early.includes('stranger'), 'rare callers do not wait for the end')
})

t.test('rates follow one after the other, after a warm-up at the first of them', async t => {
  const steps = { ...load, ratesPerSecond: [10, 40], warmUpSeconds: 3, durationSeconds: 5 }
  t.strictSame(stepsOf(steps), [
    { step: -1, rate: 10, from: 0, to: 3000 },
    { step: 0, rate: 10, from: 3000, to: 8000 },
    { step: 1, rate: 40, from: 8000, to: 13_000 },
  ])
  const due = [...schedule(steps, [anna], Math.random)]
  const countOf = (step: number) => due.filter(each => each.step === step).length
  t.strictSame([-1, 0, 1].map(countOf), [30, 50, 200])
  t.ok(due.every(({ at }, nth) => at >= (due[nth - 1]?.at ?? 0), 'in the order in which they are due'))
})

/** The same numbers from 0 to 1 each time (Park and Miller's generator). */
function someNumbers(): () => number {
  let state = 42
  return () => {
    state = (state * 48_271) % 2_147_483_647
    return state / 2_147_483_647
  }
}

function average(numbers: readonly number[]): number {
  return numbers.reduce((sum, each) => sum + each, 0) / numbers.length
}
