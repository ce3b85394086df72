import type { IncomingMessage } from 'node:http'
import { Socket } from 'node:net'
import fc from 'fast-check'
import t from 'tap'
import { createClientReader } from '../../src/requests/client.ts'
import { anna, basic, runningServer } from '../support/public-server.ts'
import { recordingUpstream } from '../support/recording-upstream.ts'
import { aWorld } from '../support/world.ts'

const upstream = await recordingUpstream(t)
const forwarded = {
  authorization: basic(),
  'x-forwarded-for': '203.0.113.7',
  'x-forwarded-proto': 'https',
  'x-forwarded-host': 'evil.example.org',
}

t.test('no proxy is trusted unless the settings name it', async t => {
  const server = await runningServer(t, { upstream: upstream.url })
  await (await fetch(`${server.url}/fabrikam/x`, { headers: forwarded })).text()
  t.match(server.world.seen[0]?.ask, { from: '127.0.0.1', secure: false, host: `127.0.0.1:${server.port}` })
  t.strictSame(upstream.last().values('x-forwarded-for'), ['127.0.0.1'])
  t.strictSame(upstream.last().values('x-forwarded-proto'), ['http'])
  t.strictSame(upstream.last().values('x-forwarded-host'), [`127.0.0.1:${server.port}`])
})

t.test('a trusted proxy reports the client, and the upstream learns both', async t => {
  const server = await runningServer(t, { upstream: upstream.url, trustedProxies: ['127.0.0.0/8'] })
  const headers = { ...forwarded, 'x-forwarded-host': 'git.example.com', 'x-real-ip': '203.0.113.7' }
  await (await fetch(`${server.url}/fabrikam/x`, { headers })).text()
  t.match(server.world.seen[0]?.ask, { from: '203.0.113.7', secure: true, host: 'git.example.com' })
  t.strictSame(upstream.last().values('x-forwarded-for'), ['203.0.113.7, 127.0.0.1'])
  t.strictSame(upstream.last().values('x-forwarded-proto'), ['https'])
  t.strictSame(upstream.last().values('x-forwarded-host'), ['git.example.com'])
  t.strictSame(upstream.last().values('x-real-ip'), ['203.0.113.7'])
  t.strictSame(upstream.last().values('x-forwarded-user'), [anna.username])
})

t.test('even a trusted proxy cannot set the signed-in user', async t => {
  const server = await runningServer(t, { upstream: upstream.url, trustedProxies: ['127.0.0.1'] })
  const headers = {
    ...forwarded,
    'x-forwarded-user': 'root',
    'x-altgate-subject': 'root',
    x_real_ip: '1.1.1.1',
  }
  await (await fetch(`${server.url}/fabrikam/x`, { headers })).text()
  t.notMatch(upstream.last().rawHeaders.join('\n'), /root|x_real/)
})

t.test('a claim of https by an untrusted client does not make plain http secure', async t => {
  const world = aWorld({ accounts: [{ name: 'fabrikam', upstream: upstream.url }], httpsOnly: true })
  const strict = await runningServer(t, { upstream: upstream.url, world })
  for (const name of [
    'x-forwarded-proto',
    'x_forwarded_proto',
    'forwarded',
    'x-forwarded-ssl',
    'front-end-https',
  ]) {
    const answer = await fetch(`${strict.url}/fabrikam/x`, { headers: { [name]: 'https' } })
    t.equal(answer.status, 403, name)
    await answer.text()
  }
  const trusting = await runningServer(t, { upstream: upstream.url, world, trustedProxies: ['127.0.0.1'] })
  const folded = await fetch(`${trusting.url}/fabrikam/x`, { headers: { x_forwarded_proto: 'https' } })
  t.equal(folded.status, 403, 'in that spelling not even from a trusted proxy')
  await folded.text()
  const told = await fetch(`${trusting.url}/fabrikam/x`, { headers: { 'x-forwarded-proto': 'https' } })
  t.equal(told.status, 401)
  await told.text()
})

t.test('links and realms never contain a host that the client claims', async t => {
  const server = await runningServer(t, { upstream: upstream.url })
  const answer = await fetch(`${server.url}/fabrikam/x`, {
    headers: { 'x-forwarded-host': 'evil.example.org', 'x-forwarded-proto': 'javascript:' },
  })
  t.notMatch((await answer.text()) + JSON.stringify([...answer.headers]), /evil|javascript/)
})

