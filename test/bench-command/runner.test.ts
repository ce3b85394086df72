import t from 'tap'
import { createRunner, type Runner, type Sample } from '../../src/bench/runner.ts'
import { schedule } from '../../src/bench/load.ts'
import { anna, load } from './callers.ts'

interface Laboratory {
  readonly runner: Runner
  readonly samples: readonly Sample<'answer'>[]
  readonly lateBy: readonly number[]
  /** Requests under way at once, at most. */
  readonly mostAtOnce: () => number
  /** Lets the time pass, millisecond by millisecond, until this one, or until all is done. */
  readonly run: (until?: number) => void
}

interface Target {
  /** When the answer to a request is there that is sent now, in milliseconds; `undefined`: never, not even if cut. */
  readonly answersAt: (now: number) => number | undefined
  readonly requestsInFlight?: number
  readonly timeoutSeconds?: number
}

/** A runner at 100 requests a second for 2 seconds, with a clock that the test moves. */
function aLaboratory({ answersAt, requestsInFlight = 1000, timeoutSeconds = 10 }: Target): Laboratory {
  const samples: Sample<'answer'>[] = []
  const lateBy: number[] = []
  const answers: { at: number; answered: () => void }[] = []
  let now = 0
  let open = 0
  let most = 0
  const runner = createRunner<'answer'>({
    arrivals: schedule(load, [anna], Math.random),
    send(_, answered) {
      most = Math.max(most, ++open)
      const at = answersAt(now)
      const answer = () => {
        open--
        answered('answer')
      }
      if (at !== undefined) answers.push({ at, answered: answer })
      return () => {}
    },
    sample: sample => samples.push(sample),
    started: (_, late) => lateBy.push(late),
    requestsInFlight,
    timeout: timeoutSeconds * 1000,
    now: () => now,
  })
  return {
    runner,
    samples,
    lateBy,
    mostAtOnce: () => most,
    run(until = 60_000) {
      for (; now <= until; now++) {
        const due = answers.filter(({ at }) => at <= now)
        for (const each of due) answers.splice(answers.indexOf(each), 1)
        for (const { answered } of due) answered()
        if (runner.turn() === undefined) return
      }
    },
  }
}

/** Answers in 1 ms, but from second 1 on nothing for half a second. */
const stalling = (now: number) => (now >= 1000 && now < 1500 ? 1500 : now + 1)

/** What each of the 50 requests that are due in the stall has to wait, if they are sent at once. */
const waits = Array.from({ length: 50 }, (_, nth) => 500 - nth * 10)

t.test('a stall of the target shows in every request that was due meanwhile', async t => {
  const { run, samples } = aLaboratory({ answersAt: stalling })
  run()
  t.equal(samples.length, 200)
  const slow = samples.filter(({ latency }) => latency > 1)
  t.strictSame(
    slow.map(({ latency }) => latency),
    waits,
  )
})

t.test('it shows also where one connection holds all of them up: waiting to be sent is waiting', async t => {
  const { run, samples, mostAtOnce } = aLaboratory({ answersAt: stalling, requestsInFlight: 1 })
  run()
  t.equal(mostAtOnce(), 1)
  t.equal(samples.length, 200)
  const during = samples.filter(({ arrival }) => arrival.at >= 1000 && arrival.at < 1500)
  t.equal(during.length, 50)
  for (const [nth, { latency }] of during.entries())
    t.ok(latency >= (waits[nth] ?? 0), `${latency} ms, not less than ${waits[nth]}`)
})

t.test('slow answers put off nothing that is due', async t => {
  const { run, lateBy } = aLaboratory({ answersAt: now => now + 5000 })
  run()
  t.equal(lateBy.length, 200)
  t.ok(lateBy.every(late => late === 0))
})

t.test('never more are under way than allowed', async t => {
  const { run, samples, mostAtOnce } = aLaboratory({ answersAt: now => now + 100, requestsInFlight: 7 })
  run()
  t.equal(mostAtOnce(), 7)
  t.equal(samples.length, 200)
})

t.test('what cannot be started in time is told, with the time that it waited', async t => {
  const { run, samples } = aLaboratory({
    answersAt: () => undefined,
    requestsInFlight: 5,
    timeoutSeconds: 1,
  })
  run()
  const count = (result: string) => samples.filter(each => each.result === result).length
  t.strictSame([count('timeout'), count('not-started')], [5, 195])
  t.ok(samples.every(({ latency }) => latency === 1000))
})

t.test('an answer that comes after its time is a timeout, and counts once', async t => {
  const { run, samples } = aLaboratory({ answersAt: now => now + 1500, timeoutSeconds: 1 })
  run()
  t.equal(samples.length, 200)
  t.ok(samples.every(({ result }) => result === 'timeout'))
})

t.test('when it is ended early it reports the requests without a result, and sends no more', async t => {
  const { run, runner, samples, lateBy } = aLaboratory({ answersAt: () => 3000, requestsInFlight: 10 })
  run(990)
  t.equal(runner.cut(), 100, 'a second at 100 requests a second')
  t.equal(lateBy.length, 10)
  run()
  t.equal(lateBy.length, 10)
  t.equal(samples.length, 0)
})
