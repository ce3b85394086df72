// An allowed request that acts as its user needs an access token. Without one the password is right all the same.
import t from 'tap'
import { RequestHeaders } from '../../src/gateway/ask.ts'
import type { Account } from '../../src/gateway/account.ts'
import type { Decision } from '../../src/gateway/decision.ts'
import type { AccountName } from '../../src/gateway/names.ts'
import { Outage } from '../../src/gateway/outage.ts'
import { Secret } from '../../src/gateway/secret.ts'
import type { Soon } from '../../src/gateway/soon.ts'
import { basicOf } from '../support/ask.ts'
import { type GivenDelegation, givenDelegation, userToken } from '../support/delegation.ts'
import { aWorld, type CredentialInTheWorld, entra, msa, type World } from '../support/world.ts'

const anna: CredentialInTheWorld = { username: 'anna@example.com', secondary: 'anna', password: 'right' }
const account: Account = { name: 'fabrikam' as AccountName, connection: msa, upstream: 'http://up.invalid' }

function worldWith(delegation: GivenDelegation, more: Partial<Parameters<typeof aWorld>[0]> = {}): World {
  return aWorld({ accounts: [account], credentials: [anna], delegation, ...more })
}

function decide({ gateway }: World, username = 'anna@example.com', password = 'right'): Soon<Decision> {
  return gateway.decide({
    id: 'a-request',
    method: 'GET',
    target: '/fabrikam/r.git',
    host: 'git.example.com',
    authorization: [new Secret(basicOf(username, password))],
    from: '192.0.2.1',
    secure: true,
    headers: new RequestHeaders([]),
    lane: 'production',
  })
}

t.test('an allowed request carries the token of its user, whichever name was presented', async t => {
  const token = userToken('of-anna')
  const delegation = givenDelegation(token)
  const world = worldWith(delegation)
  for (const name of ['anna@example.com', 'ANNA'])
    t.match(await decide(world, name), { outcome: 'allow', username: 'anna@example.com', act: token })
  t.strictSame(delegation.asked, ['anna@example.com', 'anna@example.com'])
})

t.test('a token that has to be renewed first is waited for', async t => {
  const token = userToken('of-anna')
  const world = worldWith(givenDelegation(async () => token))
  t.match(await decide(world), { outcome: 'allow', act: token })
})

t.test('a request that does not act by delegation is allowed without a token', async t => {
  const decision = await decide(worldWith(givenDelegation(userToken('of-anna'), () => true)))
  t.equal(decision.outcome, 'allow')
  t.notOk('act' in decision)
})

t.test('no request but an allowed one asks for a token', async t => {
  const delegation = givenDelegation()
  const off = { ...anna, username: 'off@example.com', secondary: 'off', enabled: false }
  const world = worldWith(delegation, { credentials: [anna, off] })
  for (const [name, password, outcome] of [
    ['anna@example.com', 'wrong', 'refused'],
    ['eve@example.com', 'right', 'refused'],
    ['off@example.com', 'right', 'disabled'],
    ['anna@example.com', '', 'challenge'],
  ] as const)
    t.equal((await decide(world, name, password)).outcome, outcome)
  t.strictSame(delegation.asked, [])
})

for (const cause of ['no-grant', 'ended', 'sealed-otherwise', 'claims'] as const)
  for (const [how, given] of [
    ['at once', cause],
    ['later', async () => cause],
  ] as const)
    t.test(`without a token (${cause}, said ${how}) a sign-in is needed`, async t => {
      t.match(await decide(worldWith(givenDelegation(given))), {
        outcome: 'sign-in-needed',
        account: { name: 'fabrikam' },
        scope: 'msa',
        username: 'anna@example.com',
        cause,
        via: 'store',
      })
    })

t.test('a provider that is down is an outage, said at once or later', async t => {
  for (const given of [
    async () => Promise.reject(new Outage('provider', new Error('down'))),
    () => {
      throw new Outage('provider', new Error('down'))
    },
  ])
    t.match(await decide(worldWith(givenDelegation(given))), {
      outcome: 'unavailable',
      part: 'provider',
      retryAfter: 5,
    })
})

t.test('a sign-in into a directory that the account has just left is not asked for', async t => {
  const now: Account = { ...account, connection: entra('Contoso') }
  const delegation = givenDelegation('ended')
  const world = worldWith(delegation, {
    credentials: [anna, { ...anna, connection: entra('Contoso') }],
    directory: { find: () => account, confirm: () => now },
  })
  t.match(await decide(world), { outcome: 'sign-in-needed', scope: /^11111111-/, account: now })
  t.equal(delegation.asked.length, 2, 'judged again, in the present scope')
})
