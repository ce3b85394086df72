import t from 'tap'
import { Outage } from '../../src/gateway/outage.ts'
import { aVerifier } from './some-verifier.ts'

const wrong = ['wrong 1', 'wrong 2', 'wrong 3']

for (const [found, held] of [
  ['mismatch', { current: {} }],
  ['absent', {}],
] as const) {
  t.test(`${found}: a guess beyond the limit is not checked`, async t => {
    const { verify, clock } = aVerifier(held)
    const answers = []
    for (const guess of wrong) answers.push(await verify(guess))
    t.strictSame(answers, [found, found, 'throttled by credential'])
    t.equal(clock.hashes, 2)
    t.equal(await verify('right'), 'throttled by credential', 'the answer does not reveal a right password')
  })
}

for (const [found, held] of [
  ['match', { current: {} }],
  ['disabled', { current: { enabled: false } }],
  ['outgrown', { former: {} }],
] as const) {
  t.test(`${found}: the right password is never counted as a guess`, async t => {
    const { verify, forget } = aVerifier(held)
    t.equal(await verify('wrong 1'), 'mismatch')
    for (let times = 0; times < 5; times++) {
      t.equal(await verify('right', `198.51.100.${times}`), found)
      forget()
    }
    t.equal(await verify('wrong 2'), 'mismatch')
    t.equal(await verify('wrong 3'), 'throttled by credential')
  })
}

t.test('a user whose password is remembered gets in from anywhere, whatever others guess', async t => {
  const { verify } = aVerifier({ current: {} })
  t.equal(await verify('right'), 'match')
  for (const guess of wrong) await verify(guess, '192.0.2.66')
  t.equal(await verify('wrong 4', '192.0.2.66'), 'throttled by credential')
  for (const from of ['192.0.2.1', '192.0.2.66', '192.0.2.99']) t.equal(await verify('right', from), 'match')
})

t.test('a user whose password is no longer remembered gets in from where it was right before', async t => {
  const { verify, forget } = aVerifier({ current: {} })
  t.equal(await verify('right'), 'match')
  for (const guess of wrong) await verify(guess, '192.0.2.66')
  forget()
  t.equal(await verify('right', '192.0.2.99'), 'throttled by credential')
  t.equal(await verify('right'), 'match')
})

t.test('a client with an outdated right password is as unknown as any other', async t => {
  const { verify, forget } = aVerifier({ former: {} })
  t.equal(await verify('right'), 'outgrown')
  for (const guess of wrong) await verify(guess, '192.0.2.66')
  forget()
  t.equal(await verify('right'), 'throttled by credential')
})

t.test('a full queue and an outage do not count as guesses', async t => {
  for (const trouble of ['busy', 'outage']) {
    let well = false
    const { verify } = aVerifier({ current: {} }, () => {
      if (well) return 'mismatch'
      if (trouble === 'busy') return 'busy'
      throw new Outage('hashing', new Error('down'))
    })
    for (let guess = 0; guess < 10; guess++) t.equal(await verify(`guess ${guess}`), trouble)
    well = true
    t.equal(await verify('wrong 1'), 'mismatch')
    t.equal(await verify('wrong 2'), 'mismatch')
    t.equal(await verify('wrong 3'), 'throttled by credential')
  }
})

t.test('a forged generated password counts only as a repetition', async t => {
  const { verify, clock, make } = aVerifier({ current: {} })
  const forged = () => make().replace(/.$/, last => (last === 'x' ? 'y' : 'x'))
  for (let guess = 0; guess < 50; guess++) t.equal(await verify(forged()), 'forged')
  t.equal(clock.hashes, 0)
  t.equal(await verify('wrong 1'), 'mismatch')
  const same = forged()
  for (let times = 0; times < 20; times++) t.equal(await verify(same), 'forged')
  t.equal(await verify(same), 'throttled by repetition')
})

t.test('a repeated wrong password is one guess, and is stopped after twenty repetitions', async t => {
  const { verify, clock } = aVerifier({ current: {} })
  for (let times = 0; times < 21; times++) t.equal(await verify('wrong 1'), 'mismatch')
  t.equal(await verify('wrong 1'), 'throttled by repetition')
  t.equal(clock.hashes, 1)
  t.equal(await verify('wrong 2'), 'mismatch', 'another password is looked at')
  clock.now += 60_000
  t.equal(await verify('wrong 1'), 'mismatch')
})

t.test('"reset needed" is never throttled', async t => {
  const { verify } = aVerifier({ former: {} })
  for (let times = 0; times < 100; times++) t.equal(await verify('right'), 'outgrown')
})
