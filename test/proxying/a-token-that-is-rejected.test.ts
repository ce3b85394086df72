// The upstream does not accept the access token of a user: once more with a fresh one, or a new sign-in; never a 401.
import type { IncomingMessage, ServerResponse } from 'node:http'
import fc from 'fast-check'
import t, { type Test } from 'tap'
import type { SignInCause } from '../../src/gateway/delegation.ts'
import { Outage } from '../../src/gateway/outage.ts'
import { bearerOf } from '../../src/gateway/upstream-auth.ts'
import { claimsChallenge } from '../../src/proxying/screen-answer.ts'
import { type GivenDelegation, givenDelegation, userToken } from '../support/delegation.ts'
import { anna, basic, runningServer } from '../support/public-server.ts'
import { rawConnection, rawRequest } from '../support/raw-request.ts'
import { recordingUpstream, type Respond } from '../support/recording-upstream.ts'
import { runs } from '../support/runs.ts'
import { until } from '../support/until.ts'
import { aWorld } from '../support/world.ts'

const claims =
  'Bearer realm="", authorization_uri="https://login.example.com/common/oauth2/authorize", error="insufficient_claims", claims="eyJhY2Nlc3NfdG9rZW4iOnt9fQ=="'

/** The upstream answers as told, until it is shown one of the accepted tokens. */
function refusing(respond: Respond, ...accepted: readonly string[]): Respond {
  return (request, response) => {
    const token = request.headers.authorization?.replace('Bearer ', '') ?? ''
    request
      .resume()
      .on('end', () => (accepted.includes(token) ? response.end('done') : respond(request, response)))
  }
}

const unauthorized =
  (challenge?: string | string[]): Respond =>
  (_: IncomingMessage, response: ServerResponse) =>
    response.writeHead(401, challenge === undefined ? {} : { 'WWW-Authenticate': challenge }).end('no')

type Patience = NonNullable<Parameters<typeof runningServer>[1]['patience']>

async function acting(t: Test, respond: Respond, patience: Patience = {}) {
  const upstream = await recordingUpstream(t, respond)
  const delegation: GivenDelegation = givenDelegation(userToken('old'))
  delegation.giveAfterRejection(userToken('fresh'))
  const accounts = [{ name: 'fabrikam', upstream: upstream.url }]
  const world = aWorld({ accounts, credentials: [anna], delegation })
  const server = await runningServer(t, {
    upstream: upstream.url,
    world,
    patience,
    delegation,
    authorize: ({ allowed }) => (allowed.act === undefined ? [] : bearerOf(allowed.act)),
  })
  const send = async (method = 'GET', path = '/fabrikam/x', body?: string) => {
    const headers = { authorization: basic() }
    const answer = await fetch(server.url + path, {
      method,
      headers,
      redirect: 'manual',
      ...(body !== undefined && { body }),
    })
    return {
      status: answer.status,
      outcome: answer.headers.get('x-altgate-outcome') ?? 'allow',
      headers: answer.headers,
      body: await answer.text(),
    }
  }
  const tokens = () => upstream.requests.map(each => each.values('authorization').join())
  return { upstream, delegation, server, send, tokens }
}

t.test('a safe request goes once more, with a fresh token', async t => {
  for (const method of ['GET', 'HEAD', 'OPTIONS']) {
    const { send, tokens, delegation, server } = await acting(t, refusing(unauthorized(), 'fresh'))
    t.match(await send(method), { status: 200, outcome: 'allow' })
    t.strictSame(tokens(), ['Bearer old', 'Bearer fresh'])
    t.strictSame(delegation.rejections, [{ username: anna.username, token: 'old', claims: undefined }])
    t.strictSame(server.failures, [])
  }
})

t.test('it goes no third time', async t => {
  const { send, tokens, delegation, server } = await acting(t, refusing(unauthorized()))
  const answer = await send()
  t.match(answer, { status: 502, outcome: 'upstream-failed' })
  t.match(answer.body, /rejected your access token\.[^]*ask an\s+administrator whether you have access/)
  t.strictSame(tokens(), ['Bearer old', 'Bearer fresh'])
  t.equal(delegation.rejections.length, 1)
  t.match(server.failures, [{ because: 'user-token' }])
})

t.test('it does not go again with the same token, which was new already', async t => {
  const { send, tokens, delegation } = await acting(t, refusing(unauthorized()))
  const token = userToken('old')
  delegation.give(token)
  delegation.giveAfterRejection(token)
  t.match(await send(), { status: 502, outcome: 'upstream-failed' })
  t.strictSame(tokens(), ['Bearer old'])
})

