import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import { client, directory, upstreamScope } from '../delegation/refresh-provider.ts'
import { aSignInDesk, type SignInDesk } from './sign-ins.ts'

const upstream = 'http://127.0.0.1:1'

/** The lines of `check` about one part. */
async function linesOf(desk: SignInDesk, part: string): Promise<readonly string[]> {
  const { stdout, stderr } = await desk.run(['check'])
  t.notMatch(stdout + stderr, client.secret)
  return stdout.split('\n').filter(line => line.slice(8).startsWith(`${part} `))
}

const delegated = { ALTGATE__UPSTREAMAUTH: '{ method: delegated }' }

async function aDelegatedDesk(t: Test): Promise<SignInDesk> {
  const desk = await aSignInDesk(t, { settings: delegated })
  await desk.must(['account', 'add', 'a', '--upstream', upstream, '--directory', directory])
  await desk.must(['account', 'add', 'b', '--upstream', upstream, '--directory', directory])
  return desk
}

t.test('check says what can be known of the app registration without a user', async t => {
  const desk = await aDelegatedDesk(t)
  const { issuer } = desk.provider
  t.strictSame(await linesOf(desk, 'sign-in'), [
    `ok      sign-in     ${issuer} answers; it lists offline_access and ${upstreamScope}; it accepts the client secret`,
  ])
  t.strictSame(await linesOf(desk, 'sealing'), ['ok      sealing     k1 seals'])

  const its = { issuer, clientId: client.id, clientSecret: 'another' }
  Object.assign(desk.env, { ALTGATE__SIGNIN__DIRECTORIES: JSON.stringify({ [directory]: its }) })
  t.match(await linesOf(desk, 'sign-in'), [
    /^FAILED {2}sign-in .*; it does not accept the client id or the client secret \(invalid_client\)$/,
  ])
  await desk.provider.stop()
  t.match(await linesOf(desk, 'sign-in'), [/^FAILED {2}sign-in {5}http\S+: unreachable: ECONNREFUSED$/])
})

t.test('a directory without an app registration is told', async t => {
  const desk = await aDelegatedDesk(t)
  await desk.must(['account', 'add', 'c', '--upstream', upstream])
  const lines = await linesOf(desk, 'sign-in')
  t.match(lines[0], /^ok /)
  t.equal(lines[1], 'FAILED  sign-in     c acts as its users, but they cannot sign in: signIn.msa is missing')
})

t.test('a key that seals sign-ins and is missing is told', async t => {
  const desk = await aDelegatedDesk(t)
  await desk.signIn('anna')
  const keys = [{ id: 'k2', key: '5e'.repeat(32) }]
  Object.assign(desk.env, { ALTGATE__SECRETS__SEALINGKEYS: JSON.stringify(keys) })
  t.match(await linesOf(desk, 'sealing'), [/^FAILED {2}sealing .* does not have k1, which seals sign-ins/])
})

t.test(
  'where no request acts as its user and no user is checked, the client secret is tried for the page',
  async t => {
    const desk = await aSignInDesk(t)
    t.match(await linesOf(desk, 'sign-in'), [/^ok .*; it accepts the client secret$/])
    const its = { issuer: desk.provider.issuer, clientId: client.id, clientSecret: 'another' }
    Object.assign(desk.env, { ALTGATE__SIGNIN__DIRECTORIES: JSON.stringify({ [directory]: its }) })
    t.match(await linesOf(desk, 'sign-in'), [/^FAILED .* does not accept the client id or the client secret/])
  },
)

t.test('liveness alone is checked as well', async t => {
  const desk = await aSignInDesk(t)
  const { issuer } = desk.provider
  const its = { issuer, clientId: client.id, clientSecret: client.secret, liveness: { everySeconds: 600 } }
  Object.assign(desk.env, { ALTGATE__SIGNIN__DIRECTORIES: JSON.stringify({ [directory]: its }) })
  t.strictSame(await linesOf(desk, 'sign-in'), [
    `ok      sign-in     ${issuer} answers; it lists offline_access; it accepts the client secret`,
  ])
})

t.test('a provider like Entra ID is asked for a token of the gateway itself', async t => {
  let answer: readonly [status: number, body: object] = [200, { access_token: 'x', token_type: 'Bearer' }]
  const asked: string[] = []
  const server = createServer((request, response) => {
    const json = (status: number, body: object) =>
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
    if (request.method === 'GET')
      return json(200, {
        issuer,
        token_endpoint: `${issuer}/token`,
        scopes_supported: ['openid', 'profile', 'email', 'offline_access'],
      })
    let body = ''
    request
      .on('data', chunk => (body += chunk))
      .on('end', () => {
        asked.push(body)
        json(...answer)
      })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.close()
    server.closeAllConnections()
  })
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const desk = await aDelegatedDesk(t)
  const its = { issuer, clientId: client.id, clientSecret: client.secret }
  Object.assign(desk.env, { ALTGATE__SIGNIN__DIRECTORIES: JSON.stringify({ [directory]: its }) })
  const error = (code: string, number: string) => ({ error: code, error_description: `${number}: canary` })
  for (const [status, body, line] of [
    [
      200,
      { access_token: 'x', token_type: 'Bearer' },
      /^ok .*it lists offline_access; it accepts the client secret$/,
    ],
    [
      401,
      error('invalid_client', 'AADSTS7000215'),
      /^FAILED .*not accept .* \(invalid_client AADSTS7000215\)$/,
    ],
    [400, error('unauthorized_client', 'AADSTS700016'), /^FAILED .*not accept the client id/],
    [400, error('invalid_resource', 'AADSTS500011'), /^FAILED .*does not know the resource of 499b84ac/],
    [400, error('invalid_request', 'AADSTS900382'), /^ok .*cannot be told \(invalid_request AADSTS900382\)$/],
    [503, {}, /^FAILED .*its token endpoint cannot be used \(server-error: status 503\)$/],
  ] as const) {
    answer = [status, body]
    const lines = await linesOf(desk, 'sign-in')
    t.match(lines, [line])
    t.notMatch(lines.join(''), 'canary')
  }
  const last = new URLSearchParams(asked[0])
  t.equal(last.get('grant_type'), 'client_credentials')
  t.equal(last.get('scope'), upstreamScope)
})
