import { setTimeout as delay } from 'node:timers/promises'
import t from 'tap'
import type { DirectoryId, Owner, Scope, Username } from '../../src/gateway/names.ts'
import { msaScope } from '../../src/gateway/names.ts'
import type { PasswordHash } from '../../src/gateway/ports.ts'
import { Secret } from '../../src/gateway/secret.ts'
import { until } from '../support/until.ts'
import { aLab, anna, boris, claimsOf, scope } from './lab.ts'
import { client, directory, upstreamScope } from './refresh-provider.ts'

const minute = 60_000

t.test('a user who has signed in has a token of their own for the upstream', async t => {
  const lab = await aLab(t)
  const gateway = await lab.process()
  t.equal(await gateway.token(), 'no-grant')
  await lab.signIn()
  t.match(claimsOf(await gateway.bearer()), {
    iss: lab.provider.issuer,
    aud: upstreamScope.split('/')[0],
    oid: anna,
    tid: directory,
  })
  t.equal(await gateway.token(boris), 'no-grant')
  t.strictSame(gateway.results, ['renewed'])
})

t.test('a hundred requests cost one question, and later ones none', async t => {
  const lab = await aLab(t)
  const gateway = await lab.process()
  await lab.signIn()
  const bearers = await Promise.all(Array.from({ length: 100 }, () => gateway.bearer()))
  t.equal(new Set(bearers).size, 1)
  const again = gateway.tokenFor(await lab.request())
  t.notOk(again instanceof Promise, 'from memory at once')
  t.equal(lab.provider.asked(), 1)
})

t.test('the token that a sign-in gave is used until its end', async t => {
  const lab = await aLab(t)
  const gateway = await lab.process()
  await lab.request()
  const access = { token: new Secret('access.of.the-sign-in'), of: upstreamScope, lifeSeconds: 3600 }
  await gateway.grants.give('page:anna', {
    scope,
    owner: anna as Owner,
    issuer: lab.provider.issuer,
    clientId: client.id,
    refreshToken: new Secret(await lab.provider.signIn(anna)),
    access,
  })
  t.equal(await gateway.bearer(), 'access.of.the-sign-in')
  t.equal(lab.provider.asked(), 0)
  lab.clock.now += 60 * minute
  t.not(await gateway.bearer(), 'access.of.the-sign-in')
  t.equal(lab.provider.asked(), 1)
})

t.test('a token is renewed ahead of its end, while requests go on with it', async t => {
  const lab = await aLab(t)
  const gateway = await lab.process()
  await lab.signIn()
  const first = await gateway.bearer()
  lab.clock.now += 60 * minute * 0.59
  t.equal(await gateway.bearer(), first)
  t.equal(lab.provider.asked(), 1, 'too early')
  lab.clock.now += 60 * minute * 0.27
  const holding = Promise.withResolvers<void>()
  lab.provider.hold = holding.promise
  t.equal(await gateway.bearer(), first, 'no request waits for the new one')
  t.notOk(gateway.tokenFor(await lab.request()) instanceof Promise)
  holding.resolve()
  await until(() => lab.provider.asked() === 2)
  await until(async () => (await gateway.bearer()) !== first)
  t.equal(lab.provider.asked(), 2, 'and it was asked for once')
})

t.test('tokens that end in the same minute are not renewed in the same minute', async t => {
  const lab = await aLab(t)
  const gateway = await lab.process()
  const users = Array.from({ length: 40 }, (_, at) => `user-${at}`)
  for (const user of users) await lab.signIn(user)
  await Promise.all(users.map(user => gateway.bearer(user)))
  const perMinute: number[] = []
  lab.provider.answering = (_, usual) => {
    perMinute.push((perMinute.pop() ?? 0) + 1)
    usual()
  }
  const isQuiet = async () => {
    for (let seen = -1; seen !== lab.provider.asked() || gateway.results.length !== seen; ) {
      seen = lab.provider.asked()
      await delay(50)
    }
  }
  for (let at = 36; at < 52; at += 1) {
    lab.clock.now += (at === 36 ? 36 : 1) * minute
    perMinute.push(0)
    await Promise.all(users.map(user => gateway.bearer(user)))
    await isQuiet()
  }
  await until(() => lab.provider.asked() === 2 * users.length)
  t.ok(Math.max(...perMinute) < 12, `not more than a few at a time: ${perMinute.join(' ')}`)
})

