import fc from 'fast-check'
import t from 'tap'
import { RequestHeaders } from '../../src/gateway/ask.ts'
import type { Account, Connection } from '../../src/gateway/account.ts'
import { createAttemptKeys } from '../../src/gateway/attempt.ts'
import { createGateway } from '../../src/gateway/gateway.ts'
import { createGeneratedPasswords } from '../../src/gateway/generated-password.ts'
import {
  type AccountName,
  type DirectoryId,
  foldUsername,
  msaScope,
  type Revision,
  type Scope,
  type Subject,
} from '../../src/gateway/names.ts'
import { Outage } from '../../src/gateway/outage.ts'
import type { PasswordHash, PasswordHasher, StoredCredential } from '../../src/gateway/ports.ts'
import { Secret } from '../../src/gateway/secret.ts'
import { createVerifier } from '../../src/gateway/verifier.ts'
import { createThrottle } from '../../src/throttling/throttle.ts'
import { usualThrottle } from '../support/world.ts'

const contosoId = '11111111-1111-4111-8111-111111111111' as DirectoryId
const northwindId = '22222222-2222-4222-8222-222222222222' as DirectoryId
const msa: Connection = { kind: 'msa' }
const contoso: Connection = { kind: 'entra', directoryId: contosoId, directoryName: 'Contoso' }
const northwind: Connection = { kind: 'entra', directoryId: northwindId, directoryName: 'Northwind' }

function account(name: string, connection: Connection, former?: Connection): Account {
  const left = former && { former: { connection: former, leftAt: 0 } }
  return { name: name as AccountName, connection, upstream: 'http://127.0.0.1:1', ...left }
}

const generated = createGeneratedPasswords(Buffer.alloc(32, 2))

const accounts = [
  account('fabrikam', msa),
  account('fabrikam-two', msa),
  account('contoso', contoso),
  account('northwind', northwind, msa),
  account('back-again', msa, contoso),
  account('renamed', contoso, contoso),
]

interface Held {
  scope: string
  username: string
  secondary?: string
  password: string
  enabled?: boolean
}

/** A gateway over a table of credentials, whose hash of a password is the password: hashing is not the point here. */
function aGateway({
  held = [] as Held[],
  hasher = {} as Partial<PasswordHasher>,
  httpsOnly = false,
  moved = {} as Readonly<Record<string, Account | undefined | 'doubt'>>,
} = {}) {
  const seen = {
    confirmed: 0,
    compared: [] as string[],
    recalled: 0,
    lookedUp: 0,
    catchUps: 0,
    finds: 0,
    outages: [] as string[],
    upgraded: [] as string[],
    inPart: [] as string[],
  }
  const lookUp = (scope: Scope | undefined, name: string): StoredCredential | undefined => {
    const row = held.find(row => row.scope === scope && (row.username === name || row.secondary === name))
    return (
      row && {
        username: foldUsername(row.username),
        subject: `s-${row.username}` as Subject,
        hash: row.password as PasswordHash,
        enabled: row.enabled ?? true,
      }
    )
  }
  const verifier = createVerifier({
    verdicts: { recall: () => void (seen.recalled += 1) as undefined, remember: () => {} },
    credentials: {
      async find(scope, former, username) {
        seen.lookedUp += 1
        return { asOf: 1 as Revision, current: lookUp(scope, username), former: lookUp(former, username) }
      },
      upgrade: async (_scope, _username, outdated, renewed) =>
        void seen.upgraded.push(`${outdated}>${renewed}`),
      turn: async (_scope, _username, outdated) => void seen.upgraded.push(`${outdated}>generated`),
    },
    hasher: {
      hash: async () => 'renewed' as PasswordHash,
      async compare({ password }, against) {
        seen.compared.push(against)
        return against === password.reveal() ? 'match' : 'mismatch'
      },
      outdated: hash => hash.startsWith('old'),
      provesWhole: password => !password.reveal().startsWith('old-72'),
      ...hasher,
    },
    decoys: { like: async ({ scope, former }) => `decoy like ${scope} ${former ?? ''}` },
    generated,
    throttle: createThrottle(usualThrottle, { key: Buffer.alloc(32, 3), now: Date.now }),
    upgradeFailed: error => t.error(error),
    provedInPart: ({ subject }) => void seen.inPart.push(subject),
  })
  const gateway = createGateway({
    naming: { by: 'path' },
    httpsOnly,
    writes: () => false,
    news: { catchUp: () => void (seen.catchUps += 1) as undefined },
    accounts: {
      find(name) {
        seen.finds += 1
        if (name === ('broken' as AccountName)) throw new Outage('store', new Error('down'))
        if (name === ('bug' as AccountName)) throw new TypeError('a bug')
        return accounts.find(account => account.name === name)
      },
      confirm(name) {
        seen.confirmed += 1
        const now = moved[name]
        if (now === 'doubt') throw new Outage('accounts', new Error('no answer'))
        return name in moved ? now : accounts.find(account => account.name === name)
      },
    },
    keys: createAttemptKeys(Buffer.alloc(32, 1)),
    verifier,
    outage: outage => void seen.outages.push(outage.part),
  })
  const decide = (target: string, ...pairs: string[]) =>
    gateway.decide({
      id: 'r1',
      method: 'GET',
      target,
      host: 'git.example.com',
      authorization: pairs.map(pair => new Secret(`Basic ${Buffer.from(pair).toString('base64')}`)),
      from: '127.0.0.1',
      secure: false,
      headers: new RequestHeaders([]),
      lane: 'production',
    })
  return { decide, seen }
}