/** A request as if it came from `peer`. */
function from(peer: string, headers: Record<string, string>): IncomingMessage {
  const socket = Object.defineProperty(new Socket(), 'remoteAddress', { value: peer })
  return { headers, socket } as unknown as IncomingMessage // all that is read
}

t.test('the client is the first untrusted address from the right', async t => {
  const read = createClientReader(['10.0.0.0/8', '192.0.2.1', '2001:db8::/32'])
  for (const [peer, chain, expected] of [
    ['10.1.1.1', '', '10.1.1.1'],
    ['10.1.1.1', '203.0.113.7', '203.0.113.7'],
    ['10.1.1.1', '6.6.6.6, 203.0.113.7', '203.0.113.7'],
    ['10.1.1.1', '6.6.6.6, 203.0.113.7, 10.2.2.2, 192.0.2.1', '203.0.113.7'],
    ['10.1.1.1', '10.3.3.3, 10.2.2.2', '10.3.3.3'],
    ['10.1.1.1', 'garbage', '10.1.1.1'],
    ['10.1.1.1', '203.0.113.7, garbage', '10.1.1.1'],
    ['10.1.1.1', 'garbage, 10.2.2.2', '10.2.2.2'],
    ['10.1.1.1', '203.0.113.7:4711', '203.0.113.7'],
    ['10.1.1.1', '[2001:db9::7]:4711', '2001:db9::7'],
    ['10.1.1.1', '::ffff:203.0.113.7', '203.0.113.7'],
    ['::ffff:10.1.1.1', '203.0.113.7', '203.0.113.7'],
    ['2001:db8::5', '203.0.113.7', '203.0.113.7'],
    ['2001:db9::5', '203.0.113.7', '2001:db9::5'],
    ['11.1.1.1', '203.0.113.7', '11.1.1.1'],
    ['', '203.0.113.7', ''],
  ] as const)
    t.equal(read(from(peer, { 'x-forwarded-for': chain })).from, expected, `${peer} ${chain}`)
})

const inFront = ['127.0.0.1', '10.0.0.0/8', '2001:db8::/32', 'fe80::/10']
const readInFront = createClientReader(inFront)

t.test('one address has one spelling', async t => {
  for (const [entry, expected] of [
    ['203.0.113.7:http', '203.0.113.7'],
    ['"203.0.113.7:4711"', '203.0.113.7'],
    ['"[2001:DB9::0:7]:4711"', '2001:db9::7'],
    ['[2001:db9:0:0::7]', '2001:db9::7'],
    ['::FFFF:203.0.113.7', '203.0.113.7'],
    ['::ffff:cb00:7107', '203.0.113.7'],
    ['::ffff:1234', '::255.255.18.52'],
    ['0:0:0:0:0:ffff:203.0.113.7', '203.0.113.7'],
    ['2002:0a00:0005::1', '2002:a00:5::1'], // 6to4 of 10.0.0.5: not that machine
    ['203.0.113.7, ::ffff:10.0.0.5', '203.0.113.7'],
    ['203.0.113.7, fe80::1%eth0', '203.0.113.7'],
    ['203.0.113.7, [fe80::1%eth0]:80', '203.0.113.7'],
    ['203.0.113.7, , 10.0.0.5,', '203.0.113.7'],
    ['  203.0.113.7\t,10.0.0.5', '203.0.113.7'],
    ['010.0.0.5', '127.0.0.1'],
    ['unknown', '127.0.0.1'],
    ['203.0.113.7, unknown, 10.0.0.5', '10.0.0.5'],
    ['203.0.113.7, _hidden', '127.0.0.1'],
  ] as const)
    t.equal(readInFront(from('127.0.0.1', { 'x-forwarded-for': entry })).from, expected, entry)
})

