import t from 'tap'
import { createThrottle } from '../../src/throttling/throttle.ts'
import { attempt, key } from '../verdicts/attempts.ts'
import { at, caller, few, testThrottle, tried } from './contract.ts'

t.test('counting in memory', async t => {
  await testThrottle(t, async (_, options) => createThrottle(options, { key, now: Date.now }))
})

t.test('a counter slides: room is made guess by guess, not all at once', async t => {
  let now = 1_000_000
  const throttle = createThrottle(few, { key, now: () => now })
  for (const guess of ['a', 'b', 'c']) {
    t.equal(await tried(throttle, guess, 'x', '192.0.2.1'), 'in')
    now += 100_000
  }
  t.equal(await tried(throttle, 'd', 'x', '192.0.2.1'), 'address')
  now += 300_000
  t.equal(await tried(throttle, 'd', 'x', '192.0.2.1'), 'in')
  t.equal(await tried(throttle, 'e', 'x', '192.0.2.1'), 'address')
})

t.test('an address is familiar for a week after the password was right', async t => {
  let now = 1_000_000
  const throttle = createThrottle(few, { key, now: () => now })
  const admission = await throttle.admit(attempt('anna', 'right'), caller('198.51.100.1'), at('anna'))
  if ('by' in admission) return t.fail()
  admission.absolve()
  admission.welcome()
  const attack = async () => {
    for (const n of [1, 2, 3, 4]) await tried(throttle, 'anna', `${now} ${n}`, `192.0.2.${n}`)
  }
  now += 7 * 86_400_000 - 1
  await attack()
  t.equal(await tried(throttle, 'anna', 'right', '198.51.100.1'), 'in')
  now += 1
  t.equal(await tried(throttle, 'anna', 'another', '198.51.100.1'), 'credential')
})