t.test('of two processes that need a token at once, one asks and both have it', async t => {
  const lab = await aLab(t)
  const [one, other] = [await lab.process(), await lab.process()]
  await lab.signIn()
  for (let generation = 1; generation <= 10; generation += 1) {
    const bearers = await Promise.all([one.bearer(), other.bearer(), one.bearer(), other.bearer()])
    t.equal(new Set(bearers).size, 1)
    t.equal(lab.provider.asked(), generation, 'each refresh token is good for one use')
    lab.clock.now += 61 * minute
  }
})

t.test('of two processes that renew ahead, one asks', async t => {
  const lab = await aLab(t)
  const gateways = [await lab.process(), await lab.process()]
  await lab.signIn()
  const first = await Promise.all(gateways.map(gateway => gateway.bearer()))
  lab.clock.now += 52 * minute
  await until(async () => {
    lab.clock.now += 20
    const bearers = await Promise.all(gateways.map(gateway => gateway.bearer()))
    return new Set(bearers).size === 1 && bearers[0] !== first[0]
  })
  t.equal(lab.provider.asked(), 2)
})

t.test('a user who is disconnected is so in every process at once, and at the provider', async t => {
  const lab = await aLab(t)
  const [one, other] = [await lab.process(), await lab.process()]
  await lab.signIn()
  await Promise.all([one.bearer(), other.bearer()])
  t.equal(await one.grants.end('page:anna', { scope, owner: anna as Owner }, 'disconnected'), 'revoked')
  t.equal(lab.provider.revoked(), 1)
  t.equal(await other.token(), 'ended')
  t.equal(await one.token(), 'ended')
  t.equal(await one.grants.end('page:anna', { scope, owner: anna as Owner }, 'disconnected'), undefined)
  await lab.signIn()
  t.equal(await one.bearer(), await other.bearer(), 'signing in is enough')
})

t.test('a provider without an endpoint for it is told nothing', async t => {
  const lab = await aLab(t, { revocation: false })
  const gateway = await lab.process()
  await lab.signIn()
  const whose = { scope, owner: anna as Owner }
  t.equal(await gateway.grants.end('cli:root', whose, 'signed-out'), 'no-endpoint')
})

t.test('what is renewed while its user disconnects is revoked as well', async t => {
  const lab = await aLab(t)
  const gateway = await lab.process()
  await lab.signIn()
  const holding = Promise.withResolvers<void>()
  lab.provider.hold = holding.promise
  const waiting = gateway.token()
  await until(() => lab.provider.asked() === 1)
  await gateway.registry.endGrant('page:anna', { scope, owner: anna as Owner }, 'disconnected')
  holding.resolve()
  t.equal(await waiting, 'ended')
  await until(() => lab.provider.revoked() === 1)
})

t.test('a credential of the former scope acts as the linked user', async t => {
  const lab = await aLab(t)
  const gateway = await lab.process()
  await lab.signIn()
  const username = 'anna@outlook.com' as Username
  const whose = { scope: msaScope, owner: 'msa-anna' as Owner }
  await gateway.registry.setCredential('test', msaScope, {
    username,
    owner: whose.owner,
    hash: 'no hash' as PasswordHash,
  })
  const { current } = await gateway.store.credentials.find(msaScope, undefined, username)
  const bridged = { ...(await lab.request()), scope: msaScope, username }
  const request = { ...bridged, subject: current?.subject ?? bridged.subject }
  t.equal(await gateway.tokenFor(request), 'no-grant')
  await gateway.registry.link('page:anna', whose, { scope, owner: anna as Owner })
  t.match(await gateway.tokenFor(request), { token: Secret })
  await lab.signIn(boris)
  await gateway.registry.link('page:boris', whose, { scope, owner: boris as Owner })
  const next = await gateway.tokenFor(request)
  t.equal(
    typeof next === 'object' && claimsOf(next.token.reveal())['oid'],
    boris,
    'another link, another user',
  )
})

