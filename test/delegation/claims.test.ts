// An upstream demands more than a token proves, or a policy of the provider does.
import { text } from 'node:stream/consumers'
import t, { type Test } from 'tap'
import type { Grant, UserToken } from '../../src/gateway/delegation.ts'
import type { Owner, Username } from '../../src/gateway/names.ts'
import { Outage } from '../../src/gateway/outage.ts'
import { aLab, anna, type GatewayProcess, type Lab, scope } from './lab.ts'
import type { Answering } from './refresh-provider.ts'

const demanded = (value = '1604106651') =>
  JSON.stringify({ access_token: { nbf: { essential: true, value } } })
const challenge = (demand = demanded()) => Buffer.from(demand).toString('base64')
const minute = 60_000

interface Scene {
  readonly lab: Lab
  readonly gateway: GatewayProcess
  readonly first: UserToken
  readonly reject: (
    token: UserToken,
    claims?: string,
    by?: GatewayProcess,
  ) => ReturnType<GatewayProcess['rejected']>
  readonly grant: () => Promise<Grant>
}

/** A user who is connected and has an access token. */
async function aScene(t: Test, options: Parameters<typeof aLab>[1] = {}): Promise<Scene> {
  const lab = await aLab(t, options)
  const gateway = await lab.process()
  await lab.signIn()
  const request = await lab.request()
  return {
    lab,
    gateway,
    first: tokenOf(await gateway.token()),
    reject: (token, claims = challenge(), by = gateway) => by.rejected(request, token, claims),
    async grant() {
      const { grant } = await gateway.store.grants.of(scope, anna as Owner)
      if (grant === undefined) throw new Error('there is no grant')
      return grant
    },
  }
}

function tokenOf(found: UserToken | string): UserToken {
  if (typeof found === 'string') throw new Error(found)
  return found
}

/** Refuses, and keeps what it was asked. */
function refusing(error: object, asked: URLSearchParams[] = []): Answering {
  return (response, _, request) =>
    void text(request).then(body => {
      asked.push(new URLSearchParams(body))
      response.writeHead(400, { 'content-type': 'application/json' }).end(JSON.stringify(error))
    })
}

t.test('a challenge is met by a renewal that asks for what it demands', async t => {
  const { lab, gateway, first, reject, grant } = await aScene(t)
  const next = tokenOf(await reject(first))
  t.not(next.token.reveal(), first.token.reveal())
  t.strictSame(lab.provider.claimsAsked, [undefined, demanded()])
  t.equal(await gateway.token(), next)
  t.match(await grant(), { demand: demanded(), ended: undefined })

  await t.test('the next renewal asks for nothing', async () => {
    lab.clock.now += 61 * minute
    await gateway.bearer()
    t.equal(lab.provider.claimsAsked.at(-1), undefined)
    t.equal((await grant()).demand, undefined)
  })
})

t.test('requests that are challenged at the same time, in two gateways, cause one renewal', async t => {
  const { lab, first, reject } = await aScene(t)
  const other = await lab.process()
  tokenOf(await other.token())
  const found = await Promise.all([
    reject(first),
    reject(first),
    reject(first, challenge(), other),
    reject(first, challenge(), other),
  ])
  t.equal(new Set(found.map(each => tokenOf(each).token.reveal())).size, 1)
  t.equal(lab.provider.asked(), 2)
  const late = tokenOf(await reject(first))
  t.equal(late.token.reveal(), tokenOf(found[0]).token.reveal(), 'it was about the token of before')
  t.equal(lab.provider.asked(), 2)
})

t.test('the same challenge to the token that was asked for it needs the user, whenever it comes', async t => {
  const { lab, gateway, first, reject, grant } = await aScene(t)
  const next = tokenOf(await reject(first))
  lab.clock.now += 10 * minute
  t.equal(await reject(next), 'claims')
  t.equal(lab.provider.asked(), 2)
  t.match(await grant(), { demand: demanded(), ended: { cause: 'claims' }, refreshToken: undefined })
  t.equal(await gateway.token(), 'claims')

  await lab.signIn()
  t.equal((await grant()).demand, undefined)
  t.type(await gateway.token(), 'object')
})

t.test('another challenge to a token that is new needs the user, and later another renewal', async t => {
  for (const [minutes, outcome] of [
    [0, 'claims'],
    [0.9, 'claims'],
    [2, 'object'],
  ] as const) {
    const { lab, first, reject, grant } = await aScene(t)
    const next = tokenOf(await reject(first))
    lab.clock.now += minutes * minute
    const found = await reject(next, challenge(demanded('2')))
    t.equal(typeof found === 'string' ? found : typeof found, outcome, `after ${minutes} minutes`)
    t.equal((await grant()).demand, demanded('2'), 'the newest one')
  }
})

t.test('a challenge that says nothing that can be asked for needs the user', async t => {
  for (const claims of ['', 'eyJ9', challenge('{"id_token":{"acr":{"value":"x"}}}')]) {
    const { lab, first, reject, grant } = await aScene(t)
    t.equal(await reject(first, claims), 'claims')
    t.equal(lab.provider.asked(), 1)
    t.match(await grant(), { demand: undefined, ended: { cause: 'claims' } })
  }
})

