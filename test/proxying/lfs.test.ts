import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { type IncomingHttpHeaders, type IncomingMessage, request, type ServerResponse } from 'node:http'
import { buffer } from 'node:stream/consumers'
import { gzipSync } from 'node:zlib'
import t, { type Test } from 'tap'
import { passThrough } from '../../src/upstream-auth/credentials.ts'
import { anna, basic, runningServer } from '../support/public-server.ts'
import { recordingUpstream } from '../support/recording-upstream.ts'
import { aWorld, type World } from '../support/world.ts'

const bob = { username: 'bob@example.com', password: 'battery staple' } as const
const batchPath = '/fabrikam/r.git/info/lfs/objects/batch'
const objectPath = '/fabrikam/r.git/info/lfs/objects/0a1b'
const token = 'Basic Z2l0OmEtdG9rZW4='
const lfsType = { 'Content-Type': 'application/vnd.git-lfs+json' }
const travels = 'x-altgate-upstream-authorization'

/** What an LFS server says of one object whose download is there; `action` and `object` have other members. */
const batchAnswer = (href: string, action: object = {}, object: object = {}) =>
  JSON.stringify({
    objects: [{ oid: '0a1b', size: 3, ...object, actions: { download: { href, ...action } } }],
  })

interface Sent {
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly as?: { readonly username: string; readonly password: string }
  readonly host?: string
}

async function send(
  url: string,
  path: string,
  { method = 'POST', headers = {}, as = anna, host }: Sent = {},
) {
  const asking = request(url + path, {
    method,
    agent: false,
    headers: { Host: host ?? 'git.example.com', Authorization: basic(as), ...headers },
  })
  const answered = once(asking, 'response')
  asking.end(method === 'POST' ? '{}' : undefined)
  const [response] = (await answered) as [IncomingMessage] // what `response` is documented to give
  const body = await buffer(response)
  return { status: response.statusCode, headers: response.headers, body }
}

interface Action {
  readonly href: string
  readonly header?: Readonly<Record<string, string>>
}

/** The one object of an answer, and its download. */
function objectOf({ body }: { readonly body: Buffer }) {
  const { objects } = JSON.parse(body.toString()) as { objects: [{ actions: { download: Action } }] } // as above
  return { ...objects[0], download: objects[0].actions.download }
}

/** An upstream whose batch answers are these bytes, with these headers; objects are `ok`. */
async function upstreamSaying(t: Test, answer: () => Buffer | string, headers: Record<string, string> = {}) {
  return recordingUpstream(t, (asked: IncomingMessage, response: ServerResponse) => {
    asked.resume().on('end', () => {
      if (asked.url?.endsWith('/objects/batch'))
        response.writeHead(200, { ...lfsType, ...headers }).end(answer())
      else response.end('ok')
    })
  })
}

const worldWithBob = (upstream: string): World =>
  aWorld({ accounts: ['fabrikam', 'wingtip'].map(name => ({ name, upstream })), credentials: [anna, bob] })

