import t from 'tap'
import { secondsOf } from '../../src/delegation/openid.ts'
import { judge } from '../../src/delegation/provider.ts'
import type { Owner, Scope } from '../../src/gateway/names.ts'
import { msaScope } from '../../src/gateway/names.ts'
import { Secret } from '../../src/gateway/secret.ts'
import { anna, boris, scope } from './lab.ts'

const devOps = '499b84ac-1321-427f-aa17-267ca6975798'
const now = Date.UTC(2026, 10, 27)

function jwt(claims: Record<string, unknown>): string {
  const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
  return `${part({ alg: 'RS256' })}.${part(claims)}.c2lnbmF0dXJl`
}

/** What becomes of an answer with this access token. */
function judged(
  token: string,
  {
    upstreamScope = `${devOps}/.default`,
    expiresIn = 3600,
    whose = scope,
    claims,
  }: {
    readonly upstreamScope?: string
    readonly expiresIn?: number | undefined
    readonly whose?: Scope
    readonly claims?: Record<string, unknown>
  } = {},
) {
  return judge({ access_token: token, expires_in: expiresIn, refresh_token: 'next' }, claims, {
    grant: { scope: whose, owner: anna as Owner },
    refreshToken: new Secret('used'),
    upstreamScope,
    wallNow: now,
  })
}

t.test('a token is for the resource in the scope that it was asked for', async t => {
  const cases: readonly (readonly [string, unknown, boolean])[] = [
    [`${devOps}/.default`, devOps, true],
    [`${devOps}/.default`, devOps.toUpperCase(), true],
    [`${devOps}/.default`, [devOps, 'other'], true],
    [`${devOps}/vso.code`, devOps, true],
    [`${devOps}/.default`, '00000003-0000-0000-c000-000000000000', false],
    [`${devOps}/.default`, 'https://app.vssps.visualstudio.com', false],
    [`${devOps}/.default`, [], false],
    [`${devOps}/.default`, 7, false],
    ['https://app.vssps.visualstudio.com/.default', 'https://app.vssps.visualstudio.com/', true],
    ['https://app.vssps.visualstudio.com//.default', 'https://app.vssps.visualstudio.com', true],
    ['https://app.vssps.visualstudio.com/.default', devOps, true],
    ['https://app.vssps.visualstudio.com/.default', 'https://graph.microsoft.com', false],
    ['api://tfs/.default', 'api://tfs', true],
    ['api://tfs/.default', devOps, true],
    ['api://tfs/.default', 'api://other', false],
    ['code', 'whatever', true],
  ]
  for (const [upstreamScope, aud, isFor] of cases)
    t.equal(
      judged(jwt({ aud, oid: anna }), { upstreamScope }).result,
      isFor ? 'renewed' : 'wrong-audience',
      `${upstreamScope} ${JSON.stringify(aud)}`,
    )
  t.equal(judged(jwt({ oid: anna })).result, 'renewed', 'without an audience')
  t.equal(judged('EwBwA8l6BAAU.opaque').result, 'renewed', 'tokens of Microsoft accounts are opaque')
})

t.test('a token is of the user who signed in', async t => {
  const id = { oid: anna, tid: scope, sub: 'x' }
  t.equal(judged('opaque', { claims: id }).result, 'renewed')
  t.equal(judged('opaque', { claims: { ...id, tid: scope.toUpperCase() } }).result, 'renewed')
  for (const claims of [
    { ...id, oid: boris },
    { ...id, tid: devOps },
    { ...id, oid: undefined },
    { sub: anna },
    {},
  ])
    t.equal(judged('opaque', { claims }).result, 'other-person', JSON.stringify(claims))
  t.equal(judged(jwt({ oid: boris })).result, 'other-person')
  t.equal(judged(jwt({ oid: anna, tid: devOps })).result, 'other-person')
  const ofMicrosoft = { whose: msaScope }
  t.equal(judged('opaque', { ...ofMicrosoft, claims: { sub: anna } }).result, 'renewed')
  t.equal(judged('opaque', { ...ofMicrosoft, claims: { sub: boris } }).result, 'other-person')
})

t.test('a token lives as long as its provider says, the shorter of what it says twice', async t => {
  const lifeOf = (token: string, expiresIn?: number) => {
    const found = judged(token, { expiresIn })
    return found.result === 'renewed' ? found.lifeSeconds : found.result
  }
  const iat = now / 1000
  t.equal(lifeOf('opaque', 3600), 3600)
  t.equal(lifeOf('opaque'), 3600)
  t.equal(lifeOf(jwt({ iat, exp: iat + 600 }), 3600), 600)
  t.equal(lifeOf(jwt({ iat: iat - 300, exp: iat + 3300 }), 3599), 3599)
  t.equal(lifeOf('opaque', 1e9), 86_400, 'a day at most')
  t.equal(lifeOf('opaque', -5), 'expired')
  t.equal(lifeOf(jwt({ iat: iat - 4000, exp: iat - 331 }), 3600), 'expired')
  t.equal(lifeOf(jwt({ iat: iat - 3900, exp: iat - 300 }), 3600), 3600, 'our clock is five minutes ahead')
})

t.test('what is no life and no JWT is no error', async t => {
  for (const token of ['a.b.c', '..', 'a.bnVsbA.c', `a.${Buffer.from('7').toString('base64url')}.c`])
    t.equal(judged(token).result, 'renewed', token)
})

t.test('Retry-After is a number of seconds, or a date by the clock of the provider', async t => {
  const date = 'Fri, 27 Nov 2026 16:00:00 GMT'
  t.equal(secondsOf(null, date), undefined)
  t.equal(secondsOf('120', null), 120)
  t.equal(secondsOf(' 7 ', null), 7)
  t.equal(secondsOf('Fri, 27 Nov 2026 16:01:30 GMT', date), 90)
  t.equal(secondsOf('Fri, 27 Nov 2026 15:00:00 GMT', date), 0)
  for (const nonsense of ['', 'soon', '-1', '1.5e3', 'NaN'])
    t.equal(secondsOf(nonsense, date), undefined, nonsense)
})
