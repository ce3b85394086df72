// Requests reach the upstream as their user: its access token and nothing else says who it is.
import t, { type Test } from 'tap'
import { RequestHeaders } from '../../src/gateway/ask.ts'
import type { Authorize } from '../../src/gateway/upstream-auth.ts'
import { Outage } from '../../src/gateway/outage.ts'
import { Secret } from '../../src/gateway/secret.ts'
import { createDelegates, createUpstreamAuth, type MethodOptions } from '../../src/upstream-auth/index.ts'
import { type GivenDelegation, givenDelegation, userToken } from '../support/delegation.ts'
import { anna, basic, runningServer } from '../support/public-server.ts'
import { rawRequest } from '../support/raw-request.ts'
import { recordingUpstream, type Recorded } from '../support/recording-upstream.ts'
import { aWorld } from '../support/world.ts'
import { masterKey, publicUrl } from './methods.ts'

const robot = { username: 'robot@example.com', password: 'beep' } as const
const scope = '499b84ac-1321-427f-aa17-267ca6975798/.default'
const delegated: MethodOptions = {
  method: 'delegated',
  scope,
  fallback: {
    users: [robot.username],
    upstreamAuth: {
      method: 'swapped-credential',
      scheme: 'basic',
      user: '',
      credential: new Secret('a-pat'),
    },
  },
}

/** Two accounts of one upstream, `fabrikam` by delegation and `contoso` by headers. */
async function acting(t: Test, standard: MethodOptions = delegated) {
  const byAccount = { contoso: { method: 'identity-headers' } } as const
  const methods = { standard, byAccount, byName: {} }
  const upstream = await recordingUpstream(t)
  const auth = createUpstreamAuth(methods, { publicUrl, masterKey, now: Date.now, warn: () => {} })
  const delegates = createDelegates(methods)
  const all: GivenDelegation = givenDelegation(userToken('token-of-anna'))
  const delegation: GivenDelegation = {
    ...all,
    tokenFor: allowed => (delegates(allowed) ? all.tokenFor(allowed) : undefined),
  }
  const world = aWorld({
    accounts: ['fabrikam', 'contoso'].map(name => ({ name, upstream: upstream.url })),
    credentials: [anna, robot],
    delegation,
  })
  const authorize: Authorize = (request, goal) => auth.authorize(request, goal)
  const server = await runningServer(t, { upstream: upstream.url, world, authorize, delegation })
  const send = (
    lines: readonly string[] = [],
    as: Parameters<typeof basic>[0] = anna,
    path = '/fabrikam/x',
  ) => {
    const head = [`GET ${path} HTTP/1.1`, 'Host: h', `Authorization: ${basic(as)}`, ...lines]
    return rawRequest(server.port, `${head.join('\r\n')}\r\nConnection: close\r\n\r\n`)
  }
  return { upstream, delegation: all, send, world, server }
}

/** What the gateway adds, besides the way that the request came. */
function added({ rawHeaders }: Recorded): readonly string[] {
  const way = /^(?:host|connection|x-forwarded-(?:for|proto|host)|x-request-id)$/i
  return rawHeaders.flatMap((name, at) =>
    at % 2 === 1 || way.test(name) ? [] : [`${name}: ${rawHeaders[at + 1]}`],
  )
}

// microsoft/azure-devops-mcp 977
t.test('the token of the user, and no header that makes Azure DevOps refuse it', async t => {
  const { upstream, send } = await acting(t)
  t.match(await send(), /^HTTP\/1\.1 200 /)
  t.strictSame(added(upstream.last()), ['Authorization: Bearer token-of-anna'])
})

t.test('a renewed token is sent from the next request on', async t => {
  const { upstream, send, delegation } = await acting(t)
  await send()
  delegation.give(userToken('another-token'))
  await send()
  t.strictSame(
    upstream.requests.map(each => each.values('authorization')),
    [['Bearer token-of-anna'], ['Bearer another-token']],
  )
})

t.test('what a client writes never passes for a token', async t => {
  const { upstream, send } = await acting(t)
  const names = ['Proxy-Authorization', 'X-Forwarded-Access-Token', 'X-Auth-Request-Access-Token']
    .concat(['X-MS-Token-AAD-Access-Token', 'X-Altgate-Upstream-Authorization', 'X-TFS-FedAuthRedirect'])
    .concat(['X-Altgate-Presented', 'X-Altgate-Token', 'X-Amzn-Oidc-Accesstoken', 'X-TFS-Impersonate'])
    .flatMap(name => [name, name.toUpperCase(), name.replaceAll('-', '_'), name.replaceAll('-', '.')])
  await send(names.map(name => `${name}: Bearer forged`))
  t.notMatch(upstream.last().rawHeaders.join('\n'), 'forged')
  await send(['Connection: authorization'])
  t.strictSame(upstream.last().values('authorization'), ['Bearer token-of-anna'])
})

t.test('a Bearer of a client is no credential, and two are refused', async t => {
  const { upstream, send, server } = await acting(t)
  const bare = await rawRequest(
    server.port,
    'GET /fabrikam/x HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer token-of-anna\r\nConnection: close\r\n\r\n',
  )
  t.match(bare, /^HTTP\/1\.1 401 [^]*\r\nX-Altgate-Outcome: garbled\r\n/)
  t.match(await send(['Authorization: Bearer token-of-anna']), /^HTTP\/1\.1 400 /)
  t.equal(upstream.requests.length, 0)
})