t.test('a batch answer that needs no change is passed on byte for byte', async t => {
  const own = 'http://git.example.com/fabrikam/r.git/info/lfs/objects/0a1b'
  const loop = batchAnswer(own, {}, { authenticated: true })
  const tooLong = `${loop.slice(0, -1)},"padding":"${'x'.repeat(8 * 2 ** 20)}"}`
  const nested = `${loop.slice(0, -1)},"deep":${'['.repeat(200_000)}${']'.repeat(200_000)}}`
  const cases: readonly (readonly [what: string, body: Buffer | string, headers?: Record<string, string>])[] =
    [
      ['nothing to change', `  ${batchAnswer(own)}\n`],
      [
        'signed storage',
        batchAnswer(
          'https://store.example.net/x?sig=1',
          { header: { Authorization: 'S' } },
          { authenticated: true },
        ),
      ],
      ['cut JSON', loop.slice(0, -1)],
      ['no object', '[]'],
      ['null', 'null'],
      [
        'objects that are none',
        '{"objects":[null,1,[],{"actions":null},{"actions":{"download":{"href":1}}}]}',
      ],
      ['no UTF-8', Buffer.concat([Buffer.from(loop), Buffer.from([0xff])])],
      ['a compressed answer', gzipSync(loop), { 'Content-Encoding': 'gzip' }],
      ['a coding that is none', loop, { 'Content-Encoding': 'x-other' }],
      ['another type', loop, { 'Content-Type': 'text/plain' }],
      ['too long', tooLong],
      ['nested too deep', nested],
      ['empty', ''],
    ]
  for (const [what, body, headers] of cases) {
    for (const framing of ['length', 'chunked'] as const) {
      const length = framing === 'length' ? { 'Content-Length': String(Buffer.byteLength(body)) } : {}
      const upstream = await upstreamSaying(t, () => body, { ...headers, ETag: '"e"', ...length })
      const { url } = await runningServer(t, { upstream: upstream.url })
      const answer = await send(url, batchPath)
      t.equal(answer.status, 200)
      t.ok(answer.body.equals(Buffer.from(body)), `${what}, ${framing}`)
      t.equal(answer.headers.etag, '"e"')
    }
  }
})

t.test('a batch answer is changed only where it would mislead git-lfs', async t => {
  const href = 'http://git.example.com/fabrikam/r.git/info/lfs/objects/0a1b?x=%7e#f'
  const action = '"expires_in":3600,"é":"\\ud83d","id":12345678901234567890,"one":1.0'
  const said = `{"transfer":"basic","x":[1e400,-0],"objects":[{"oid":"0a1b","authenticated":true,"actions":{"download":{"href":"${href}",${action}}}}]}`
  const upstream = await upstreamSaying(t, () => said, { ETag: '"e"', 'X-Other': 'y', 'Content-MD5': 'm' })
  const { url } = await runningServer(t, { upstream: upstream.url })
  const { body, headers } = await send(url, batchPath)
  t.equal(body.toString(), said.replace('"authenticated":true,', ''))
  t.equal(headers['content-length'], String(body.length))
  t.equal(headers['transfer-encoding'], undefined)
  t.strictSame([headers.etag, headers['content-md5']], [undefined, undefined], 'they named the other body')
  t.equal(headers['x-other'], 'y')
  t.strictSame(upstream.last().values('Accept-Encoding'), ['identity'])
})

t.test('parts of an upload and the _links of old servers are actions as well', async t => {
  const href = 'http://git.example.com/a'
  const own = { href, header: { authorization: token } }
  const objects = [{ actions: { parts: [own, own], verify: own } }, { _links: { download: own } }]
  const upstream = await upstreamSaying(t, () => JSON.stringify({ objects }))
  const { url } = await runningServer(t, { upstream: upstream.url })
  const said = (await send(url, batchPath)).body.toString()
  t.equal(said.match(/"X-Altgate-Upstream-Authorization"/g)?.length, 4)
  t.notMatch(said, /"authorization"/)
})

t.test('a token replaces what the account’s method would send', async t => {
  const href = `http://git.example.com${objectPath}`
  const upstream = await upstreamSaying(t, () => batchAnswer(href, { header: { Authorization: token } }))
  const { url } = await runningServer(t, { upstream: upstream.url, authorize: passThrough().authorize })
  const { download } = objectOf(await send(url, batchPath))
  t.strictSame(upstream.last().values('Authorization'), [basic()])
  await send(url, objectPath, { method: 'GET', ...(download.header && { headers: download.header }) })
  t.strictSame(upstream.last().values('Authorization'), [token])
})

