import t from 'tap'
import { basic, runningServer } from '../support/public-server.ts'
import { rawConnection, rawRequest } from '../support/raw-request.ts'
import { recordingUpstream } from '../support/recording-upstream.ts'
import { aWorld, entra, msa } from '../support/world.ts'

// Published vulnerabilities that take more than one request or one upstream to show; the others are rows of public-cases/advisories.ts.

const anna = { username: 'anna@example.com', password: 'correct horse' }
const bo = { username: 'bo@example.com', password: 'battery staple' }

t.test('two upstreams behind one pool get their own concurrent requests (CVE-2026-6734)', async t => {
  const one = await recordingUpstream(t)
  const other = await recordingUpstream(t)
  const world = aWorld({
    accounts: [
      { name: 'fabrikam', upstream: one.url },
      { name: 'contoso', upstream: other.url, connection: entra('Contoso') },
    ],
    credentials: [anna, { ...bo, connection: entra('Contoso') }],
  })
  const server = await runningServer(t, { upstream: one.url, world })
  const ask = async (account: string, who: typeof anna) => {
    const answer = await fetch(`${server.url}/${account}/x`, { headers: { authorization: basic(who) } })
    return [answer.status, await answer.text()]
  }
  const both = Array.from({ length: 40 }, () => [ask('fabrikam', anna), ask('contoso', bo)]).flat()
  for (const answer of await Promise.all(both)) t.strictSame(answer, [200, 'ok'])
  t.equal(one.requests.length, 40)
  t.equal(other.requests.length, 40)
  t.ok(
    one.requests.every(
      each => each.url === '/fabrikam/x' && each.values('x-forwarded-user')[0] === anna.username,
    ),
  )
  t.ok(
    other.requests.every(
      each => each.url === '/contoso/x' && each.values('x-forwarded-user')[0] === bo.username,
    ),
  )
})

t.test('one name and password in two scopes are two users, in any order (CVE-2007-6598)', async t => {
  const upstream = await recordingUpstream(t)
  const contoso = entra('Contoso')
  const world = aWorld({
    accounts: [
      { name: 'fabrikam', upstream: upstream.url },
      { name: 'contoso', upstream: upstream.url, connection: contoso },
      { name: 'northwind', upstream: upstream.url, connection: entra('Northwind') },
    ],
    credentials: [
      { ...anna, connection: msa },
      { ...anna, connection: contoso, secondary: 'anna' },
    ],
  })
  const server = await runningServer(t, { upstream: upstream.url, world })
  const authorization = basic(anna)
  for (const accounts of [
    ['fabrikam', 'contoso', 'northwind', 'fabrikam'],
    ['northwind', 'contoso', 'fabrikam', 'contoso'],
  ])
    for (const account of accounts) {
      const answer = await fetch(`${server.url}/${account}/x`, { headers: { authorization } })
      await answer.text()
      if (account === 'northwind') {
        t.equal(answer.status, 401)
        continue
      }
      t.equal(answer.status, 200)
      t.strictSame(upstream.last().values('x-altgate-subject'), [
        account === 'fabrikam' ? 'subject-0' : 'subject-1',
      ])
    }
})

t.test('CONNECT opens no tunnel, and the next client is served (CVE-2026-33007)', async t => {
  const upstream = await recordingUpstream(t)
  const server = await runningServer(t, { upstream: upstream.url })
  const answer = await rawRequest(
    server.port,
    `CONNECT ${new URL(upstream.url).host} HTTP/1.1\r\nHost: x\r\nAuthorization: ${basic()}\r\n\r\n`,
  )
  t.notMatch(answer, /^HTTP\/1\.1 2/)
  t.equal(upstream.connections(), 0)
  t.match(
    await rawRequest(server.port, 'GET /fabrikam/x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'),
    / 401 /,
  )
})

t.test('the HTTP/2 preface is not a request, and ends its connection (CVE-2026-56846)', async t => {
  const upstream = await recordingUpstream(t)
  const server = await runningServer(t, { upstream: upstream.url })
  const connection = await rawConnection(server.port)
  connection.send('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0')
  t.match(await connection.closed(), /^HTTP\/1\.1 400 /)
  t.strictSame(server.bugs, [])
})

t.test(
  'unknown methods are answered by the upstream or the gateway, and never cause a crash (CVE-2026-47219)',
  async t => {
    const upstream = await recordingUpstream(t)
    const server = await runningServer(t, { upstream: upstream.url })
    for (const method of [
      '__proto__',
      'constructor',
      'PRI',
      'TRACE',
      'FOO',
      'get',
      'PROPFIND',
      'M-SEARCH',
      'QUERY',
    ]) {
      const answer = await rawRequest(
        server.port,
        `${method} /fabrikam/x HTTP/1.1\r\nHost: x\r\nAuthorization: ${basic()}\r\nConnection: close\r\n\r\n`,
      )
      t.match(answer, /^HTTP\/1\.1 (?:200|400|403) /, method)
    }
    t.notOk(upstream.requests.some(({ method }) => method === 'TRACE'))
    t.strictSame(server.bugs, [])
  },
)
