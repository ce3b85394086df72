import t from 'tap'
import { droppedByName } from '../../src/proxying/header-rules.ts'
import { anna, basic, runningServer, toldOfAnna } from '../support/public-server.ts'
import { rawRequest } from '../support/raw-request.ts'
import { type Recorded, recordingUpstream } from '../support/recording-upstream.ts'
import { aWorld } from '../support/world.ts'

// CVE-2025-64484, CVE-2026-54763, CVE-2026-88011: `X_Forwarded_User` passed the filter, and an upstream that folds
// names read it as the gateway's own. CVE-2026-33805: `Connection: x-forwarded-user` removed the gateway's own.

const upstream = await recordingUpstream(t)
const server = await runningServer(t, { upstream: upstream.url })

/** What the upstream sees of a request with these header lines. */
async function seenWith(...lines: readonly string[]): Promise<Recorded> {
  const before = upstream.requests.length
  const head = ['GET /fabrikam/x HTTP/1.1', 'Host: git.example.com', `Authorization: ${basic()}`, ...lines]
  const answer = await rawRequest(server.port, `${head.join('\r\n')}\r\nConnection: close\r\n\r\n`)
  if (upstream.requests.length !== before + 1) throw new Error(`not forwarded:\n${answer}`)
  return upstream.last()
}

const reserved = [
  ...Object.keys(toldOfAnna),
  'X-Request-Id',
  ...droppedByName,
  // Of the same kinds, but with names that are in no list.
  'X-Forwarded-Whatever',
  'X-Altgate-Whatever',
  'Remote-Whatever',
  'X-Remote-Extra-Whatever',
  'X-WEBAUTH-Whatever',
  'X-Auth-Request-Whatever',
  'X-SSL-Whatever',
  'SSL-Client-Whatever',
  'X-ARR-Whatever',
  'X-MS-Client-Principal-Whatever',
  'OIDC-Claim-Whatever',
]
const spellings: readonly ((name: string) => string)[] = [
  name => name,
  name => name.toLowerCase(),
  name => name.toUpperCase(),
  name => name.replaceAll('-', '_'),
  name => name.replaceAll('-', '.'),
  name => name.replace('-', '_'),
  name => name.replace('-', '.').toUpperCase(),
  name => name.replaceAll('-', '~'),
  name => name.replaceAll('-', '!'),
  name => name.replaceAll('-', '|').toUpperCase(),
]

for (const name of reserved) {
  t.test(`${name} from a client never arrives, in any spelling`, async t => {
    const forged = spellings.map(spell => spell(name))
    const seen = await seenWith(...forged.flatMap(each => [`${each}: forged`, `${each}: forged again`]))
    const passed = seen.rawHeaders.filter((_, at) => seen.rawHeaders[at + 1]?.includes('forged'))
    t.strictSame(passed, [])
    t.notMatch(seen.rawHeaders.join('\n'), 'forged')
  })
}

t.test('the headers of ordinary clients are not dropped', async t => {
  for (const line of [
    'X-Auth-Token: 1',
    'Private-Token: 1',
    'X-MS-Version: 1',
    'X-TFS-Version: 1',
    'X-VSS-ForceMsaPassThrough: true',
    'X-NuGet-ApiKey: 1',
    'X_Custom: 1',
    'X.Custom~Name: 1',
    'Sec-Fetch-Site: same-origin',
    'Remotely: 1',
    'X-Users: 1',
  ]) {
    const [name = '', value = ''] = line.split(': ')
    t.strictSame((await seenWith(line)).values(name), [value], name)
  }
})

t.test('a trusted proxy may report the connection of the client, but not the user', async t => {
  const trusting = await runningServer(t, { upstream: upstream.url, trustedProxies: ['127.0.0.1'] })
  const lines = ['X-SSL-Client-Verify: SUCCESS', 'X-ARR-SSL: 2048', 'X-Forwarded-Prefix: /git']
  const never = [
    'X_SSL_Client_Verify: forged',
    'Remote-User: forged',
    'X-WEBAUTH-USER: forged',
    'X-Altgate-Member: forged',
  ]
  const head = ['GET /fabrikam/x HTTP/1.1', 'Host: h', `Authorization: ${basic()}`, ...lines, ...never]
  await rawRequest(trusting.port, `${head.join('\r\n')}\r\nConnection: close\r\n\r\n`)
  const seen = upstream.last()
  for (const line of lines) {
    const [name = '', value = ''] = line.split(': ')
    t.strictSame(seen.values(name), [value], name)
  }
  t.notMatch(seen.rawHeaders.join('\n'), 'forged')
})

