import t from 'tap'
import type { Caller } from '../../src/gateway/attempt.ts'
import type { AccountName, Proof } from '../../src/gateway/names.ts'
import { createThrottle } from '../../src/throttling/throttle.ts'
import { heapGrowth } from '../support/heap-growth.ts'
import { attempt, key } from '../verdicts/attempts.ts'
import { caller, few } from './contract.ts'

const typo = attempt('anna@example.com', 'typo')
const home = caller('192.0.2.1')

function aThrottle() {
  const clock = { now: 1_000_000 }
  const throttle = createThrottle(few, { key, now: () => clock.now })
  const again = (presented = typo, who: Caller = home) => throttle.again(presented, who)?.by ?? 'in'
  return { clock, throttle, again }
}

t.test('a client that repeats itself is told to stop, and for how long', async t => {
  const { clock, throttle, again } = aThrottle()
  t.strictSame([again(), again(), again()], ['in', 'in', 'in'])
  clock.now += 20_000
  t.strictSame(throttle.again(typo, home), { by: 'repetition', retryAfter: 40 })
  clock.now += 40_000
  t.strictSame([again(), again(), again(), again()], ['in', 'in', 'in', 'repetition'])
})

t.test('another password, address or account is another loop', async t => {
  const { again } = aThrottle()
  for (let times = 0; times < 10; times++) again()
  t.equal(again(), 'repetition')
  t.equal(again(attempt('anna@example.com', 'another')), 'in')
  t.equal(again(typo, caller('192.0.2.2')), 'in')
  t.equal(again(typo, { ...home, account: 'contoso' as AccountName }), 'in')
})

t.test('a load test may repeat itself', async t => {
  const { again } = aThrottle()
  for (let times = 0; times < 100; times++) t.equal(again(typo, caller('192.0.2.1', 'load-test')), 'in')
  t.equal(again(), 'in', 'and other callers are not in that loop')
})

t.test('loops of unknown clients take bounded memory', async t => {
  const { again } = aThrottle()
  let invented = 0
  const loop = () => {
    invented += 1
    again({ ...typo, proof: `proof ${invented}` as Proof })
  }
  for (let count = 0; count < 20_500; count += 1) loop()
  const grown = await heapGrowth(() => {
    for (let count = 0; count < 60_000; count += 1) loop()
  })
  t.ok(grown < 4e6, `${(grown / 1e6).toFixed(1)} MB`)
})