t.test('a provider that wants to see the user ends the sign-in, and the next one asks for it', async t => {
  for (const [error, sought] of [
    [{ error: 'interaction_required' }, demanded()],
    [{ error: 'invalid_grant', error_description: 'AADSTS50076: use multifactor' }, demanded()],
    [{ error: 'interaction_required', claims: demanded('of-provider') }, demanded('of-provider')],
    [{ error: 'interaction_required', claims: 'nonsense' }, demanded()],
    // It cannot read what the upstream demands: repeated at the sign-in, it would fail that.
    [{ error: 'invalid_request', error_description: 'AADSTS50146' }, undefined],
  ] as const) {
    const { lab, gateway, first, reject, grant } = await aScene(t)
    const asked: URLSearchParams[] = []
    lab.provider.answering = refusing(error, asked)
    t.equal(await reject(first), 'claims', JSON.stringify(error))
    t.equal(asked[0]?.get('claims'), demanded())
    t.match(await grant(), { demand: sought, ended: { cause: 'claims' } })
    lab.provider.answering = undefined
    await lab.signIn()
    t.type(await gateway.token(), 'object', 'and other users are not kept waiting')
  }
})

t.test('a user whom the provider refuses meanwhile is refused', async t => {
  const { lab, gateway, first, reject, grant } = await aScene(t, { everySeconds: 600 })
  lab.provider.answering = refusing({ error: 'invalid_grant', error_description: 'AADSTS50057: disabled' })
  t.equal(await reject(first), 'ended')
  t.equal((await grant()).ended?.cause, 'refused')
  const username = `${anna}@example.com` as Username
  t.equal((await gateway.store.credentials.find(scope, undefined, username)).current?.enabled, false)
})

t.test('an outage of the provider ends nothing', async t => {
  for (const answering of [
    (response => void response.writeHead(503).end()) satisfies Answering,
    (response => void response.writeHead(429, { 'retry-after': '1' }).end()) satisfies Answering,
    (response => void response.destroy()) satisfies Answering,
    (response => void response.writeHead(200).end('<html>')) satisfies Answering,
    refusing({ error: 'invalid_client' }),
    refusing({ error: 'server_error' }),
  ]) {
    const { lab, first, reject, grant } = await aScene(t)
    lab.provider.answering = answering
    await t.rejects(reject(first), Outage)
    t.equal((await grant()).ended, undefined)
    lab.provider.answering = undefined
    lab.clock.now += minute
    t.type(await reject(first), 'object', 'it is met as soon as the provider answers')
  }
})

t.test(
  'a policy that refuses a renewal ends the sign-in, is asked for at the next, and switches no one off',
  async t => {
    for (const error of [
      { error: 'invalid_grant', claims: demanded('policy') },
      { error: 'interaction_required', claims: demanded('policy'), error_description: 'AADSTS50076' },
      {
        error: 'invalid_grant',
        error_description: 'AADSTS70044: sign-in frequency',
        claims: demanded('policy'),
      },
    ]) {
      const { lab, gateway, grant } = await aScene(t, { everySeconds: 600 })
      lab.provider.answering = refusing(error)
      lab.clock.now += 61 * minute
      t.equal(await gateway.token(), 'ended', JSON.stringify(error))
      t.match(await grant(), { demand: demanded('policy'), ended: { cause: 'refused' } })
      const username = `${anna}@example.com` as Username
      t.equal((await gateway.store.credentials.find(scope, undefined, username)).current?.enabled, true)
    }
  },
)

t.test('the capability is declared with each renewal for a token, where it is known', async t => {
  const cp1 = '{"access_token":{"xms_cc":{"values":["cp1"]}}}'
  const { lab, first, reject } = await aScene(t, { continuousAccess: true })
  t.strictSame(lab.provider.claimsAsked, [cp1])
  await reject(first)
  t.strictSame(JSON.parse(String(lab.provider.claimsAsked[1])), {
    access_token: { xms_cc: { values: ['cp1'] }, nbf: { essential: true, value: '1604106651' } },
  })
  const plain = await aScene(t)
  t.strictSame(plain.lab.provider.claimsAsked, [undefined])
})

t.test('a check of a user who has no token for an upstream declares nothing', async t => {
  const lab = await aLab(t, { continuousAccess: true, everySeconds: 600 })
  const gateway = await lab.process()
  await lab.signIn()
  lab.clock.now += 10 * minute
  await gateway.liveness.look()
  t.strictSame(lab.provider.claimsAsked, [undefined])
})

t.test('a token that lives for a day is renewed as often as one of an hour', async t => {
  const lab = await aLab(t)
  lab.provider.life = 28 * 3600
  const gateway = await lab.process()
  await lab.signIn()
  const first = await gateway.bearer()
  lab.clock.now += 50 * minute
  t.equal(await gateway.bearer(), first)
  t.equal(lab.provider.asked(), 1)

  await t.test('a user who has left is noticed by the first request after 90 minutes', async t => {
    lab.clock.now += 5 * 60 * minute
    lab.provider.answering = refusing({ error: 'invalid_grant', error_description: 'AADSTS50057' })
    t.equal(await gateway.token(), 'ended')
  })
})

t.test('the rest of its life bridges an outage of the provider', async t => {
  const lab = await aLab(t)
  lab.provider.life = 10 * 3600
  const gateway = await lab.process()
  const other = await lab.process()
  await lab.signIn()
  const first = await gateway.bearer()
  await lab.provider.stop()
  for (let hours = 1; hours < 9; hours += 1) {
    lab.clock.now = lab.clock.now + 60 * minute + 1
    const { endsAt, token } = tokenOf(await gateway.token())
    t.equal(token.reveal(), first, `${hours} hours`)
    t.ok(endsAt > lab.clock.now && endsAt <= lab.clock.now + 90 * minute)
    t.equal(await other.bearer(), first)
  }
  lab.clock.now += 2 * 60 * minute
  await t.rejects(gateway.token(), Outage)
  await lab.provider.start()
  lab.clock.now += 15_000
  t.not(await gateway.bearer(), first)
})