t.test('the upstream is told once who the user is, from where, and for which account', async t => {
  const seen = await seenWith()
  for (const [name, value] of Object.entries(toldOfAnna)) t.strictSame(seen.values(name), [value], name)
  t.match(seen.values('X-Request-Id'), [/^[0-9a-f]{24}$/])
  t.strictSame(seen.values('Host'), [`127.0.0.1:${upstream.port}`], 'addressed as the upstream itself')
})

t.test('the password is never forwarded', async t => {
  const seen = await seenWith('Proxy-Authorization: Basic c2VjcmV0OnNlY3JldA==')
  t.strictSame(seen.values('Authorization'), [])
  t.notMatch(seen.rawHeaders.join('\n'), basic().slice(6))
  t.notMatch(seen.rawHeaders.join('\n'), anna.password)
})

t.test('a Connection header cannot remove what the gateway adds', async t => {
  const named = [...Object.keys(toldOfAnna), 'X-Request-Id', 'Authorization', 'Host', 'Content-Length']
  const seen = await seenWith(`Connection: ${named.join(', ')}`, 'X-Mine: 1')
  for (const [name, value] of Object.entries(toldOfAnna)) t.strictSame(seen.values(name), [value], name)
  t.strictSame(seen.values('X-Mine'), ['1'])
})

t.test('hop-by-hop headers are not forwarded', async t => {
  const seen = await seenWith(
    'Connection: X-Only-Here, x-and-this',
    'X-Only-Here: 1',
    'X-And-This: 2',
    'Keep-Alive: 300',
    'TE: trailers',
    'Trailer: X-Late',
    'Upgrade: h2c',
    'HTTP2-Settings: AAMAAABkAAQAAP__',
    'Proxy-Connection: keep-alive',
  )
  const names = seen.rawHeaders.filter((_, at) => at % 2 === 0).map(name => name.toLowerCase())
  for (const gone of [
    'x-only-here',
    'x-and-this',
    'keep-alive',
    'te',
    'trailer',
    'upgrade',
    'http2-settings',
  ])
    t.notOk(names.includes(gone), gone)
})

t.test('a second length in another spelling does not arrive', async t => {
  const seen = await seenWith('Content_Length: 5', 'content.length: 5', 'Transfer_Encoding: chunked')
  t.notMatch(seen.rawHeaders.join('\n'), /content.length|transfer.encoding/i)
})

t.test('everything else arrives as it was sent: order, case, repeats and bytes', async t => {
  const lines = [
    'User-Agent: Team  Explorer  Everywhere',
    'Git-Protocol: version=2',
    'accept: */*',
    'Accept-Language: C, *;q=0.9',
    'Accept-Encoding: deflate, gzip, br, zstd',
    'SOAPAction: "http://schemas.microsoft.com/x"',
    'X-TFS-Version: 1.0.0.0',
    'X-TFS-Session: 7f0c',
    'X-HTTP-Method-Override: PATCH',
    'ActivityId: 1',
    'X-Twice: one',
    'X-Bytes: \xe9\xff',
    'X-Twice: two',
    'Cookie: a=b; c=d',
  ]
  const seen = await seenWith(...lines)
  const got: string[] = []
  for (let at = 0; at < seen.rawHeaders.length; at += 2)
    got.push(`${seen.rawHeaders[at]}: ${seen.rawHeaders[at + 1]}`)
  t.strictSame(
    got.filter(line => lines.includes(line)),
    lines,
  )
})

t.test('a user name with non-ASCII letters arrives as UTF-8', async t => {
  const alice = { username: 'ali\u00e7e@example.com', password: 'p\u00e4ss' }
  const world = aWorld({ accounts: [{ name: 'fabrikam', upstream: upstream.url }], credentials: [alice] })
  const server = await runningServer(t, { upstream: upstream.url, world })
  await (await fetch(`${server.url}/fabrikam/x`, { headers: { authorization: basic(alice) } })).text()
  const [value = ''] = upstream.last().values('X-Forwarded-User')
  t.equal(Buffer.from(value, 'latin1').toString('utf8'), alice.username)
})

t.test('the upstream gets the primary user name, whichever was presented', async t => {
  const world = aWorld({
    accounts: [{ name: 'fabrikam', upstream: upstream.url }],
    credentials: [{ ...anna, secondary: 'anna' }],
  })
  const server = await runningServer(t, { upstream: upstream.url, world })
  const authorization = basic({ username: 'ANNA', password: anna.password })
  await (await fetch(`${server.url}/fabrikam/x`, { headers: { authorization } })).text()
  t.strictSame(upstream.last().values('X-Forwarded-User'), [anna.username])
})