t.test('scheme, host and port are those of the client\u2019s own hop', async t => {
  const twoHops = '203.0.113.9, 10.0.0.5'
  for (const [chain, proto, secure] of [
    [twoHops, 'https, http', true],
    [twoHops, 'http, https', false],
    [twoHops, 'https', true],
    [twoHops, 'http', false],
    [twoHops, ' , HTTPS,, http', true],
    [twoHops, 'https, http, https', false], // the first is the client\u2019s own
    [`6.6.6.6, ${twoHops}`, 'https, http, http', false],
    [`6.6.6.6, ${twoHops}`, 'http, https, http', true],
    ['203.0.113.9, 10.0.0.6, 10.0.0.5', 'https, http, http', true],
    ['203.0.113.9, 10.0.0.6, 10.0.0.5', 'https, http', true],
    ['203.0.113.9', 'https, http', false],
    ['', 'https, http', false],
    ['', 'https', true],
    ['unknown, 10.0.0.5', 'https, http', true],
    ['203.0.113.9, unknown', 'https, http', false],
    ['10.0.0.7, 10.0.0.5', 'https, http', true],
  ] as const) {
    const headers = { 'x-forwarded-for': chain, 'x-forwarded-proto': proto }
    t.equal(readInFront(from('127.0.0.1', headers)).secure, secure, `${chain} | ${proto}`)
  }
  const headers = {
    host: 'inner',
    'x-forwarded-for': `6.6.6.6, ${twoHops}`,
    'x-forwarded-host': 'evil.org, git.example.com, mid.internal',
    'x-forwarded-port': '1, 443, 8080',
  }
  t.match(readInFront(from('127.0.0.1', headers)), { host: 'git.example.com', port: '443' })
})

t.test('the upstream does not get what is left of the client', async t => {
  const chain = { 'x-forwarded-for': '6.6.6.6, 203.0.113.9:80, 10.0.0.5' }
  t.equal(readInFront(from('127.0.0.1', chain)).forwardedFor, '203.0.113.9:80, 10.0.0.5, 127.0.0.1')
  const standard = { forwarded: 'for=6.6.6.6, for="203.0.113.9:80", for=_mid, for=10.0.0.5' }
  t.equal(readInFront(from('127.0.0.1', standard)).forwardedFor, 'unknown, 10.0.0.5, 127.0.0.1')
})

t.test('Forwarded (RFC 7239) says the same', async t => {
  for (const [forwarded, expected] of [
    [
      'for=203.0.113.9;proto=https;host=git.example.com',
      { from: '203.0.113.9', secure: true, host: 'git.example.com' },
    ],
    ['for=203.0.113.9;proto=https, for=10.0.0.5;proto=http', { from: '203.0.113.9', secure: true }],
    ['for=203.0.113.9;proto=http, for=10.0.0.5;proto=https', { from: '203.0.113.9', secure: false }],
    ['FOR="[2001:DB9::7]:4711" ; Proto=HTTPS;by=_us', { from: '2001:db9::7', secure: true }],
    ['for=203.0.113.9:4711;host=git.example.com:8443', { from: '203.0.113.9', host: 'git.example.com:8443' }],
    [
      'for="203.0.113.9";host="git.example.com:8\\4\\43"',
      { from: '203.0.113.9', host: 'git.example.com:8443' },
    ],
    [
      'proto=https;for=203.0.113.9, for=10.0.0.5;host=mid',
      { from: '203.0.113.9', secure: true, host: 'mid' },
    ],
    ['for=_hidden;proto=https, for=10.0.0.5;proto=http', { from: '10.0.0.5', secure: true }],
    ['for=unknown;proto=https', { from: '127.0.0.1', secure: true }],
    ['for=6.6.6.6;proto=https, for=203.0.113.9, for=10.0.0.5', { from: '203.0.113.9', secure: false }],
    ['for=6.6.6.6;proto=https, for=203.0.113.9;proto=http', { from: '203.0.113.9', secure: false }],
    ['for="6.6.6.6, for=203.0.113.9;proto=http', { from: '203.0.113.9', secure: false }],
    ['for=", for="203.0.113.9";proto=http', { from: '203.0.113.9', secure: false }],
    ['for=203.0.113.9;host="a, for=6.6.6.6;proto=https"', { from: '203.0.113.9', secure: false }],
    ['for=203.0.113.9;host="a, for="', { from: '203.0.113.9', host: 'a, for=' }],
    [', for=203.0.113.9 , ,', { from: '203.0.113.9' }],
    ['nonsense, for=10.0.0.5;proto=https', { from: '10.0.0.5', secure: true }],
    ['nonsense', { from: '127.0.0.1', secure: false, host: 'inner' }],
    ['', { from: '127.0.0.1', secure: false, host: 'inner' }],
    [`${',;"'.repeat(10_000)}, for=10.0.0.5`, { from: '10.0.0.5' }],
  ] as const)
    t.match(readInFront(from('127.0.0.1', { host: 'inner', forwarded })), expected, forwarded.slice(0, 80))
  t.match(readInFront(from('192.0.2.1', { forwarded: 'for=6.6.6.6;proto=https' })), {
    from: '192.0.2.1',
    secure: false,
  })
})

