import t from 'tap'
import { northwindDirectory } from '../../src/demo/people.ts'
import { startIdentityProvider } from '../../src/demo/identity-provider.ts'
import { authorities, claimsOf, people } from '../../src/demo/identity-pages.ts'

const redirectUri = 'http://127.0.0.1:8080/_altgate/callback'

t.test('each authority says who it is, like a real one', async t => {
  const { issuers, close } = await startIdentityProvider({ port: 0, redirectUri })
  t.teardown(close)
  t.equal(issuers.size, 3)
  for (const issuer of issuers.values()) {
    const answer = await fetch(`${issuer}/.well-known/openid-configuration`)
    t.match(await answer.json(), { issuer, code_challenge_methods_supported: ['S256'] })
  }
})

t.test('it redirects only to registered addresses', async t => {
  const { issuers, close } = await startIdentityProvider({ port: 0, redirectUri })
  t.teardown(close)
  const query = new URLSearchParams({
    client_id: 'altgate-demo',
    response_type: 'code',
    scope: 'openid',
    redirect_uri: 'https://evil.example/',
  })
  const answer = await fetch(`${issuers.get('msa')}/auth?${query.toString()}`, { redirect: 'manual' })
  t.equal(answer.status, 400)
  t.notMatch(await answer.text(), 'evil')
})

t.test('a person is the same one in a directory, and another one in each', async t => {
  const [anna, ben] = people
  if (anna === undefined || ben === undefined) throw new Error('the cast has changed')
  const ids = authorities.map(authority => claimsOf(anna, authority).oid)
  t.equal(new Set(ids).size, authorities.length)
  for (const authority of authorities) {
    t.equal(claimsOf(ben, authority).tid, northwindDirectory.id, 'Ben is of Northwind wherever he signs in')
    t.match(claimsOf(ben, authority).oid, /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/)
  }
})

t.test('a port that is taken is told in one sentence', async t => {
  const one = await startIdentityProvider({ port: 0, redirectUri })
  t.teardown(one.close)
  const port = Number(new URL(one.url).port)
  await t.rejects(startIdentityProvider({ port, redirectUri }), {
    name: 'DemoCannotStart',
    message: `The demo's sign-in needs port ${port}, which is already in use. Free it, or set another demo.identityPort.`,
  })
})
