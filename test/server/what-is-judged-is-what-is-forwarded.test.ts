import t, { type Test } from 'tap'
import type { Naming } from '../../src/gateway/account.ts'
import { destinationOf, pathOutside } from '../../src/proxying/addresses.ts'
import { basic, runningServer } from '../support/public-server.ts'
import { rawRequest } from '../support/raw-request.ts'
import { recordingUpstream } from '../support/recording-upstream.ts'
import { aWorld } from '../support/world.ts'

const byPath: Naming = { by: 'path' }
const byHost: Naming = { by: 'host', suffix: '.example.com' }

const upstream = await recordingUpstream(t)
const server = await runningServer(t, { upstream: upstream.url })

function get(target: string, port = server.port): Promise<string> {
  return rawRequest(
    port,
    `GET ${target} HTTP/1.1\r\nHost: git.example.com\r\nAuthorization: ${basic()}\r\nConnection: close\r\n\r\n`,
  )
}

t.test('path and query arrive byte for byte', async t => {
  for (const target of [
    '/fabrikam',
    '/fabrikam/',
    '/Fabrikam/x',
    '/fabrikam/a%2Fb',
    '/fabrikam/a%252Fb',
    '/fabrikam/caf%C3%A9',
    '/fabrikam/caf%E9',
    '/fabrikam/a//b///',
    '/fabrikam/deb/./InRelease',
    '/fabrikam/a;b=c/d',
    '/fabrikam/a+b~!$&\'()*,=:@|^`{}"<>[]',
    '/fabrikam/x?',
    '/fabrikam?service=git-upload-pack',
    '/fabrikam/x?a=%zz&b=../..&c=%2e%2e/&d=1&d=2&e',
    '/fabrikam/x?y=/_altgate/',
    `/fabrikam/${'long/'.repeat(1000)}`,
  ]) {
    t.match(await get(target), /^HTTP\/1\.1 200/, target)
    t.equal(upstream.last().url, target)
  }
})

t.test('a URL that two parsers could read in two ways is refused, not normalized', async t => {
  const before = upstream.requests.length
  for (const target of [
    '/fabrikam/../contoso/x',
    '/fabrikam/%2e%2e/contoso/x',
    '/fabrikam/%2E%2E%2Fcontoso',
    '/fabrikam/..%2fcontoso',
    '/./fabrikam/x',
    '/fabrikam/.',
    '/fabrikam/./../contoso',
    '/fabrikam%2e/x',
    '/fabrikam/..;/x',
    '/fabrikam/..;x=y/z',
    '/fabrikam\\..\\contoso/x',
    '/fabrikam/%5c..%5ccontoso',
    '//contoso/fabrikam/x',
    'http://git.example.com//fabrikam/x',
    'http://contoso.example.com/fabrikam/x',
    '/fabrikam/x#fragment',
    '/fabri%6bam/x',
    '/fabrikam%2fx',
    '/fabrikam%2Fb%3Fc%23',
    '/fabrikam/%zz',
    '/fabrikam/%00',
    '/fabrikam/%0d%0aX-Forwarded-User:%20root',
    '/fabrikam/\xe9',
    '*',
  ])
    t.match(
      await get(target),
      /^HTTP\/1\.1 400 Bad Request\r\n(?:.+\r\n)*X-Altgate-Outcome: unclear-target\r\n/,
      target,
    )
  t.equal(upstream.requests.length, before, 'the upstream has seen nothing')
})

t.test('headers that name another path change nothing', async t => {
  const headers = {
    authorization: basic(),
    'x-original-url': '/contoso',
    'x-rewrite-url': '/contoso',
    'x-forwarded-uri': '/contoso',
  }
  await (await fetch(`${server.url}/fabrikam/x`, { headers })).text()
  t.equal(upstream.last().url, '/fabrikam/x')
  t.notMatch(upstream.last().rawHeaders.join('\n'), 'contoso')
})

t.test('a public-looking query or User-Agent gives no access', async t => {
  for (const headers of [{}, { 'user-agent': 'kube-probe/1.30' }, { 'user-agent': 'GoogleHC/1.0' }]) {
    const answer = await fetch(`${server.url}/fabrikam/x?y=/live&z=/_altgate/`, { headers })
    t.equal(answer.status, 401)
    await answer.text()
  }
})

