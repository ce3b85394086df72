import t from 'tap'
import { Outage } from '../../src/gateway/outage.ts'
import { aVerifier } from './some-verifier.ts'

const many = (verify: (password: string) => Promise<string>, password: string) =>
  Promise.all(Array.from({ length: 20 }, () => verify(password)))

t.test('of concurrent callers with one password, one asks the store and all get the result', async t => {
  const { verify, clock } = aVerifier({ current: {} })
  t.strictSame(new Set(await many(verify, 'right')), new Set(['match']))
  t.equal(clock.lookUps, 1)
  t.equal(clock.hashes, 1)
})

t.test('a wrong one is one guess, and the others are repetitions', async t => {
  const { verify, clock } = aVerifier({ current: {} })
  t.strictSame(new Set(await many(verify, 'wrong 1')), new Set(['mismatch']))
  t.equal(clock.hashes, 1)
  t.equal(await verify('wrong 1'), 'mismatch')
  t.equal(await verify('wrong 1'), 'throttled by repetition')
  t.equal(await verify('wrong 2'), 'mismatch', 'of two that may be tried')
  t.equal(await verify('wrong 3'), 'throttled by credential')
})

t.test(
  'a caller from another address does not wait, and uses what is known when its look-up is done',
  async t => {
    const { verify, clock } = aVerifier({ current: {} })
    const others = Promise.withResolvers<void>()
    const held = [others.promise]
    clock.beforeFind = async () => held.shift()
    const late = verify('right', '192.0.2.1')
    t.equal(await verify('right', '192.0.2.2'), 'match')
    others.resolve()
    t.equal(await late, 'match')
    t.equal(clock.lookUps, 2)
    t.equal(clock.hashes, 1)
  },
)

t.test('the others do not use the result of the first if it could not be cached', async t => {
  const { verify, clock } = aVerifier({ current: {} })
  clock.remembers = false // as after a change that came meanwhile
  t.strictSame(new Set(await many(verify, 'right')), new Set(['match']))
  t.equal(clock.lookUps, 20, 'each caller has looked it up')
})

t.test('an error of the first fails all that wait for it, and none after them', async t => {
  const { verify, clock } = aVerifier({ current: {} })
  clock.beforeFind = async () => {
    throw new Outage('store', new Error('down'))
  }
  t.strictSame(new Set(await many(verify, 'right')), new Set(['outage']))
  t.equal(clock.lookUps, 1)
  clock.beforeFind = async () => {}
  t.equal(await verify('right'), 'match')
})