for (const [what, respond, path] of [
  ['a redirect to a sign-in page', redirect, '/fabrikam/r.git/info/refs?service=git-upload-pack'],
  ['a sign-in page with 203', page, '/fabrikam/_apis/projects'],
] as const)
  t.test(`${what} is a rejection as well`, async t => {
    const { send, tokens } = await acting(t, refusing(respond, 'fresh'))
    t.match(await send('GET', path), { status: 200, body: 'done' })
    t.strictSame(tokens(), ['Bearer old', 'Bearer fresh'])
  })

function redirect(_: IncomingMessage, response: ServerResponse): void {
  response.writeHead(302, { Location: 'https://login.microsoftonline.com/common/oauth2/authorize' }).end()
}

function page(_: IncomingMessage, response: ServerResponse): void {
  response.writeHead(203, { 'Content-Type': 'text/html' }).end('<html>Sign in</html>')
}

t.test('407, and a page with 200, say nothing about the token', async t => {
  for (const [status, headers] of [
    [407, { 'Proxy-Authenticate': 'Basic' }],
    [200, { 'Content-Type': 'text/html' }],
  ] as const) {
    const respond: Respond = (_, response) => response.writeHead(status, headers).end('<html>')
    const { send, delegation, upstream } = await acting(t, refusing(respond))
    t.match(await send('GET', '/fabrikam/r.git/info/refs?service=git-upload-pack'), { status: 502 })
    t.strictSame(delegation.rejections, [])
    t.equal(upstream.requests.length, 1)
  }
})

t.test(
  'a request with a body, or one that is not safe, fails at once, and the next has a fresh token',
  async t => {
    for (const [method, body] of [
      ['POST', 'x'],
      ['PUT', 'x'],
      ['POST', ''],
      ['DELETE', undefined],
      ['PROPFIND', undefined],
    ] as const) {
      const { send, tokens, delegation } = await acting(t, refusing(unauthorized(), 'fresh'))
      t.match(await send(method, '/fabrikam/x', body), { status: 502, outcome: 'upstream-failed' })
      t.strictSame(tokens(), ['Bearer old'], method)
      t.equal(delegation.rejections.length, 1)
    }
  },
)

t.test('a GET with a body goes no second time', async t => {
  const { server, tokens } = await acting(t, refusing(unauthorized(), 'fresh'))
  const head = ['GET /fabrikam/x HTTP/1.1', 'Host: h', `Authorization: ${basic()}`, 'Content-Length: 1']
  const answer = await rawRequest(server.port, `${head.join('\r\n')}\r\nConnection: close\r\n\r\nx`)
  t.match(answer, /^HTTP\/1\.1 502 /)
  t.strictSame(tokens(), ['Bearer old'])
})

t.test('a renewal that fails behind the back of such a request is an outage in the log only', async t => {
  const { send, delegation, server } = await acting(t, refusing(unauthorized()))
  delegation.giveAfterRejection(() => Promise.reject(new Outage('provider', new Error('down'))))
  t.match(await send('POST', '/fabrikam/x', 'x'), { status: 502 })
  await until(() => server.outages.length === 1)
  t.strictSame(server.bugs, [])
})

t.test('a claims challenge needs the user: 403, whatever the request is', async t => {
  for (const [method, body] of [
    ['GET', undefined],
    ['POST', 'x'],
  ] as const) {
    const { send, tokens, delegation, server } = await acting(
      t,
      refusing(unauthorized(['TFS-Federated', claims])),
    )
    delegation.giveAfterRejection('claims')
    const answer = await send(method, '/fabrikam/x', body)
    t.match(answer, { status: 403, outcome: 'sign-in-needed' })
    t.match(answer.body, 'the service behind this gateway asks you to sign in')
    t.match(answer.body, 'https://git.example.com/_altgate/?account=fabrikam\n')
    t.equal(answer.headers.get('www-authenticate'), null)
    t.equal(tokens().length, 1)
    t.match(delegation.rejections, [{ token: 'old', claims: 'eyJhY2Nlc3NfdG9rZW4iOnt9fQ==' }])
    t.strictSame(server.signIns, ['claims'])
    t.strictSame(server.failures, [])
  }
})

t.test('a claims challenge to the fresh token is heard, too', async t => {
  let asked = 0
  const { send, delegation, tokens } = await acting(t, (request, response) =>
    unauthorized(asked++ === 0 ? undefined : claims)(request, response),
  )
  delegation.giveAfterRejection(userToken('fresh'), 'claims')
  t.match(await send(), { status: 403, outcome: 'sign-in-needed' })
  t.strictSame(
    delegation.rejections.map(({ token, claims }) => [token, claims !== undefined]),
    [
      ['old', false],
      ['fresh', true],
    ],
  )
  t.equal(tokens().length, 2)
})