const addresses: readonly (readonly [href: string, asIs: string, publicUrl?: string, host?: string])[] = [
  ['http://git.example.com/a?b=1', 'http://git.example.com/a?b=1'],
  ['HTTP://GIT.example.com:80/a', 'HTTP://GIT.example.com:80/a'],
  ['http://git.example.com./a', 'http://git.example.com./a'],
  ['http://u:p@git.example.com/a', 'http://git.example.com/a'],
  ['{inner}/fabrikam/a?b=1#c', 'http://git.example.com/fabrikam/a?b=1#c'],
  ['{inner}/fabrikam', 'http://git.example.com/fabrikam'],
  [
    'https://public.example.com:8443/a',
    'https://public.example.com:8443/a',
    'https://public.example.com:8443',
  ],
]

for (const [href, expected, publicUrl = 'https://git.example.com', host = 'git.example.com'] of addresses) {
  t.test(`an action at ${href} leads to the gateway`, async t => {
    const upstream = await upstreamSaying(t, () =>
      batchAnswer(
        href.replace('{inner}', upstream.url),
        { header: { AUTHORIZATION: token } },
        { authenticated: true },
      ),
    )
    const { url } = await runningServer(t, { upstream: upstream.url, publicUrl })
    const answer = objectOf(await send(url, batchPath, { host }))
    t.equal(answer.download.href, expected)
    t.notMatch(answer, { authenticated: true })
    t.strictSame(
      Object.keys(answer.download.header ?? {}).map(name => name.toLowerCase()),
      [travels],
    )
  })
}

for (const href of [
  'https://store.example.net/fabrikam/a',
  'http://git.example.com:8080/fabrikam/a',
  'http://git.example.com.evil.example/fabrikam/a',
  'http://git.example.com@evil.example/fabrikam/a',
  'http://evil.example\\@git.example.com/fabrikam/a',
  '{inner}/other/a',
  '{inner}/fabrikamx/a',
  '/fabrikam/a',
  'ssh://git.example.com/fabrikam/a',
]) {
  t.test(`an action at ${href} does not lead to the gateway`, async t => {
    const upstream = await upstreamSaying(t, () =>
      batchAnswer(
        href.replace('{inner}', upstream.url),
        { header: { Authorization: token } },
        { authenticated: true },
      ),
    )
    const { url } = await runningServer(t, { upstream: upstream.url })
    const answer = objectOf(await send(url, batchPath))
    t.match(answer, { authenticated: true, download: { header: { Authorization: token } } })
    t.notMatch(answer.download.header, { [travels]: /./ })
  })
}

// Azure DevOps and others write the `Authorization` of the batch request into the actions.
for (const [where, href] of [
  ['elsewhere', 'https://storage.example.net/0a1b'],
  ['to the gateway', '{inner}/fabrikam/r.git/info/lfs/objects/0a1b'],
] as const) {
  t.test(`a credential of the gateway in an action that leads ${where} is not passed on`, async t => {
    const seen: (string | undefined)[] = []
    const upstream = await recordingUpstream(t, (asked, response) => {
      const { authorization = '' } = asked.headers
      seen.push(authorization)
      const echoed = { authorization, 'X-Token': authorization.replace('Bearer ', ''), 'X-Other': 'stays' }
      asked.resume().on('end', () => {
        const action = { header: echoed }
        const answer = batchAnswer(href.replace('{inner}', upstream.url), action, { authenticated: true })
        response.writeHead(200, lfsType).end(answer)
      })
    })
    const authorize = () => ['Authorization', 'Bearer secret-of-anna']
    const { url } = await runningServer(t, { upstream: upstream.url, authorize })
    const { body } = await send(url, batchPath)
    t.strictSame(seen, ['Bearer secret-of-anna'])
    t.notMatch(body.toString(), 'secret-of-anna')
    t.strictSame(objectOf({ body }).download.header, { 'X-Other': 'stays' })
  })
}

