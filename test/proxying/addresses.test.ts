import t from 'tap'
import type { Naming } from '../../src/gateway/account.ts'
import {
  type AddressMapping,
  answerHeader,
  destinationOf,
  requestHeaders,
} from '../../src/proxying/addresses.ts'

function mappingOf(
  upstream: string,
  address: string,
  target: string,
  naming: Naming = { by: 'path' },
): AddressMapping {
  const destination = destinationOf(upstream, target, naming)
  if ('outcome' in destination) throw new Error('no destination')
  return { target, address, destination }
}

const here = 'https://git.example.com'
const same = mappingOf('http://up.internal:8080', here, '/wingtip/p/x?q')
const based = mappingOf('http://up.internal:8080/tfs', here, '/wingtip/p/x?q')
const byHost = mappingOf('http://up.internal:8080/tfs/', 'https://wingtip.example.com', '/p/x', {
  by: 'host',
  suffix: '.example.com',
})

const location = (value: string, mapping: AddressMapping) => answerHeader('location', value, mapping)

t.test('the upstream\u2019s own address becomes the public one, the rest stays byte for byte', async t => {
  for (const [value, expected] of [
    ['http://up.internal:8080/wingtip/a', `${here}/wingtip/a`],
    ['HTTP://UP.internal:8080/wingtip/a', `${here}/wingtip/a`],
    ['http://up.internal.:8080/wingtip/a', `${here}/wingtip/a`],
    ['http://up%2Einternal:08080/wingtip/a', `${here}/wingtip/a`],
    ['http://user:pass@up.internal:8080/wingtip/a', `${here}/wingtip/a`],
    ['//up.internal:8080/wingtip/a', `${here}/wingtip/a`],
    ['http://up.internal:8080/wingtip', `${here}/wingtip`],
    ['http://up.internal:8080/Wingtip/a', `${here}/Wingtip/a`],
    [
      'http://up.internal:8080/wingtip/\xc3\xa9|^{%zz?a=%e9&b=|#\xe9',
      `${here}/wingtip/\xc3\xa9|^{%zz?a=%e9&b=|#\xe9`,
    ],
    ['http://up.internal:8080/wingtip/a/../b?c', `${here}/wingtip/b?c`],
    // Reads only one of X-Forwarded-Proto and X-Forwarded-Host.
    ['https://up.internal:8080/wingtip/a', `${here}/wingtip/a`],
    ['http://git.example.com/wingtip/a', `${here}/wingtip/a`],
  ] as const)
    t.equal(location(value, same), expected, value)
})

t.test('what the client resolves correctly stays unchanged', async t => {
  for (const value of [
    `${here}/wingtip/a`,
    'https://GIT.example.com:443/wingtip/a',
    '/wingtip/a?b#c',
    '/Wingtip/p/x?q',
    'a',
    '../a',
    '?x',
    '#x',
    '',
  ])
    t.equal(location(value, same), value, value)
  t.equal(location('../a', based), '../a', 'below another path, too')
  t.equal(location('a?b', byHost), 'a?b')
})

t.test('what points elsewhere stays byte for byte', async t => {
  for (const value of [
    'https://x1.blob.core.example/c/f?sv=1&sig=a%2Fb%3D',
    'https://git.example.com.evil.example/wingtip/a',
    'https://git.example.com@evil.example/wingtip/a',
    'https://git.example.com:8443/wingtip/a',
    'http://up.internal/wingtip/a',
    'http://up.internal:8081/wingtip/a',
    'http://up.internal:8080/contoso/a',
    'http://up.internal:8080/wingtip-two/a',
    'http://up.internal:8080/wingtip/../contoso/a',
    'http://up.internal:8080/wingtip/%2e%2E/contoso/a',
    'http:\\\\up.internal:8080\\wingtip',
    '/\\evil.example/wingtip/a',
    'http:/wingtip/a',
    'http:wingtip',
    'mailto:a@example.org',
    'javascript:alert(1)',
    'http://[broken',
    // An upstream that wants https: in the client's terms it would be the request itself, for ever.
    'https://up.internal:8080/wingtip/p/x?q',
    'http://git.example.com/wingtip/p/x?q',
  ])
    t.equal(location(value, same), value, value)
})

t.test('where the upstream has another name for the account', async t => {
  for (const [value, expected] of [
    ['http://up.internal:8080/tfs/a?b', `${here}/wingtip/a?b`],
    ['/tfs/a', `${here}/wingtip/a`],
    ['/tfs', `${here}/wingtip`],
    ['/TFS/a', `${here}/wingtip/a`],
    ['/elsewhere', '/elsewhere'],
    ['http://up.internal:8080/wingtip/a', 'http://up.internal:8080/wingtip/a'],
    [`${here}/wingtip/a`, `${here}/wingtip/a`],
  ] as const)
    t.equal(location(value, based), expected, value)
  t.equal(location('/tfs/a', byHost), 'https://wingtip.example.com/a')
  t.equal(location('/', byHost), '/')
})

