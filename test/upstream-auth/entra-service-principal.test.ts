import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { Secret } from '../../src/gateway/secret.ts'
import type { SecretSource } from '../../src/upstream-auth/kept-secret.ts'
import { temporaryDirectory } from '../support/directory.ts'
import { basic } from '../support/public-server.ts'
import { rawConnection } from '../support/raw-request.ts'
import { until } from '../support/until.ts'
import { presenting } from './methods.ts'
import { client, tokenLife, tokenProvider } from './token-provider.ts'

async function withPrincipal(t: Test, clientSecret: SecretSource = new Secret(client.secret)) {
  const provider = await tokenProvider(t)
  const all = await presenting(t, {
    method: 'entra-service-principal',
    issuer: provider.issuer,
    clientId: client.id,
    clientSecret,
    scope: client.scope,
  })
  const ask = () => fetch(`${all.server.url}/fabrikam/x`, { headers: { authorization: basic() } })
  return {
    ...all,
    provider,
    ask,
    /** The token that the upstream gets with one more request. */
    token: async (): Promise<string> => {
      const [value = ''] = (await all.seen()).values('authorization')
      return value.replace(/^Bearer /, '')
    },
    /** What a client sees when nothing can be said to the upstream. */
    unavailable: async (t: Test): Promise<string> => {
      const before = all.upstream.requests.length
      const answer = await ask()
      t.equal(answer.status, 503)
      t.equal(answer.headers.get('x-altgate-outcome'), 'unavailable')
      t.equal(answer.headers.get('www-authenticate'), null)
      t.match(answer.headers.get('retry-after'), /^\d+$/)
      t.equal(all.upstream.requests.length, before, 'nothing went upstream')
      return await answer.text()
    },
  }
}

t.test('the upstream gets a token of the service principal, and nothing else about the gateway', async t => {
  const { seen, provider, token } = await withPrincipal(t)
  t.equal(await provider.scopeOf(await token()), client.scope)
  t.strictSame((await seen()).values('x-tfs-fedauthredirect'), [], 'Azure DevOps would refuse the token')
  t.equal(provider.asked(), 1, 'the second request had the same token')
})

t.test('a hundred callers at once cost one question', async t => {
  const { ask, provider, upstream } = await withPrincipal(t)
  const answers = await Promise.all(Array.from({ length: 100 }, ask))
  t.strictSame([...new Set(answers.map(({ status }) => status))], [200])
  t.equal(provider.asked(), 1)
  t.equal(new Set(upstream.requests.flatMap(each => each.values('authorization'))).size, 1)
})

t.test('before its end the token is renewed while requests go on with it', async t => {
  const { clock, token, provider } = await withPrincipal(t)
  const first = await token()
  clock.now += tokenLife * 1000 * 0.79
  t.equal(await token(), first)
  t.equal(provider.asked(), 1)
  clock.now += tokenLife * 1000 * 0.02
  t.equal(await token(), first, 'no request waits for the new one')
  await until(() => provider.asked() === 2)
  await until(async () => (await token()) !== first)
  t.equal(provider.asked(), 2, 'and it was asked for once')
})

t.test('a provider that fails before the token has ended is not noticed', async t => {
  const { clock, token, provider, warnings } = await withPrincipal(t)
  const first = await token()
  provider.works = false
  clock.now += tokenLife * 1000 * 0.9
  t.equal(await token(), first)
  await until(() => warnings.length === 1)
  t.equal(await token(), first)
})

t.test('without a token it is 503 with a time to come again, never 401', async t => {
  const { clock, token, provider, server, unavailable } = await withPrincipal(t)
  await token()
  provider.works = false
  clock.now += tokenLife * 1000
  t.match(await unavailable(t), 'The gateway cannot sign in to the service behind it right now.')
  t.equal(server.outages.at(-1)?.part, 'upstream')
  provider.works = true
  clock.now += 1000
  t.equal(await provider.scopeOf(await token()), client.scope, 'all is well when the provider is')
})

t.test('a token that is about to end counts as ended: requests take a while', async t => {
  const { clock, token, provider, unavailable } = await withPrincipal(t)
  await token()
  provider.works = false
  clock.now += tokenLife * 1000 - 29_000
  await unavailable(t)
})

t.test('a provider that fails is asked less and less often', async t => {
  const { clock, provider, warnings, unavailable } = await withPrincipal(t)
  provider.works = false
  for (const [failures, pause] of [1, 2, 4, 8, 16, 32, 60, 60].entries()) {
    await unavailable(t)
    t.equal(warnings.length, failures + 1)
    clock.now += pause * 1000 - 1
    await unavailable(t)
    t.equal(warnings.length, failures + 1, 'too early for another question')
    clock.now += 1
  }
})

t.test('a provider that has been well again is asked soon after its next failure', async t => {
  const { clock, provider, token, warnings, unavailable } = await withPrincipal(t)
  provider.works = false
  await unavailable(t)
  provider.works = true
  clock.now += 1000
  await token()
  provider.works = false
  clock.now += tokenLife * 1000
  await unavailable(t)
  clock.now += 1000
  await unavailable(t)
  t.equal(warnings.length, 3)
})

t.test('a client that leaves while a token is fetched is not forwarded any more', async t => {
  const { server, provider, token, upstream } = await withPrincipal(t)
  const holding = Promise.withResolvers<void>()
  provider.hold = holding.promise
  const client = await rawConnection(server.port)
  client.send(`GET /fabrikam/left HTTP/1.1\r\nHost: git.example.com\r\nAuthorization: ${basic()}\r\n\r\n`)
  await until(() => provider.asked() === 1)
  client.socket.destroy()
  await until(() => new Promise(done => server.app.server.getConnections((_, open) => done(open === 0))))
  holding.resolve()
  await token()
  t.strictSame(
    upstream.requests.map(({ url }) => url),
    ['/fabrikam/x'],
  )
})

t.test('a wrong client secret is reported to the operator by its code, and never shown', async t => {
  const { server, unavailable } = await withPrincipal(t, new Secret('canary-wrong'))
  t.notMatch(await unavailable(t), 'canary')
  t.equal(String(server.outages.at(-1)?.cause), 'Error: the provider returned invalid_client')
})

t.test('a client secret that is put right in its file is used without a restart', async t => {
  const file = join(temporaryDirectory(t), 'secret')
  writeFileSync(file, 'canary-wrong')
  const { clock, provider, token, unavailable } = await withPrincipal(t, { file })
  await unavailable(t)
  writeFileSync(file, client.secret)
  clock.now += 10_000
  t.equal(await provider.scopeOf(await token()), client.scope)
})
