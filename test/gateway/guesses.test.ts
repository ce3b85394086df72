import { randomBytes } from 'node:crypto'
import t from 'tap'
import { attemptOn, createAttemptKeys } from '../../src/gateway/attempt.ts'
import { createGeneratedPasswords } from '../../src/gateway/generated-password.ts'
import {
  foldUsername,
  type AccountName,
  type DirectoryId,
  type Revision,
  type Subject,
} from '../../src/gateway/names.ts'
import { Outage } from '../../src/gateway/outage.ts'
import type { Compared, PasswordHash, StoredCredential } from '../../src/gateway/ports.ts'
import { Secret } from '../../src/gateway/secret.ts'
import type { KnownVerdict, Verdict } from '../../src/gateway/verdict.ts'
import { createVerifier } from '../../src/gateway/verifier.ts'
import { createThrottle } from '../../src/throttling/throttle.ts'
import { usualThrottle } from '../support/world.ts'

const contoso = {
  kind: 'entra',
  directoryId: '11111111-1111-4111-8111-111111111111' as DirectoryId,
  directoryName: 'Contoso',
} as const
const account = {
  name: 'contoso' as AccountName,
  connection: contoso,
  former: { connection: { kind: 'msa' }, leftAt: 0 },
  upstream: 'http://127.0.0.1:1',
} as const

/** A verifier that looks at two wrong passwords; `right` is the password of what the store holds. */
function aVerifier(
  held: { current?: Partial<StoredCredential>; former?: Partial<StoredCredential> },
  compare: (password: string) => Compared = password => (password === 'right' ? 'match' : 'mismatch'),
) {
  const credential = (part: Partial<StoredCredential> | undefined): StoredCredential | undefined =>
    part && {
      username: foldUsername('anna'),
      subject: 'subject' as Subject,
      hash: 'hash' as PasswordHash,
      enabled: true,
      ...part,
    }
  const keys = createAttemptKeys(randomBytes(32))
  const generated = createGeneratedPasswords(randomBytes(32))
  const known = new Map<string, KnownVerdict>()
  const clock = { now: 1_000_000, hashes: 0, beforeFind: async () => {} }
  const verifier = createVerifier({
    credentials: {
      async find() {
        await clock.beforeFind()
        return { asOf: 1 as Revision, current: credential(held.current), former: credential(held.former) }
      },
      upgrade: async () => {},
    },
    verdicts: {
      recall: ({ proof }) => known.get(proof),
      remember: ({ proof }, verdict) => void known.set(proof, verdict),
    },
    hasher: {
      hash: async () => 'busy',
      async compare({ password }) {
        clock.hashes += 1
        return compare(password.reveal())
      },
      outdated: () => false,
    },
    generated,
    throttle: createThrottle(
      { ...usualThrottle, credential: { guesses: 2, windowSeconds: 900 } },
      { key: randomBytes(32), now: () => clock.now },
    ),
    upgradeFailed: error => t.error(error),
  })
  const verify = async (password: string, from = '192.0.2.1'): Promise<string> => {
    const attempt = attemptOn(
      account,
      { username: foldUsername('anna'), password: new Secret(password) },
      keys,
    )
    const verdict: Verdict | Outage = await verifier
      .verify(attempt, { account: account.name, from, lane: 'production' })
      .catch((error: Outage) => error)
    if (verdict instanceof Outage) return 'outage'
    if (verdict.found !== 'untried') return verdict.found
    return verdict.because === 'busy' ? 'busy' : `throttled by ${verdict.by}`
  }
  /** What is remembered of wrong passwords has its time. */
  const forget = () => known.clear()
  return { verify, forget, clock, make: () => generated.make().reveal() }
}

const wrong = ['wrong 1', 'wrong 2', 'wrong 3']

for (const [found, held] of [
  ['mismatch', { current: {} }],
  ['absent', {}],
] as const) {
  t.test(`${found}: after its limit a guess is not looked at`, async t => {
    const { verify, clock } = aVerifier(held)
    const answers = []
    for (const guess of wrong) answers.push(await verify(guess))
    t.strictSame(answers, [found, found, 'throttled by credential'])
    t.equal(clock.hashes, 2)
    t.equal(
      await verify('right'),
      'throttled by credential',
      'and nothing tells that one would have been right',
    )
  })
}

for (const [found, held] of [
  ['match', { current: {} }],
  ['disabled', { current: { enabled: false } }],
  ['outgrown', { former: {} }],
] as const) {
  t.test(`${found}: the right password is no guess, however often it is checked`, async t => {
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

t.test('whose password is remembered gets in, from anywhere, whatever others guess', async t => {
  const { verify } = aVerifier({ current: {} })
  t.equal(await verify('right'), 'match')
  for (const guess of wrong) await verify(guess, '192.0.2.66')
  t.equal(await verify('wrong 4', '192.0.2.66'), 'throttled by credential')
  for (const from of ['192.0.2.1', '192.0.2.66', '192.0.2.99']) t.equal(await verify('right', from), 'match')
})

t.test('and when it is no longer remembered, from where it was right before', async t => {
  const { verify, forget } = aVerifier({ current: {} })
  t.equal(await verify('right'), 'match')
  for (const guess of wrong) await verify(guess, '192.0.2.66')
  forget()
  t.equal(await verify('right', '192.0.2.99'), 'throttled by credential')
  t.equal(await verify('right'), 'match')
})

t.test('who had the right password of yesterday is as strange as everybody', async t => {
  const { verify, forget } = aVerifier({ former: {} })
  t.equal(await verify('right'), 'outgrown')
  for (const guess of wrong) await verify(guess, '192.0.2.66')
  forget()
  t.equal(await verify('right'), 'throttled by credential')
})

t.test('a full queue and an outage are no guesses', async t => {
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

t.test('a generated password that checks itself is never counted, but for its repetition', async t => {
  const { verify, clock, make } = aVerifier({ current: {} })
  const forged = () => make().replace(/.$/, last => (last === 'x' ? 'y' : 'x'))
  for (let guess = 0; guess < 50; guess++) t.equal(await verify(forged()), 'forged')
  t.equal(clock.hashes, 0)
  t.equal(await verify('wrong 1'), 'mismatch')
  const same = forged()
  for (let times = 0; times < 20; times++) t.equal(await verify(same), 'forged')
  t.equal(await verify(same), 'throttled by repetition')
})

t.test(
  'one wrong password again and again is one guess, and is stopped after twenty repetitions',
  async t => {
    const { verify, clock } = aVerifier({ current: {} })
    for (let times = 0; times < 21; times++) t.equal(await verify('wrong 1'), 'mismatch')
    t.equal(await verify('wrong 1'), 'throttled by repetition')
    t.equal(clock.hashes, 1)
    t.equal(await verify('wrong 2'), 'mismatch', 'another password is looked at')
    clock.now += 60_000
    t.equal(await verify('wrong 1'), 'mismatch')
  },
)

t.test('"reset needed" is told as often as somebody asks', async t => {
  const { verify } = aVerifier({ former: {} })
  for (let times = 0; times < 100; times++) t.equal(await verify('right'), 'outgrown')
})

t.test('whoever comes out of the store when others have been answered takes their verdict', async t => {
  const { verify, clock } = aVerifier({ current: {} })
  const others = Promise.withResolvers<void>()
  const held = [others.promise]
  clock.beforeFind = async () => held.shift()
  const late = verify('right')
  t.equal(await verify('right'), 'match')
  others.resolve()
  t.equal(await late, 'match')
  t.equal(clock.hashes, 1)
})