t.test('a token that the upstream rejects is replaced once, for all processes', async t => {
  const lab = await aLab(t)
  const [one, other] = [await lab.process(), await lab.process()]
  await lab.signIn()
  const first = await one.token()
  if (typeof first === 'string') return t.fail(first)
  await other.bearer()
  const request = await lab.request()
  const next = await Promise.all([
    one.rejected(request, first, undefined),
    one.rejected(request, first, undefined),
  ])
  t.equal(next[0], next[1])
  t.equal(lab.provider.asked(), 2)
  const [fresh] = next
  if (fresh === undefined || typeof fresh === 'string') return t.fail('no token')
  t.not(fresh.token, first.token)
  t.equal(await one.token(), fresh)
  t.match(await other.rejected(request, first, undefined), { token: { reveal: Function } })
  t.equal(lab.provider.asked(), 2, 'the other process finds the fresh one')
  t.equal(await one.rejected(request, fresh, undefined), fresh, 'the same again: it would be rejected, too')
  t.equal(lab.provider.asked(), 2)
})

t.test('a claims challenge ends the sign-in, but not a newer one', async t => {
  const lab = await aLab(t)
  const [one, other] = [await lab.process(), await lab.process()]
  await lab.signIn()
  const first = await one.token()
  if (typeof first === 'string') return t.fail(first)
  const request = await lab.request()
  t.equal(await one.rejected(request, first, 'eyJ9'), 'claims')
  t.equal(await other.token(), 'claims')
  await lab.signIn()
  await other.bearer()
  t.type(await one.rejected(request, first, 'eyJ9'), 'object', 'it was about the token of before')
  t.equal(typeof (await one.token()), 'object')
})

t.test('a claims challenge does not end a sign-in that is made at that moment', async t => {
  const lab = await aLab(t)
  await lab.signIn()
  let signsIn = false
  const gateway = await lab.process({
    change: grants => ({
      async ofSubject(...whose) {
        const found = await grants.ofSubject(...whose)
        if (signsIn) await lab.signIn()
        signsIn = false
        return found
      },
    }),
  })
  const first = await gateway.token()
  if (typeof first === 'string') return t.fail(first)
  const request = await lab.request()
  signsIn = true
  t.type(await gateway.rejected(request, first, 'eyJ9'), 'object', 'the new sign-in has proved more, perhaps')
  t.type(await gateway.token(), 'object')
})

t.test('a token for another upstream is of no use', async t => {
  const lab = await aLab(t)
  const gateway = await lab.process()
  await lab.request()
  await gateway.grants.give('page:anna', {
    scope,
    owner: anna as Owner,
    issuer: lab.provider.issuer,
    clientId: client.id,
    refreshToken: new Secret(await lab.provider.signIn(anna)),
    access: { token: new Secret('for.another.upstream'), of: 'api://other/.default', lifeSeconds: 3600 },
  })
  t.equal(claimsOf(await gateway.bearer())['aud'], upstreamScope.split('/')[0])
})

t.test('a user of another app registration, or of a scope without one, signs in again', async t => {
  const lab = await aLab(t)
  const gateway = await lab.process()
  await lab.request()
  const refreshToken = new Secret(await lab.provider.signIn(anna))
  const grant = { scope, owner: anna as Owner, issuer: lab.provider.issuer, refreshToken }
  await gateway.grants.give('page:anna', { ...grant, clientId: 'another' })
  t.equal(await gateway.token(), 'ended')
  t.match(gateway.warnings, [{ facts: { clientId: 'another' } }])
  t.equal(lab.provider.asked(), 0)
  t.match((await gateway.grants.of(scope, anna as Owner))?.ended, undefined, 'it stays')
})

t.test('of what is remembered, a change of any user is no matter, a change of the user is', async t => {
  const lab = await aLab(t)
  const gateway = await lab.process()
  await lab.signIn()
  await gateway.bearer()
  const request = await lab.request()
  await gateway.registry.addDirectory('test', {
    id: 'aaaaaaaa-0000-4000-8000-000000000002' as DirectoryId,
    name: 'South',
  })
  await lab.signIn(boris)
  t.notOk(gateway.tokenFor(request) instanceof Promise)
  await gateway.registry.switchCredential('test', scope as Scope, request.username, false)
  const again = gateway.tokenFor(request)
  t.ok(again instanceof Promise, 'read again')
  await again
})