t.test('users of the fallback reach the upstream by its method, and need no sign-in', async t => {
  const { upstream, send, delegation } = await acting(t)
  delegation.give('no-grant')
  t.match(await send([], robot), /^HTTP\/1\.1 200 /)
  t.strictSame(added(upstream.last()), [
    `Authorization: ${basic({ username: '', password: 'a-pat' })}`,
    'X-TFS-FedAuthRedirect: Suppress',
  ])
  t.strictSame(delegation.asked, [])
  t.match(await send(), /^HTTP\/1\.1 403 [^]*\r\nX-Altgate-Outcome: sign-in-needed\r\n/)
})

t.test('an account with another method does not act by delegation', async t => {
  const { upstream, send, delegation } = await acting(t)
  delegation.give('no-grant')
  t.match(await send([], anna, '/contoso/x'), /^HTTP\/1\.1 200 /)
  t.strictSame(upstream.last().values('x-forwarded-user'), [anna.username])
  t.strictSame(upstream.last().values('authorization'), [])
})

t.test(
  'an allowed request without a token is never sent, not even by the method of the fallback',
  async t => {
    const { upstream, world, server } = await acting(t)
    const decision = await world.gateway.decide({
      id: 'a-request',
      method: 'GET',
      target: '/fabrikam/x',
      host: 'h',
      authorization: [new Secret(basic())],
      from: '127.0.0.1',
      secure: false,
      headers: new RequestHeaders([]),
      lane: 'production',
    })
    if (decision.outcome !== 'allow') throw new Error(decision.outcome)
    const { act: _, ...without } = decision
    const auth = createUpstreamAuth(
      { standard: delegated, byAccount: {}, byName: {} },
      { publicUrl, masterKey, now: Date.now, warn: () => {} },
    )
    const gateway = { decide: async () => without }
    const bare = await runningServer(t, {
      upstream: upstream.url,
      world: { ...world, gateway },
      authorize: auth.authorize,
    })
    const answer = await fetch(`${bare.url}/fabrikam/x`, { headers: { authorization: basic() } })
    t.equal(answer.status, 503)
    t.strictSame(
      bare.outages.map(({ part }) => part),
      ['provider'],
    )
    t.equal(upstream.requests.length, 0)
    t.strictSame(server.bugs, [])
  },
)

t.test('the headers of a token are made once', async t => {
  const { authorize } = createUpstreamAuth(
    { standard: { method: 'delegated', scope }, byAccount: {}, byName: {} },
    { publicUrl, masterKey, now: Date.now, warn: () => {} },
  )
  const act = userToken('token')
  const request = { allowed: { account: { name: 'fabrikam' }, act } } as unknown as Parameters<Authorize>[0]
  const goal = { origin: 'http://h', path: '/' }
  t.equal(authorize(request, goal), authorize(request, goal))
})

t.test('with hosts, no other host gets a token, nor the credential of the fallback', async t => {
  const hosts = ['dev.azure.com', '*.visualstudio.com', '127.0.0.1']
  const { authorize } = createUpstreamAuth(
    { standard: { ...delegated, hosts }, byAccount: {}, byName: {} },
    { publicUrl, masterKey, now: Date.now, warn: () => {} },
  )
  const sentTo = async (origin: string, username: string) => {
    const act = username === robot.username ? {} : { act: userToken('token') }
    const allowed = { account: { name: 'fabrikam' }, username, ...act }
    const request = { allowed } as unknown as Parameters<Authorize>[0]
    try {
      return (await authorize(request, { origin, path: '/' })).includes('Authorization')
    } catch (error) {
      return error instanceof Outage && error.part === 'upstream' ? String(error.cause) : error
    }
  }
  for (const username of [anna.username, robot.username]) {
    for (const origin of [
      'https://dev.azure.com',
      'https://dev.azure.com.:443',
      'https://DEV.azure.com',
      'https://fabrikam.visualstudio.com',
      'https://a.b.visualstudio.com',
      'http://127.0.0.1:8080',
    ])
      t.equal(await sentTo(origin, username), true, origin)
    for (const origin of [
      'https://dev.azure.com.evil.example',
      'https://evil-dev.azure.com',
      'https://visualstudio.com',
      'https://evilvisualstudio.com',
      'https://fabrikam.visualstudio.com.evil.example',
      'https://localhost',
    ])
      t.equal(
        await sentTo(origin, username),
        `Error: upstreamAuth.hosts does not name ${new URL(origin).hostname}`,
        origin,
      )
    t.equal(
      await sentTo('http://dev.azure.com', username),
      'Error: upstreamAuth.hosts allows https only, and http on this machine: http://dev.azure.com',
    )
  }
})

t.test('an account that is led elsewhere gets 503, and its new upstream nothing', async t => {
  const { upstream, send, server } = await acting(t, { ...delegated, hosts: ['dev.azure.com'] })
  t.match(await send(), /^HTTP\/1\.1 503 [^]*\r\nX-Altgate-Outcome: unavailable\r\n/)
  t.equal(upstream.requests.length, 0)
  t.strictSame(
    server.outages.map(({ part }) => part),
    ['upstream'],
  )
})