const anna = { scope: msaScope, username: 'anna@example.com', secondary: 'anna', password: 'msa-pw' }
const annaAtContoso = { scope: contosoId, username: 'anna@example.com', password: 'contoso-pw' }

t.test('one MSA credential opens every MSA account and no other', async t => {
  const { decide } = aGateway({ held: [anna] })
  t.match(await decide('/fabrikam/x', 'anna@example.com:msa-pw'), {
    outcome: 'allow',
    scope: 'msa',
    subject: 's-anna@example.com',
    via: 'store',
  })
  t.match(await decide('/fabrikam-two/x', 'anna:msa-pw'), { outcome: 'allow', username: 'anna@example.com' })
  t.match(await decide('/contoso/x', 'anna@example.com:msa-pw'), { outcome: 'refused', cause: 'absent' })
})

t.test('a user may have different passwords in two scopes, and neither opens the other scope', async t => {
  const { decide } = aGateway({ held: [anna, annaAtContoso] })
  t.match(await decide('/contoso/x', 'anna@example.com:contoso-pw'), { outcome: 'allow', scope: contosoId })
  t.match(await decide('/contoso/x', 'anna@example.com:msa-pw'), { outcome: 'refused', cause: 'mismatch' })
  t.match(await decide('/fabrikam/x', 'anna@example.com:contoso-pw'), {
    outcome: 'refused',
    cause: 'mismatch',
  })
})

t.test('reset-needed is sent only to clients with the right old password', async t => {
  const { decide } = aGateway({ held: [anna] })
  t.match(await decide('/northwind/x', 'anna@example.com:msa-pw'), {
    outcome: 'reset-needed',
    former: 'msa',
    scope: northwindId,
  })
  t.match(await decide('/northwind/x', 'anna@example.com:wrong'), { outcome: 'refused', cause: 'mismatch' })
  t.match(await decide('/northwind/x', 'nobody@example.com:msa-pw'), { outcome: 'refused', cause: 'absent' })
})

t.test('after a new credential is set, the old password is refused', async t => {
  const { decide } = aGateway({ held: [anna, { ...anna, scope: northwindId, password: 'new' }] })
  t.match(await decide('/northwind/x', 'anna:new'), { outcome: 'allow' })
  t.match(await decide('/northwind/x', 'anna:msa-pw'), { outcome: 'refused' })
})