t.test('a claims challenge that a fresh token has met already repeats nothing that is not safe', async t => {
  const { send, tokens } = await acting(t, refusing(unauthorized(claims), 'fresh'))
  t.match(await send('POST', '/fabrikam/x', 'x'), { status: 502 })
  t.strictSame(tokens(), ['Bearer old'])
  t.match(await send('GET'), { status: 200 })
})

t.test('a grant that turns out to have ended is a sign-in, not a failure', async t => {
  const { send, delegation, server } = await acting(t, refusing(unauthorized()))
  delegation.giveAfterRejection('ended')
  t.match(await send(), { status: 403, outcome: 'sign-in-needed' })
  t.strictSame(server.signIns, ['ended'])
})

t.test('a provider that is down meanwhile is 503, and a bug is one as well', async t => {
  for (const [error, told] of [
    [new Outage('provider', new Error('down')), 'cannot renew your sign-in'],
    [new TypeError('oops'), 'cannot check credentials'],
  ] as const) {
    const { send, delegation, server } = await acting(t, refusing(unauthorized()))
    delegation.giveAfterRejection(() => Promise.reject(error))
    const answer = await send()
    t.match(answer, { status: 503, outcome: 'unavailable' })
    t.equal(answer.headers.get('retry-after'), '5')
    t.match(answer.body, told)
    t.equal(server.outages.length + server.bugs.length, 1)
  }
})

t.test('a client that leaves while the token is renewed is not forwarded', async t => {
  const renewal = Promise.withResolvers<ReturnType<typeof userToken>>()
  const { delegation, server, tokens, send } = await acting(t, refusing(unauthorized(), 'fresh', 'later'))
  delegation.giveAfterRejection(() => renewal.promise)
  const client = await rawConnection(server.port)
  client.send(`GET /fabrikam/x HTTP/1.1\r\nHost: h\r\nAuthorization: ${basic()}\r\n\r\n`)
  await until(() => delegation.rejections.length === 1)
  client.socket.destroy()
  const open = () =>
    new Promise<number>(resolve => server.app.server.getConnections((_, count) => resolve(count)))
  await until(async () => (await open()) === 0)
  renewal.resolve(userToken('fresh'))
  delegation.give(userToken('later'))
  t.match(await send(), { status: 200 })
  t.strictSame(tokens(), ['Bearer old', 'Bearer later'])
})

t.test('a large upload that meets a claims challenge reads why', async t => {
  const { delegation, server } = await acting(t, (_, response) => {
    response.writeHead(401, { 'WWW-Authenticate': claims }).end()
  })
  delegation.giveAfterRejection('claims')
  const client = await rawConnection(server.port)
  const size = 1_000_000
  client.send(
    `POST /fabrikam/x HTTP/1.1\r\nHost: h\r\nAuthorization: ${basic()}\r\nContent-Length: ${size}\r\n\r\n`,
  )
  client.send('x'.repeat(size / 2))
  t.match(await client.until(/Reference: \w+\n/), /^HTTP\/1\.1 403 [^]*X-Altgate-Outcome: sign-in-needed\r\n/)
  client.send('x'.repeat(size / 2))
  client.send('GET /_altgate/none HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n')
  t.match(await client.closed(), /HTTP\/1\.1 404 /, 'the connection is in step')
})

t.test('the token that an LFS server gave out is not the token of the user', async t => {
  const { upstream, delegation, server } = await acting(t, refusing(unauthorized(claims)))
  const answer = await fetch(`${server.url}/fabrikam/r.git/info/lfs/objects/0a1b`, {
    headers: { authorization: basic(), 'X-Altgate-Upstream-Authorization': 'old' },
  })
  t.equal(answer.status, 502)
  t.match(await answer.text(), 'no longer accepts the token that it')
  t.strictSame(delegation.rejections, [])
  t.equal(upstream.requests.length, 1)
})

for (const [next, status] of [
  [userToken('next'), 200],
  [async () => userToken('next'), 200],
  ['ended', 403],
  [() => Promise.reject(new Outage('provider', new Error('down'))), 503],
] as const)
  t.test(`a token that ends while its request waits for its place is not sent: ${status}`, async t => {
    const held: ServerResponse[] = []
    const respond: Respond = (request, response) => {
      if (request.url?.endsWith('/slow')) held.push(response)
      else response.end('done')
    }
    const { server, delegation, tokens, send } = await acting(t, respond, { connectionsPerUser: 1 })
    const slow = send('GET', '/fabrikam/slow')
    await until(() => held.length === 1)
    delegation.give(userToken('ends', 0), next)
    const waiting = send()
    await until(() => server.crowded.length === 1)
    held[0]?.end()
    t.match(await slow, { status: 200 })
    t.match(await waiting, { status })
    t.strictSame(tokens(), status === 200 ? ['Bearer old', 'Bearer next'] : ['Bearer old'])
  })

