import t from 'tap'
import { createBreaker } from '../../src/redis/breaker.ts'

t.test('after five failures in a row only one caller in each quarter of a second is let through', async t => {
  let now = 0
  const opened: unknown[] = []
  const breaker = createBreaker({ opened: cause => opened.push(cause), now: () => now })
  for (let failure = 1; failure <= 4; failure += 1) breaker.failed(failure)
  t.equal(breaker.allows(), true)
  t.strictSame(opened, [])
  breaker.failed(5)
  t.strictSame(opened, [5])
  t.equal(breaker.allows(), false)
  now = 249
  t.equal(breaker.allows(), false)
  now = 250
  t.equal(breaker.allows(), true)
  t.equal(breaker.allows(), false, 'the others wait for what becomes of the first')
  breaker.failed(6)
  t.strictSame(opened, [5], 'told once')
})

t.test('one success closes it, and five failures open it again', async t => {
  const opened: unknown[] = []
  const breaker = createBreaker({ opened: cause => opened.push(cause), now: () => 0 })
  for (let failure = 1; failure <= 5; failure += 1) breaker.failed(failure)
  breaker.succeeded()
  t.equal(breaker.allows(), true)
  for (let failure = 6; failure <= 9; failure += 1) breaker.failed(failure)
  t.equal(breaker.allows(), true)
  breaker.failed(10)
  t.equal(breaker.allows(), false)
  t.strictSame(opened, [5, 10])
})