t.test(
  'an account that moved back to Microsoft accounts asks users of the directory for a reset',
  async t => {
    const { decide } = aGateway({ held: [annaAtContoso] })
    t.match(await decide('/back-again/x', 'anna@example.com:contoso-pw'), {
      outcome: 'reset-needed',
      former: contosoId,
      scope: 'msa',
    })
  },
)

t.test('a move within one scope does not affect credentials', async t => {
  const { decide } = aGateway({ held: [annaAtContoso] })
  t.match(await decide('/renamed/x', 'anna@example.com:contoso-pw'), { outcome: 'allow' })
})

t.test('a disabled credential is disabled for its owner and refused for all others', async t => {
  const { decide } = aGateway({ held: [{ ...anna, enabled: false }] })
  t.match(await decide('/fabrikam/x', 'anna:msa-pw'), { outcome: 'disabled' })
  t.match(await decide('/fabrikam/x', 'anna:wrong'), { outcome: 'refused' })
})

t.test('every verification costs exactly one password hash, whatever the result', async t => {
  const { decide, seen } = aGateway({ held: [anna, annaAtContoso] })
  for (const [target, pair, against] of [
    ['/fabrikam/x', 'anna:msa-pw', 'msa-pw'],
    ['/fabrikam/x', 'anna:wrong', 'msa-pw'],
    ['/northwind/x', 'anna:msa-pw', 'msa-pw'],
    ['/contoso/x', 'anna@example.com:x', 'contoso-pw'],
    ['/fabrikam/x', 'nobody:x', 'decoy like msa '],
    ['/northwind/x', 'nobody:x', `decoy like ${northwind.directoryId} msa`],
  ] as const) {
    seen.compared.length = 0
    await decide(target, pair)
    t.same(seen.compared, [against], `${target} ${pair}`)
  }
})

t.test('a wrong generated password is refused without a hash, for known and unknown names alike', async t => {
  const { decide, seen } = aGateway({ held: [anna] })
  const guesses = fc.string({
    minLength: 28,
    maxLength: 28,
    unit: fc.constantFrom('A', 'Z', 'a', 'z', '0', '9'),
  })
  const users = fc.constantFrom('anna', 'anna@example.com', 'nobody')
  await fc.assert(
    fc.asyncProperty(
      users,
      guesses,
      fc.constantFrom('/fabrikam/x', '/northwind/x'),
      async (user, guess, to) => {
        const decision = await decide(to, `${user}:agp_${guess}`)
        return decision.outcome === 'refused' && decision.cause === 'forged' && decision.via === 'none'
      },
    ),
  )
  t.same([seen.recalled, seen.lookedUp, seen.compared.length], [0, 0, 0])
})

t.test('an anonymous request, or one without a password, is challenged and costs no look-up', async t => {
  const { decide, seen } = aGateway({ held: [anna] })
  t.same(await decide('/fabrikam/x'), { outcome: 'challenge', name: 'fabrikam' })
  t.same(await decide('/no-such-account/x'), { outcome: 'challenge', name: 'no-such-account' })
  t.same(await decide('/fabrikam/x', 'anna@example.com:'), { outcome: 'challenge', name: 'fabrikam' })
  t.same([seen.catchUps, seen.finds, seen.compared.length], [0, 0, 0])
})

t.test('two Authorization headers are garbled', async t => {
  const { decide } = aGateway({ held: [anna] })
  t.match(await decide('/fabrikam/x', 'anna:msa-pw', 'anna:msa-pw'), {
    outcome: 'garbled',
    flaw: 'two-headers',
  })
})

t.test('an account that is not there is no-account, not a refusal', async t => {
  const { decide } = aGateway()
  t.same(await decide('/nowhere/x', 'anna:pw'), { outcome: 'no-account', name: 'nowhere' })
  t.same(await decide('/', 'anna:pw'), { outcome: 'no-account' })
})