/** What an upstream says, and what the delegation has to offer after a rejection. */
const said = {
  done: (_: IncomingMessage, response: ServerResponse) => void response.end('done'),
  'not found': (_: IncomingMessage, response: ServerResponse) => void response.writeHead(404).end(),
  unauthorized: unauthorized(),
  claims: unauthorized(claims),
  redirect,
  page,
} satisfies Record<string, Respond>
const offered = {
  fresh: () => Promise.resolve(userToken('fresh')),
  ended: () => Promise.resolve('ended'),
  claims: () => Promise.resolve('claims'),
  outage: () => Promise.reject(new Outage('provider', new Error('down'))),
} satisfies Record<string, () => Promise<ReturnType<typeof userToken> | SignInCause>>

t.test(
  'whatever an upstream and a provider say, nothing is repeated but what is safe, and no 401 comes back',
  async t => {
    let answers: readonly (keyof typeof said)[] = []
    let sent = 0
    const { delegation, server, tokens } = await acting(t, (request, response) => {
      const what = answers[sent++] ?? 'unauthorized'
      request.resume().on('end', () => said[what](request, response))
    })
    const statuses = new Set<number>()
    const property = fc.asyncProperty(
      fc.array(fc.constantFrom(...(Object.keys(said) as (keyof typeof said)[])), { maxLength: 3 }),
      fc.array(fc.constantFrom(...Object.values(offered)), { minLength: 1, maxLength: 3 }),
      fc.constantFrom('GET', 'HEAD', 'OPTIONS', 'POST', 'PUT', 'DELETE', 'PROPFIND'),
      fc.boolean(),
      fc.constantFrom('/fabrikam/_apis/x', '/fabrikam/r.git/info/refs', '/fabrikam/x'),
      async (upstreamSays, given, method, hasBody, path) => {
        answers = upstreamSays
        sent = 0
        delegation.giveAfterRejection(...given)
        const seen = tokens().length
        const head = [
          `${method} ${path} HTTP/1.1`,
          'Host: h',
          `Authorization: ${basic()}`,
          'Connection: close',
        ]
        const lines = hasBody ? [...head, 'Content-Length: 1', '', 'x'] : [...head, '', '']
        const answer = await rawRequest(server.port, lines.join('\r\n'))
        const status = Number(answer.slice(9, 12))
        statuses.add(status)
        const isSafe = ['GET', 'HEAD', 'OPTIONS'].includes(method) && !hasBody
        const most = isSafe ? 2 : 1
        if (status === 401 || Number.isNaN(status) || /^WWW-Authenticate:/im.test(answer))
          throw new Error(answer)
        const all = tokens().slice(seen)
        if (all.length < 1 || all.length > most) throw new Error(`sent ${all.length} times`)
        if (all[0] !== 'Bearer old' || (all.length === 2 && all[1] !== 'Bearer fresh'))
          throw new Error(all.join())
      },
    )
    await fc.assert(property, { numRuns: runs(300) })
    t.strictSame(server.bugs, [])
    for (const status of [200, 403, 404, 502, 503]) t.ok(statuses.has(status), `${status} has occurred`)
  },
)

t.test('what is a claims challenge', async t => {
  for (const [line, expected] of [
    [claims, 'eyJhY2Nlc3NfdG9rZW4iOnt9fQ=='],
    [`Basic realm="a, Bearer claims=\\"no\\"", ${claims}`, 'eyJhY2Nlc3NfdG9rZW4iOnt9fQ=='],
    ['bearer Error="insufficient_claims"', ''],
    ['Bearer error=insufficient_claims , CLAIMS = e30', 'e30'],
    ['Bearer error="insufficient_user_authentication", acr_values="mfa", max_age="5"', ''],
    ['Bearer claims="a\\"b"', 'a"b'],
    ['Bearer', undefined],
    ['Bearer error="invalid_token", error_description="claims=x"', undefined],
    ['Basic realm="x", claims="y"', undefined],
    ['Negotiate abc==, Basic realm="Bearer error=insufficient_claims"', undefined],
    ['Bearer authorization_uri=https://login.windows.net/tenant, Basic realm="x", TFS-Federated', undefined],
    ['', undefined],
    [`Bearer ${'a="'.repeat(5000)}`, undefined],
    [`${'x'.repeat(60_000)} Bearer claims="y"`, undefined],
  ] as const)
    t.equal(claimsChallenge({ 'www-authenticate': line }), expected, line.slice(0, 80))
  t.equal(claimsChallenge({ 'www-authenticate': ['Basic realm="x"', 'Bearer', claims] })?.length, 28)
  t.equal(claimsChallenge({}), undefined)
})