t.test('every spelling of the public address is recognized', async t => {
  for (const [address, told] of [
    ['http://LOCALHOST:8080', 'http://localhost:8080'],
    ['http://localhost:8080', 'http://LOCALHOST:8080'],
    ['http://git.example.com:80', 'http://git.example.com'],
    ['https://git.example.com:443', 'https://git.example.com'],
    ['https://git.example.com', 'https://git.example.com:443'],
    ['http://[0:0:0:0:0:0:0:1]:8080', 'http://[::1]:8080'],
    ['http://[::1]:8080', 'http://[0:0:0:0:0:0:0:1]:8080'],
    ['https://git.example.com.', 'https://git.example.com'],
    ['https://git.example.com', 'https://git.example.com.:443'],
    ['http://127.0.0.1', 'http://0x7f.1'],
  ] as const) {
    const mapping = mappingOf('http://up.internal:8080', address, '/wingtip/x')
    // Only where the client would take it for another host does it get the client's spelling: for the dot.
    const expected = new URL(told).origin === new URL(address).origin ? told : address
    t.equal(location(`${told}/wingtip/a`, mapping), `${expected}/wingtip/a`, address)
    const echoed = location(`${address}/wingtip/a`, mapping)
    t.equal(echoed, `${address}/wingtip/a`, 'in the client\u2019s own spelling it stays')
  }
})

t.test('only headers that clients follow are translated', async t => {
  const inner = 'http://up.internal:8080/tfs/a'
  const outer = `${here}/wingtip/a`
  for (const name of ['location', 'content-location', 'operation-location', 'azure-asyncoperation'])
    t.equal(answerHeader(name, inner, based), outer, name)
  for (const [value, expected] of [
    [`0;url=${inner}`, `0;url=${outer}`],
    [`5; URL="${inner}"`, `5; URL="${outer}"`],
    [`5, ${inner}`, `5, ${outer}`],
    ['5', '5'],
    ['5; url=https://elsewhere.example.org/', '5; url=https://elsewhere.example.org/'],
  ] as const)
    t.equal(answerHeader('refresh', value, based), expected, value)
  t.equal(
    answerHeader(
      'link',
      `<${inner}?page=2>; rel="next", <https://x.example/>; rel="last"; title="a<b"`,
      based,
    ),
    `<${outer}?page=2>; rel="next", <https://x.example/>; rel="last"; title="a<b"`,
  )
  for (const name of ['x-location', 'set-cookie', 'etag', 'www-location'])
    t.equal(answerHeader(name, inner, based), inner, name)
})

t.test('a Destination header is translated for the upstream', async t => {
  const ask = (method: string, value: string, mapping: AddressMapping) => {
    const headers = requestHeaders(method, ['Host', 'x', 'destination', value], mapping)
    return 'outcome' in headers ? headers.flaw : headers[3]
  }
  for (const [value, expected] of [
    [`${here}/wingtip/a%20b?c`, 'http://up.internal:8080/tfs/a%20b?c'],
    ['https://GIT.example.com.:443/Wingtip/a', 'http://up.internal:8080/tfs/a'],
    [`http://git.example.com/wingtip/a`, 'http://up.internal:8080/tfs/a'],
    ['/wingtip/a', '/tfs/a'],
    ['/wingtip', '/tfs'],
    ['/contoso/a', 'destination'],
    [`${here}/contoso/a`, 'destination'],
    [`${here}/wingtip//a`, 'http://up.internal:8080/tfs//a'],
    [`${here}/wingtip/a#b`, 'destination'],
    ['http://up.internal:8080/tfs/a', 'destination'],
    ['https://elsewhere.example/wingtip/a', 'destination'],
  ] as const)
    t.equal(ask('COPY', value, based), expected, value)
  t.equal(ask('MOVE', 'Paris', based), 'destination')
  t.equal(ask('POST', 'Paris', based), 'Paris', 'with other methods it may be another thing')
  t.equal(ask('POST', '/contoso/a', based), 'destination', 'but no address of another account')
  const rooted = mappingOf('http://up.internal:8080/', here, '/wingtip/x')
  t.equal(ask('MOVE', '/wingtip//contoso/x', rooted), 'destination', 'no double slash is made')

  const twice = ['Destination', '/wingtip/a', 'Destination', '/wingtip/b']
  t.match(requestHeaders('MOVE', twice, same), { flaw: 'destination' }, 'two of them are two readings')
  const plain = ['Host', 'git.example.com', 'Accept', '*/*']
  t.equal(requestHeaders('GET', plain, same), plain, 'most requests have none, and cost no copy')
})

t.test('so are the addresses in an If header, and nothing else in it', async t => {
  const ask = (value: string) => {
    const headers = requestHeaders('PUT', ['If', value], based)
    return 'outcome' in headers ? headers.flaw : headers[1]
  }
  const up = 'http://up.internal:8080/tfs'
  for (const [value, expected] of [
    [`<${here}/wingtip/a> (<opaquelocktoken:1> ["x)y"])`, `<${up}/a> (<opaquelocktoken:1> ["x)y"])`],
    [
      `<${here}/wingtip/a> (<urn:1>) </wingtip/b> (Not <DAV:x>)`,
      `<${up}/a> (<urn:1>) </tfs/b> (Not <DAV:x>)`,
    ],
    [`(<https://git.example.com/contoso/token>)`, `(<https://git.example.com/contoso/token>)`],
    [`<urn:x> (<urn:1>)`, `<urn:x> (<urn:1>)`],
    [`<${here}/contoso/a> (<urn:1>)`, 'destination'],
    [`(["a"]) </contoso/a> (<urn:1>)`, 'destination'],
    ['('.repeat(100_000), '('.repeat(100_000)],
    ['<'.repeat(100_000), '<'.repeat(100_000)],
    ['("'.repeat(50_000), '("'.repeat(50_000)],
  ] as const)
    t.equal(ask(value), expected, value)
})
