import { createHash } from 'node:crypto'
import fc from 'fast-check'
import t from 'tap'
import { createPackedMatches, type Match } from '../../src/engine/packed-verdicts.ts'
import type { PasswordId, Proof, Revision, Subject, Username } from '../../src/gateway/names.ts'

const proofOf = (name: string | number) => createHash('sha256').update(`${name}`).digest('base64url') as Proof

const matchOf = (username: string, subject = 'subject'): Match => ({
  found: 'match',
  username: username as Username,
  subject: subject as Subject,
  asOf: 7 as Revision,
  via: 'l1',
  until: 1_764_000_000_123,
})

const held = (matches: ReturnType<typeof createPackedMatches>, names: readonly (string | number)[]) =>
  names.filter(name => matches.get(proofOf(name)) !== undefined)

t.test('a match is returned as it was stored, whatever is added and removed in between', async t => {
  const name = fc.oneof(
    fc.string({ unit: 'grapheme', maxLength: 40 }),
    fc.string({ unit: 'grapheme', minLength: 30, maxLength: 320 }),
  )
  const step = fc.record({ key: fc.integer({ min: 0, max: 12 }), names: fc.option(fc.tuple(name, name)) })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 100 }), steps => {
      const packed = createPackedMatches(13)
      const model = new Map<number, Match>()
      for (const { key, names } of steps) {
        if (names === null) {
          packed.delete(proofOf(key))
          model.delete(key)
        } else {
          packed.set(proofOf(key), matchOf(...names))
          model.set(key, matchOf(...names))
        }
      }
      for (let key = 0; key <= 12; key++) t.strictSame(packed.get(proofOf(key)), model.get(key))
    }),
  )
})

t.test("no match is ever another user's, even where there is no room for all", async t => {
  const name = fc.oneof(fc.string({ maxLength: 40 }), fc.string({ minLength: 60, maxLength: 100 }))
  const key = fc.integer({ min: 0, max: 19 })
  const step = fc.oneof(
    fc.record({ does: fc.constant('set' as const), key, name }),
    fc.record({ does: fc.constantFrom('get' as const, 'delete' as const), key, name: fc.constant('') }),
  )
  fc.assert(
    fc.property(fc.constantFrom(1, 2, 3, 13), fc.array(step, { maxLength: 200 }), (most, steps) => {
      const packed = createPackedMatches(most)
      const model = new Map<number, Match>()
      for (const { does, key, name } of steps) {
        if (does === 'delete') {
          packed.delete(proofOf(key))
          model.delete(key)
        } else if (does === 'set') {
          packed.set(proofOf(key), matchOf(name))
          model.set(key, matchOf(name))
        }
        const found = packed.get(proofOf(key))
        if (does === 'set' || found !== undefined) t.strictSame(found, model.get(key))
      }
      const all = Array.from({ length: 20 }, (_, key) => [key, packed.get(proofOf(key))] as const)
      const kept = all.filter(([, found]) => found !== undefined)
      for (const [key, found] of kept) t.strictSame(found, model.get(key))
      if (kept.length > most) t.fail(`${kept.length} of ${most}`)
    }),
    { numRuns: 300 },
  )
})

t.test('the generated password that was presented is kept with its match', async t => {
  const packed = createPackedMatches(3)
  const password = { id: 'aaaaaaaaaa' as PasswordId, name: 'build-7', readOnly: true, endsAt: 9 } as const
  packed.set(proofOf('build'), { ...matchOf('anna'), password })
  packed.set(proofOf('chosen'), matchOf('anna'))
  t.strictSame(packed.get(proofOf('build')), { ...matchOf('anna'), password })
  t.strictSame(packed.get(proofOf('chosen')), matchOf('anna'))
  packed.set(proofOf('build'), matchOf('anna'))
  t.strictSame(packed.get(proofOf('build')), matchOf('anna'), 'and is gone with it')
})

t.test('the limit is never exceeded', async t => {
  const packed = createPackedMatches(100)
  const names = Array.from({ length: 1000 }, (_, number) => number)
  for (const name of names) packed.set(proofOf(name), matchOf(`${name}`))
  t.equal(held(packed, names).length, 100)
  t.strictSame(held(packed, names), names.slice(-100), 'unused ones are evicted, oldest first')
})

t.test('one that is used again and again stays', async t => {
  const packed = createPackedMatches(10)
  packed.set(proofOf('anna'), matchOf('anna'))
  for (let number = 0; number < 1000; number++) {
    t.equal(packed.get(proofOf('anna'))?.username, 'anna')
    packed.set(proofOf(number), matchOf(`${number}`))
  }
})

t.test('removed records are reused first', async t => {
  const packed = createPackedMatches(3)
  for (const name of ['a', 'b', 'c']) packed.set(proofOf(name), matchOf(name))
  packed.delete(proofOf('b'))
  packed.delete(proofOf('nobody'))
  packed.set(proofOf('d'), matchOf('d'))
  t.strictSame(held(packed, ['a', 'b', 'c', 'd']), ['a', 'c', 'd'])
})

t.test('an evicted record releases its long names', async t => {
  const packed = createPackedMatches(1)
  packed.set(proofOf('long'), matchOf('l'.repeat(320)))
  packed.set(proofOf('short'), matchOf('short'))
  t.equal(packed.get(proofOf('long')), undefined)
  t.equal(packed.get(proofOf('short'))?.username, 'short')
  packed.set(proofOf('short'), matchOf('l'.repeat(320)))
  packed.set(proofOf('short'), matchOf('short again'))
  t.equal(packed.get(proofOf('short'))?.username, 'short again')
})

t.test('no two of ten thousand are confused', async t => {
  const packed = createPackedMatches(10_000)
  for (let number = 0; number < 10_000; number++) packed.set(proofOf(number), matchOf(`user ${number}`))
  for (let number = 0; number < 10_000; number++)
    if (packed.get(proofOf(number))?.username !== `user ${number}`) t.fail(`${number}`)
  t.equal(packed.get(proofOf('a stranger')), undefined)
})

t.test(
  'one that is asked for again is the same object until it changes, and one that is asked for once is not kept',
  async t => {
    const packed = createPackedMatches(10_000)
    const names = Array.from({ length: 2000 }, (_, number) => number)
    for (const name of names) packed.set(proofOf(name), matchOf(`user ${name}`))
    const asked = () => names.map(name => packed.get(proofOf(name)))
    const [first, second] = [asked(), asked()]
    t.strictSame(first, second)
    t.equal(first.filter((match, at) => match === second[at]).length, 0, 'of 2,000 users in turn')
    const anna = () => packed.get(proofOf(0))
    anna()
    const kept = anna()
    t.equal(anna(), kept)
    asked()
    t.equal(anna(), kept, 'whoever comes once does not displace it')
    packed.set(proofOf(0), { ...matchOf('user 0'), until: 5 })
    t.equal(anna()?.until, 5)
    packed.delete(proofOf(0))
    t.equal(anna(), undefined)
  },
)

t.test('half a proof is rejected', async t => {
  t.throws(() => createPackedMatches(1).get('QUJD' as Proof), { message: 'a proof has 32 bytes' })
})
