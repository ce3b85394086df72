import t from 'tap'
import fc from 'fast-check'
import { createAttemptKeys } from '../../src/gateway/attempt.ts'
import type { Scope, Username } from '../../src/gateway/names.ts'
import { Secret } from '../../src/gateway/secret.ts'

const keys = createAttemptKeys(Buffer.alloc(32, 7))
type Fields = [scope: string, former: string, username: string, password: string]
const proof = ([scope, former, username, password]: Fields) =>
  keys.proof(
    scope as Scope,
    (former || undefined) as Scope | undefined,
    username as Username,
    new Secret(password),
  )

t.test('moving a character from one field to the next changes the proof (CVE-2026-39972)', async t => {
  t.not(proof(['msa', '', 'ab', 'c']), proof(['msa', '', 'a', 'bc']))
  t.not(proof(['msa', '', 'a', '1:b']), proof(['msa', '', 'a1:', 'b']))
  t.not(keys.slot('ms' as Scope, 'aa' as Username), keys.slot('msa' as Scope, 'a' as Username))
})

t.test('changing any field changes the proof (CVE-2025-30189)', async t => {
  const field = fc.string({ unit: fc.constantFrom('a', 'b', ':', '1', '2', '\0'), maxLength: 4 })
  const fields = fc.tuple(field, field, field, field)
  fc.assert(
    fc.property(fields, fields, (one, other) => {
      const same = JSON.stringify(one) === JSON.stringify(other)
      return (proof(one) === proof(other)) === same
    }),
    { numRuns: 3000 },
  )
  t.pass()
})

t.test('another key makes other names, and no name contains what it is made of', async t => {
  const others = createAttemptKeys(Buffer.alloc(32, 8))
  t.not(keys.slot('msa' as Scope, 'anna' as Username), others.slot('msa' as Scope, 'anna' as Username))
  t.match(proof(['msa', '', 'anna', 'pw']), /^[\w-]{43}$/)
})

t.test('a password that comes again, as the same object, has the proof of what it comes with', async t => {
  const password = new Secret('pw')
  const again = (...[scope, former, username]: readonly [string, string | undefined, string]) =>
    keys.proof(scope as Scope, former as Scope | undefined, username as Username, password)
  const all = [
    ['msa', undefined, 'anna'],
    ['msa', undefined, 'ben'],
    ['contoso', undefined, 'anna'],
    ['contoso', 'msa', 'anna'],
    ['msa', undefined, 'anna'],
    ['msa', undefined, 'anna'],
  ] as const
  for (const [scope, former, username] of all)
    t.equal(again(scope, former, username), proof([scope, former ?? '', username, 'pw']))
  t.not(
    createAttemptKeys(Buffer.alloc(32, 8)).proof('msa' as Scope, undefined, 'anna' as Username, password),
    again('msa', undefined, 'anna'),
  )
})