t.test('with pass-through, an action elsewhere keeps the credential that the client has sent', async t => {
  const header = { Authorization: basic(anna) }
  const upstream = await upstreamSaying(t, () => batchAnswer('https://storage.example.net/0a1b', { header }))
  const { url } = await runningServer(t, { upstream: upstream.url, authorize: passThrough().authorize })
  t.strictSame(objectOf(await send(url, batchPath)).download.header, header)
})

/** Two gateways that share a key before one upstream, which gives out `token`, and their clock. */
async function twoGateways(t: Test, action: object = {}) {
  const header = { Authorization: token, 'X-Own': 'stays' }
  const href = `http://git.example.com${objectPath}`
  const upstream = await upstreamSaying(t, () => batchAnswer(href, { header, ...action }))
  let now = Date.UTC(2026, 10, 27)
  const lfs = { key: randomBytes(32), actionSeconds: 600, now: () => now }
  const servers = [1, 2].map(() =>
    runningServer(t, { upstream: upstream.url, world: worldWithBob(upstream.url), lfs }),
  )
  const [one, other] = (await Promise.all(servers)).map(({ url }) => url)
  const { download } = objectOf(await send(one ?? '', batchPath))
  const sealed = Object.fromEntries(Object.entries(download.header ?? {}))
  return { upstream, one, other, sealed, pass: (seconds: number) => (now += seconds * 1000) }
}

t.test('what one gateway sealed another opens, for this user and this path', async t => {
  const { upstream, other = '', sealed } = await twoGateways(t)
  t.strictSame(Object.keys(sealed).sort(), ['X-Altgate-Upstream-Authorization', 'X-Own'])
  t.notMatch(JSON.stringify(sealed), /Z2l0OmEtdG9rZW4/)
  for (const [method, path] of [
    ['GET', objectPath],
    ['PUT', `${objectPath}?part=1`],
    ['HEAD', objectPath.replace('0a1b', '%30a1b')],
  ] as const) {
    const { status } = await send(other, path, { method, headers: sealed })
    t.equal(status, 200)
    t.strictSame(upstream.last().values('Authorization'), [token])
    t.strictSame(upstream.last().values('X-Own'), ['stays'])
    t.match(upstream.last().values('X-Forwarded-User'), [anna.username], 'it is told who it is all the same')
    t.notMatch(upstream.last().rawHeaders.join(), new RegExp(travels, 'i'))
  }
})

t.test('a seal for another user, path or account, or a changed or expired one, is ignored', async t => {
  const { upstream, one = '', sealed, pass } = await twoGateways(t)
  const value = sealed['X-Altgate-Upstream-Authorization'] ?? ''
  const [end = '', text = ''] = value.split('.')
  const cases: readonly (readonly [what: string, sent: Sent, path?: string])[] = [
    ['another person', { as: bob }],
    ['another path', {}, `${objectPath}f`],
    ['another account', {}, objectPath.replace('fabrikam', 'wingtip')],
    ['a later end', { headers: { [travels]: `${Number(end) + 1}.${text}` } }],
    [
      'another text',
      { headers: { [travels]: `${end}.${text.replace(/^./, each => (each === 'A' ? 'B' : 'A'))}` } },
    ],
    ['twice', { headers: { [travels]: `${value}, ${value}` } }],
    ['a short tag', { headers: { [travels]: `${end}.${text.slice(0, 20)}` } }],
    ['none', { headers: { [travels]: '' } }],
    ['what it seals', { headers: { [travels]: token } }],
    ['no number', { headers: { [travels]: `Infinity.${text}` } }],
  ]
  const refused = async (what: string, sent: Sent, path = objectPath) => {
    const { status } = await send(one, path, { method: 'GET', headers: sealed, ...sent })
    t.equal(status, 200, what)
    t.strictSame(upstream.last().values('Authorization'), [], what)
  }
  for (const each of cases) await refused(...each)
  pass(599)
  await send(one, objectPath, { method: 'GET', headers: sealed })
  t.strictSame(upstream.last().values('Authorization'), [token])
  pass(1)
  await refused('too late', {})
})

