import t from 'tap'
import { type Account, type Members, scopeOf } from '../../src/gateway/account.ts'
import type { Attempt } from '../../src/gateway/attempt.ts'
import { readPassword } from '../../src/gateway/credential.ts'
import type { Finding, KnownVerdict } from '../../src/gateway/decision.ts'
import { conclude } from '../../src/gateway/gateway.ts'
import {
  type AccountName,
  foldUsername,
  msaScope,
  type Proof,
  type Revision,
  type Slot,
  type Subject,
} from '../../src/gateway/names.ts'
import { entra, msa } from '../support/world.ts'

const contoso = entra('Contoso')
const scope = scopeOf(contoso)
const anna = { username: foldUsername('anna@example.com'), subject: 's-anna' as Subject }
const right = { found: 'match', ...anna } as const
const outgrown = { found: 'outgrown', former: msaScope, ...anna, linked: true } as const

/** An account that was bridged until 5000 when it moved from Microsoft accounts to Contoso. */
const bridged: Account = {
  name: 'fabrikam' as AccountName,
  connection: contoso,
  former: { connection: msa, leftAt: 1000, bridgedUntil: 5000 },
  upstream: 'http://127.0.0.1:1',
}

const attempt: Attempt = {
  scope,
  former: msaScope,
  username: foldUsername('anna'), // the secondary name
  password: readPassword('whatever'),
  slot: 'slot' as Slot,
  proof: 'proof' as Proof,
}

function decided(finding: Finding, account: Account, now = 2000) {
  const verdict: KnownVerdict = { ...finding, asOf: 1 as Revision, via: 'l1' }
  return conclude(verdict, account, attempt, now)
}

const members = (...entries: [typeof scope, (Subject | typeof anna.username)[]][]): Members =>
  new Map(entries.map(([where, who]) => [where, new Set(who)]))

t.test('an account without a member list is open to every user with the right password', async t => {
  t.match(decided(right, bridged), { outcome: 'allow', scope, ...anna, via: 'l1' })
})

t.test('a member is allowed by subject, or by the listed primary user name', async t => {
  const bySubject = { ...bridged, members: members([scope, [anna.subject]]) }
  const byName = { ...bridged, members: members([scope, [anna.username]]) }
  t.match(decided(right, bySubject), { outcome: 'allow' })
  t.match(decided(right, byName), { outcome: 'allow' })
})

t.test('a user who is not a member in the account’s scope learns only that', async t => {
  const lists = [members(), members([scope, []]), members([msaScope, [anna.subject, anna.username]])]
  for (const list of lists) {
    t.strictSame(decided(right, { ...bridged, members: list }), {
      outcome: 'not-allowed',
      cause: 'not-a-member',
      account: { ...bridged, members: list },
      scope,
      username: anna.username,
      via: 'l1',
    })
  }
})

t.test('a wrong password is refused for members and others alike', async t => {
  for (const found of ['mismatch', 'absent'] as const) {
    t.match(decided({ found }, { ...bridged, members: members() }), { outcome: 'refused', cause: found })
  }
})

t.test('only former and future members learn where an account moved', async t => {
  const closed = { ...bridged, former: { connection: msa, leftAt: 1000 } }
  const told = [members([msaScope, [anna.subject]]), members([scope, [anna.username]])]
  for (const list of told)
    t.match(decided(outgrown, { ...closed, members: list }), { outcome: 'reset-needed' })
  for (const list of [members(), members([scope, ['s-other' as Subject]])])
    t.match(decided(outgrown, { ...closed, members: list }), {
      outcome: 'not-allowed',
      cause: 'not-a-member',
    })
})

t.test('a bridge allows linked users under their former identity, until it ends', async t => {
  t.strictSame(decided(outgrown, bridged, 4999), {
    outcome: 'allow',
    account: bridged,
    scope: msaScope,
    ...anna,
    via: 'l1',
    bridgedUntil: 5000,
  })
  t.match(decided(outgrown, bridged, 5000), { outcome: 'reset-needed', former: msaScope, scope })
})

t.test('a bridge is for linked users only, and exists only if the move was bridged', async t => {
  t.match(decided({ ...outgrown, linked: false }, bridged), { outcome: 'reset-needed' })
  const plain = { ...bridged, former: { connection: msa, leftAt: 1000 } }
  t.match(decided(outgrown, plain), { outcome: 'reset-needed' })
})

t.test('a bridge is for members in the former scope only', async t => {
  const was = { ...bridged, members: members([msaScope, [anna.subject]]) }
  t.match(decided(outgrown, was), { outcome: 'allow', bridgedUntil: 5000 })
  const isToBe = { ...bridged, members: members([scope, [anna.username]]) }
  t.match(decided(outgrown, isToBe), { outcome: 'reset-needed' }, 'a namesake is no proof')
  t.match(decided(outgrown, { ...bridged, members: members() }), { outcome: 'not-allowed' })
})