t.test('the path of the upstream replaces the account, as with nginx', async t => {
  const world = aWorld({
    accounts: [
      { name: 'plain', upstream: upstream.url },
      { name: 'root', upstream: `${upstream.url}/` },
      { name: 'base', upstream: `${upstream.url}/base/dir` },
      { name: 'slash', upstream: `${upstream.url}/base/` },
    ],
    credentials: [{ username: 'anna@example.com', password: 'correct horse' }],
  })
  const { port } = await runningServer(t, { upstream: upstream.url, world })
  for (const [target, expected] of [
    ['/plain/r.git/info/refs?service=x', '/plain/r.git/info/refs?service=x'],
    ['/root/r.git/info/refs?service=x', '/r.git/info/refs?service=x'],
    ['/root', '/'],
    ['/root?x', '/?x'],
    ['/root/', '/'],
    ['/base/r.git', '/base/dir/r.git'],
    ['/base', '/base/dir'],
    ['/base?x', '/base/dir?x'],
    ['/BASE/a%2Fb//c', '/base/dir/a%2Fb//c'],
    ['/slash/r.git', '/base/r.git'],
  ] as const) {
    t.match(await get(target, port), /^HTTP\/1\.1 200/, target)
    t.equal(upstream.last().url, expected)
  }
  const before = upstream.requests.length
  t.match(await get('/root//contoso/x', port), /^HTTP\/1\.1 400/, 'no double slash is made')
  t.equal(upstream.requests.length, before)
})

t.test('the host names the account, and the path is the upstream\u2019s alone', async t => {
  const world = aWorld({
    naming: byHost,
    accounts: [
      { name: 'fabrikam', upstream: upstream.url },
      { name: 'contoso', upstream: `${upstream.url}/tfs/` },
    ],
    credentials: [{ username: 'anna@example.com', password: 'correct horse' }],
  })
  const { port } = await runningServer(t, { upstream: upstream.url, world })
  const ask = (host: string, target: string) =>
    rawRequest(
      port,
      `GET ${target} HTTP/1.1\r\nHost: ${host}\r\nAuthorization: ${basic()}\r\nConnection: close\r\n\r\n`,
    )
  t.match(await ask('fabrikam.example.com', '/a/b?c'), /^HTTP\/1\.1 200/)
  t.equal(upstream.last().url, '/a/b?c')
  t.match(await ask('Contoso.example.com:8080', '/a/b?c'), /^HTTP\/1\.1 200/)
  t.equal(upstream.last().url, '/tfs/a/b?c')
  t.match(await ask('elsewhere.org', '/a'), /^HTTP\/1\.1 404/)
  t.match(await ask('fabrikam.example.com/x', '/a'), /^HTTP\/1\.1 400/)
})

t.test('two upstreams whose URLs joined with paths look alike are kept apart', async t => {
  // CVE-2026-16158: a cache keyed by address and path in one string.
  t.match(destinationOf('http://h:3100', '/1/x', byHost), { origin: 'http://h:3100', path: '/1/x' })
  t.match(destinationOf('http://h:31001', '/x', byHost), { origin: 'http://h:31001', path: '/x' })
})

t.test('only a plain http URL is an upstream', async t => {
  for (const address of [
    '',
    'h:80',
    'ftp://h/',
    'http://',
    'http://user:secret@h/',
    'http://h/?x',
    'http://h/#x',
    'http://h:99999/',
    'file:///etc',
  ])
    t.same(
      destinationOf(address, '/a/b', byPath),
      { outcome: 'upstream-failed', because: 'bad-address' },
      address,
    )
})

t.test('addresses of the upstream are translated for the client', async t => {
  const check = (t: Test, upstream: string, target: string, path: string, expected: string | undefined) => {
    const destination = destinationOf(upstream, target, byPath)
    if ('outcome' in destination) throw new Error('no destination')
    t.equal(pathOutside(path, destination), expected)
  }
  check(t, 'http://h', '/fabrikam/x', '/fabrikam/y?z', '/fabrikam/y?z')
  // In the upstream's spelling: one that corrects it would redirect for ever.
  check(t, 'http://h', '/fabrikam/x', '/Fabrikam/y?z', '/Fabrikam/y?z')
  check(t, 'http://h', '/fabrikam/x', '/contoso/y', undefined)
  check(t, 'http://h', '/fabrikam/x', '/fabrikam-two/y', undefined)
  check(t, 'http://h/', '/fabrikam/x', '/y?z', '/fabrikam/y?z')
  check(t, 'http://h/base', '/fabrikam/x', '/base/y?z', '/fabrikam/y?z')
  check(t, 'http://h/base', '/fabrikam/x', '/base', '/fabrikam')
  check(t, 'http://h/base', '/fabrikam/x', '/basement', undefined)
  check(t, 'http://h/base', '/fabrikam/x', '/', undefined)
})