t.test('a seal is not valid for another account with the same paths', async t => {
  const upstream = await upstreamSaying(t, () =>
    batchAnswer('http://fabrikam.example.com/r.git/info/lfs/objects/0a1b', {
      header: { Authorization: token },
    }),
  )
  const world = aWorld({
    accounts: ['fabrikam', 'wingtip'].map(name => ({ name, upstream: upstream.url })),
    credentials: [anna],
    naming: { by: 'host', suffix: '.example.com' },
  })
  const { url } = await runningServer(t, { upstream: upstream.url, world })
  const [batch, object] = [batchPath.slice('/fabrikam'.length), objectPath.slice('/fabrikam'.length)]
  const host = 'fabrikam.example.com'
  const { download } = objectOf(await send(url, batch, { host }))
  const headers = download.header ?? {}
  await send(url, object, { method: 'GET', headers, host })
  t.strictSame(upstream.last().values('Authorization'), [token])
  await send(url, object, { method: 'GET', headers, host: 'wingtip.example.com' })
  t.strictSame(upstream.last().values('Authorization'), [])
})

for (const [what, action, seconds] of [
  ['expires_in', { expires_in: 60 }, 60],
  ['expires_at', { expires_at: '2026-11-27T00:02:00Z' }, 120],
  ['expires_in before expires_at', { expires_in: 60, expires_at: '2026-11-27T00:02:00Z' }, 60],
  ['nothing, as Go writes it', { expires_in: 0, expires_at: '0001-01-01T00:00:00Z' }, 600],
  ['an unreadable expiry', { expires_in: '60', expires_at: 'soon' }, 600],
] as const) {
  t.test(`a seal is valid as long as the server says: ${what}`, async t => {
    const { upstream, one = '', sealed, pass } = await twoGateways(t, action)
    const counts = async () => {
      await send(one, objectPath, { method: 'GET', headers: sealed })
      return upstream.last().values('Authorization').length === 1
    }
    pass(seconds - 1)
    t.ok(await counts())
    pass(1)
    t.notOk(await counts())
  })
}

t.test('an upstream that rejects its own token has not rejected the gateway', async t => {
  const upstream = await recordingUpstream(t, (asked, response) =>
    asked.resume().on('end', () => response.writeHead(401).end()),
  )
  const { url, failures } = await runningServer(t, { upstream: upstream.url })
  const headers = { [travels]: 'old' }
  const { status, body } = await send(url, objectPath, { method: 'GET', headers })
  t.equal(status, 502)
  t.match(body.toString(), 'no longer accepts the token that it')
  await send(url, objectPath, { method: 'GET' })
  t.strictSame(
    failures.map(({ because }) => because),
    ['own-token', 'unauthorized'],
  )
})

t.test('a seal is useless without the user’s credential', async t => {
  const { upstream, one = '', sealed } = await twoGateways(t)
  const before = upstream.requests.length
  const asking = request(one + objectPath, { agent: false, headers: { Host: 'git.example.com', ...sealed } })
  const answered = once(asking, 'response')
  asking.end()
  const [response] = (await answered) as [IncomingMessage] // what `response` is documented to give
  response.resume()
  t.equal(response.statusCode, 401)
  t.equal(upstream.requests.length, before)
})

t.test('an upstream that disconnects during a batch answer is reported as failed', async t => {
  const upstream = await recordingUpstream(t, (asked, response) => {
    response.writeHead(200, { ...lfsType, 'Content-Length': '1000' }).write('{"objects":[')
    asked.resume().on('end', () => setImmediate(() => response.destroy()))
  })
  const { url, failures } = await runningServer(t, { upstream: upstream.url })
  const { status, headers }: { status: number | undefined; headers: IncomingHttpHeaders } = await send(
    url,
    batchPath,
  )
  t.equal(status, 502)
  t.equal(headers['x-altgate-outcome'], 'upstream-failed')
  t.equal(failures.length, 1)
})