t.test('changes are read before anything is taken from memory', async t => {
  const { decide, seen } = aGateway({ held: [anna] })
  await decide('/fabrikam/x', 'anna:msa-pw')
  t.equal(seen.catchUps, 1)
})

t.test('an outage is not a refusal, and a bug is not an outage', async t => {
  const { decide, seen } = aGateway()
  t.match(await decide('/broken/x', 'anna:pw'), { outcome: 'unavailable', part: 'store' })
  t.same(seen.outages, ['store'])
  await t.rejects(async () => await decide('/bug/x', 'anna:pw'), TypeError)
})

t.test('a full hash queue is busy, not a refusal', async t => {
  const { decide } = aGateway({ held: [anna], hasher: { compare: async () => 'busy' } })
  t.match(await decide('/fabrikam/x', 'anna:msa-pw'), { outcome: 'busy', retryAfter: 2 })
})

t.test('plain http is refused before any client is asked for a password', async t => {
  const { decide } = aGateway({ held: [anna], httpsOnly: true })
  t.same(await decide('/fabrikam/x'), { outcome: 'not-allowed', cause: 'plain-http' })
  t.same(await decide('/fabrikam/x', 'anna:msa-pw'), { outcome: 'not-allowed', cause: 'plain-http' })
})

t.test('an outdated hash is renewed only after a successful verification', async t => {
  const { decide, seen } = aGateway({ held: [{ ...anna, password: 'old-pw' }] })
  await decide('/fabrikam/x', 'anna:wrong')
  await decide('/northwind/x', 'anna:old-pw') // reset-needed: the credential of the former scope is left as it is
  t.same(seen.upgraded, [])
  await decide('/fabrikam/x', 'anna:old-pw')
  t.same(seen.upgraded, ['old-pw>renewed'])
})

t.test('a hash that covers only a part of the password is not renewed but reported', async t => {
  const { decide, seen } = aGateway({ held: [{ ...anna, password: 'old-72-bytes' }] })
  t.match(await decide('/fabrikam/x', 'anna:old-72-bytes'), { outcome: 'allow' })
  await decide('/fabrikam/x', 'anna:wrong')
  t.same(seen.upgraded, [])
  t.same(seen.inPart, ['s-anna@example.com'])
})

t.test('before a refusal the account is confirmed with the authority', async t => {
  const { decide, seen } = aGateway({ held: [anna, { ...annaAtContoso, enabled: false }] })
  const password = `${generated.make().password.reveal().slice(0, -1)}~`
  for (const [target, pair, outcome, times] of [
    ['/fabrikam/x', 'anna:msa-pw', 'allow', 0],
    ['/fabrikam/x', 'anna:wrong', 'refused', 1],
    ['/fabrikam/x', 'nobody:wrong', 'refused', 1],
    ['/northwind/x', 'anna:msa-pw', 'reset-needed', 1],
    ['/contoso/x', 'anna@example.com:contoso-pw', 'disabled', 1],
    ['/fabrikam/x', `anna:${password}`, 'refused', 0],
  ] as const) {
    seen.confirmed = 0
    t.match(await decide(target, pair), { outcome }, `${target} ${pair}`)
    t.equal(seen.confirmed, times, `${target} ${pair}`)
  }
})

t.test('an account that moved during the request is decided again, in its new state', async t => {
  const moved = {
    fabrikam: account('fabrikam', contoso, msa),
    contoso: undefined,
    northwind: 'doubt',
  } as const
  const { decide, seen } = aGateway({ held: [annaAtContoso], moved })
  t.match(await decide('/fabrikam/x', 'anna@example.com:contoso-pw'), { outcome: 'allow', scope: contosoId })
  t.match(await decide('/fabrikam/x', 'anna@example.com:wrong'), { outcome: 'refused', scope: contosoId })
  t.equal(seen.confirmed, 2, 'once for each request')
  t.match(await decide('/contoso/x', 'anna@example.com:wrong'), { outcome: 'no-account' })
  t.match(await decide('/northwind/x', 'nobody:x'), { outcome: 'unavailable', part: 'accounts' })
})
