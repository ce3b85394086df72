import { decodeJwt } from 'jose'
import t, { type Test } from 'tap'
import { startIdentityProvider } from '../../src/demo/identity-provider.ts'
import { Browser } from '../self-service/browser.ts'
import { oidAtNorthwind } from '../support/delegated-world.ts'
import { redirectUri, renew, tokensFrom } from '../support/provider-tokens.ts'

async function provider(t: Test) {
  const identity = await startIdentityProvider({ port: 0, redirectUri })
  t.teardown(identity.close)
  return identity
}

t.test(
  'access tokens are JWTs for the resource that the scope names, with the object id of the user',
  async t => {
    const identity = await provider(t)
    const { status, body } = await tokensFrom(identity, 'northwind')
    t.equal(status, 200)
    t.match(decodeJwt(String(body['access_token'])), {
      iss: identity.issuers.get('northwind'),
      aud: '499b84ac-1321-427f-aa17-267ca6975798',
      oid: oidAtNorthwind('anna@example.com'),
      upn: 'anna@example.com',
    })
    t.type(body['refresh_token'], 'string')
    t.equal(body['expires_in'], 600)
  },
)

t.test('without offline_access there is no refresh token, and nothing is asked', async t => {
  const identity = await provider(t)
  const { body } = await tokensFrom(identity, 'northwind', { scope: 'openid profile email' })
  t.equal(body['refresh_token'], undefined)
  t.type(body['id_token'], 'string')
})

t.test('refresh tokens rotate; a used one works again, as at Entra ID', async t => {
  const identity = await provider(t)
  const { body } = await tokensFrom(identity, 'northwind')
  const renewed = await renew(identity, 'northwind', body['refresh_token'])
  t.equal(renewed.status, 200)
  t.not(renewed.body['refresh_token'], body['refresh_token'])
  t.equal((await renew(identity, 'northwind', body['refresh_token'])).status, 200)
  t.equal(identity.renewals('anna@example.com'), 2)
})

t.test('or its second use ends the grant', async t => {
  const identity = await provider(t)
  identity.conditions.usedRefreshTokens = 'end'
  const { body } = await tokensFrom(identity, 'northwind')
  const renewed = await renew(identity, 'northwind', body['refresh_token'])
  t.equal(renewed.status, 200)
  t.match(await renew(identity, 'northwind', body['refresh_token']), { body: { error: 'invalid_grant' } })
  t.match(await renew(identity, 'northwind', renewed.body['refresh_token']), {
    body: { error: 'invalid_grant' },
  })
})

t.test('what goes wrong can be switched on and off', async t => {
  const identity = await provider(t)
  const { conditions } = identity
  const browser = new Browser()
  const { body } = await tokensFrom(identity, 'northwind', { browser })
  const answer = () => renew(identity, 'northwind', body['refresh_token'])

  conditions.tokens = 'outage'
  t.equal((await answer()).status, 503)
  conditions.tokens = { retryAfter: 7 }
  const throttled = await answer()
  t.equal(throttled.status, 429)
  t.equal(throttled.headers.get('retry-after'), '7')
  conditions.tokens = 'usual'

  for (const error of ['invalid_grant', 'interaction_required']) {
    conditions.refused.set('anna@example.com', error)
    t.match(await answer(), { status: 400, body: { error } })
  }
  conditions.refused.clear()

  conditions.claims = claims => void (claims['oid'] = 'another')
  t.match(decodeJwt(String((await answer()).body['access_token'])), { oid: 'another' })
  conditions.claims = undefined
  conditions.accessTokenSeconds = 5
  t.equal((await answer()).body['expires_in'], 5)

  conditions.refreshTokens = false
  t.equal((await tokensFrom(identity, 'northwind', { browser })).body['refresh_token'], undefined)
})

t.test('an administrator revokes the sessions of a user', async t => {
  const identity = await provider(t)
  const { body } = await tokensFrom(identity, 'northwind')
  t.equal(identity.refreshTokens('anna@example.com'), 1)
  identity.revoke('anna@example.com')
  t.equal(identity.refreshTokens('anna@example.com'), 0)
  t.match(await renew(identity, 'northwind', body['refresh_token']), { body: { error: 'invalid_grant' } })
})
