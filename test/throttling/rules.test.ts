import { createHash } from 'node:crypto'
import t from 'tap'
import type { Caller } from '../../src/gateway/attempt.ts'
import type { AccountName } from '../../src/gateway/names.ts'
import { among, networkOf } from '../../src/common/addresses.ts'
import { guessOf, weigh, type Digest, type Limits, type Rules } from '../../src/throttling/rules.ts'
import { attempt } from '../verdicts/attempts.ts'
import { at } from './contract.ts'

const limits: Limits = {
  address: { guesses: 30, windowSeconds: 600 },
  credential: { guesses: 2, windowSeconds: 900 },
  everywhere: { guesses: 100, windowSeconds: 60 },
}
const rules: Rules = {
  limits,
  networkOf: address => networkOf(address, 64),
  isExempt: among(['203.0.113.0/24']),
  nameOf: (...parts) => createHash('sha256').update(parts.join('|')).digest('base64url'),
}
const from = (address: string, lane: Caller['lane'] = 'production'): Caller => ({
  from: address,
  lane,
  account: 'fabrikam' as AccountName,
})
const anna = attempt('anna@example.com', 'guess')
const countersOf = (...[presented, caller]: [typeof anna, Caller]) =>
  guessOf(presented, caller, at(presented.username), rules).unfamiliar.map(({ by }) => by)

t.test(
  'a guess from an unfamiliar address counts for the address, for the user name and everywhere',
  async t => {
    t.strictSame(countersOf(anna, from('192.0.2.7')), ['address', 'credential', 'everywhere'])
  },
)

t.test('an exempt address does not count, but the user name does', async t => {
  t.strictSame(countersOf(anna, from('203.0.113.9')), ['credential', 'everywhere'])
})

t.test(
  'one user name is one counter, whatever the address and the password; another scope is another',
  async t => {
    const nameOf = (presented: typeof anna, address: string) =>
      guessOf(presented, from(address), at(presented.username), rules).unfamiliar.find(
        ({ by }) => by === 'credential',
      )?.name
    const name = nameOf(anna, '192.0.2.7')
    t.equal(nameOf(attempt('anna@example.com', 'another'), '198.51.100.1'), name)
    t.not(nameOf(attempt('ben@example.com', 'guess'), '192.0.2.7'), name)
  },
)

t.test('a load test has names and limits of its own', async t => {
  const ours = guessOf(anna, from('192.0.2.7'), at(anna.username), rules)
  const tests = guessOf(anna, from('192.0.2.7', 'load-test'), at(anna.username), rules)
  const namesOf = ({ familiar, own, reserve, unfamiliar }: typeof ours) => [
    familiar.name,
    own.name,
    reserve.name,
    ...unfamiliar.map(({ name }) => name),
  ]
  t.strictSame(
    namesOf(ours).filter(name => namesOf(tests).includes(name)),
    [],
  )
  t.strictSame(
    tests.unfamiliar.map(({ guesses }) => guesses),
    [30_000, 2000, 100_000],
  )
})

t.test('two passwords are two digests in every counter, and no digest is all of the proof', async t => {
  const digestsOf = (password: string, name = 'anna@example.com') => {
    const presented = attempt(name, password)
    const { own, unfamiliar } = guessOf(presented, from('192.0.2.7'), at('anna@example.com'), rules)
    return [own, ...unfamiliar].map(({ digest }) => digest)
  }
  const [one, two] = [digestsOf('one'), digestsOf('two')]
  t.strictSame(one, digestsOf('one'))
  t.strictSame(
    one.filter(digest => two.includes(digest)),
    [],
  )
  for (const digest of one) t.equal(digest.length, 12)
  const [own, address, credential, everywhere] = digestsOf('one', 'anna')
  t.strictSame([own, credential], [one[0], one[2]], 'one guess at the credential, by whichever of its names')
  t.not(address, one[1])
  t.not(everywhere, one[3])
})

t.test(
  'a counter takes its limit of different guesses, each again, and says when the oldest leaves',
  async t => {
    const counter = { by: 'credential', name: 'x', guesses: 2, windowSeconds: 900 } as const
    const [one, two, three] = ['one', 'two', 'three'] as string[] as Digest[]
    if (one === undefined || two === undefined || three === undefined) return t.fail()
    const noted = new Map([[one, 100_000]])
    t.equal(weigh({ ...counter, digest: one }, noted, 150_000), 'counted before')
    t.equal(weigh({ ...counter, digest: two }, noted, 150_000), 'has room')
    noted.set(two, 150_000)
    t.equal(weigh({ ...counter, digest: two }, noted, 200_000), 'counted before')
    t.strictSame(weigh({ ...counter, digest: three }, noted, 200_000), { by: 'credential', retryAfter: 800 })
  },
)