t.test(
  'Forwarded is ignored if there is X-Forwarded-*: most proxies pass it on as the client sent it',
  async t => {
    const forwarded = 'for=6.6.6.6;proto=https;host=evil.org'
    for (const [name, value] of [
      ['x-forwarded-for', '203.0.113.9'],
      ['x-forwarded-proto', 'http'],
      ['x-forwarded-host', 'git.example.com'],
    ] as const) {
      const sender = readInFront(from('127.0.0.1', { host: 'inner', forwarded, [name]: value }))
      t.equal(sender.secure, false, name)
      t.not(sender.from, '6.6.6.6')
      t.not(sender.host, 'evil.org')
    }
  },
)

t.test('only what the proxies append decides, whatever the client sends', async t => {
  const text = fc.stringMatching(/^[10.,;="\\ a:[\]%]{0,12}$/)
  const forged = fc.constantFrom(
    '6.6.6.6',
    '10.0.0.9',
    '127.0.0.1',
    'https',
    'http',
    'evil.org',
    'unknown',
    'for=6.6.6.6',
  )
  const line = fc.array(fc.oneof(forged, text), { maxLength: 4 }).map(parts => parts.join(', '))
  const middle = fc.array(fc.constantFrom('10.0.0.5', '10.0.0.6', '2001:db8::5'), { maxLength: 3 })
  const overwrites = fc.array(fc.boolean(), { minLength: 4, maxLength: 4 })
  fc.assert(
    fc.property(
      line,
      line,
      line,
      line,
      middle,
      overwrites,
      fc.boolean(),
      (f, p, h, standard, way, over, tls) => {
        const hops = ['203.0.113.9', ...way]
        const schemes = hops.map((_, at) => ((at === 0) === tls ? 'https' : 'http'))
        const names = hops.map((_, at) => `hop${at}`)
        const append = (start: string, own: readonly string[], overwriting: readonly boolean[]) =>
          own.reduce((list, each, at) => (overwriting[at] || list === '' ? each : `${list}, ${each}`), start)
        const never = [false]
        const headers = {
          'x-forwarded-for': append(f, hops, never),
          'x-forwarded-proto': append(p, schemes, never),
          'x-forwarded-host': append(h, names, never),
        }
        const told = readInFront(from('127.0.0.1', headers))
        if (told.from !== '203.0.113.9' || told.secure !== tls || told.host !== 'hop0')
          throw new Error('forged')
        if (/6\.6|evil/.test(told.forwardedFor)) throw new Error('the upstream was told')

        const elements = hops.map(
          (hop, at) => `for="${hop.includes(':') ? `[${hop}]` : hop}";proto=${schemes[at]};host=hop${at}`,
        )
        const said = readInFront(from('127.0.0.1', { forwarded: append(standard, elements, never) }))
        if (said.from !== '203.0.113.9' || said.secure !== tls || said.host !== 'hop0')
          throw new Error('forged')

        // Some of the proxies overwrite: what they say may be of another hop, but it is never the client\u2019s.
        const mixed = readInFront(
          from('127.0.0.1', {
            ...headers,
            'x-forwarded-host': append(h, names, over),
            'x-forwarded-proto': append(p, schemes, over),
          }),
        )
        if (!names.includes(mixed.host) || mixed.from !== '203.0.113.9') throw new Error('forged')
      },
    ),
    { numRuns: 3000 },
  )
  t.pass('3,000 ways')
})

t.test('of several values the nearest proxy\u2019s counts', async t => {
  const read = createClientReader(['10.0.0.0/8'])
  const headers = {
    host: 'h',
    'x-forwarded-proto': 'https, http',
    'x-forwarded-host': 'evil.org, git.example.com',
  }
  t.match(read(from('10.1.1.1', headers)), { secure: false, host: 'git.example.com' })
})
