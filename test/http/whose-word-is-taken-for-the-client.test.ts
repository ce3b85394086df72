import type { IncomingMessage } from 'node:http'
import { Socket } from 'node:net'
import t from 'tap'
import { createSenderReader } from '../../src/http/sender.ts'
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

t.test('nobody is believed unless the settings name them', async t => {
  const server = await runningServer(t, { upstream: upstream.url })
  await (await fetch(`${server.url}/fabrikam/x`, { headers: forwarded })).text()
  t.match(server.world.seen[0]?.ask, { from: '127.0.0.1', secure: false, host: `127.0.0.1:${server.port}` })
  t.strictSame(upstream.last().values('x-forwarded-for'), ['127.0.0.1'])
  t.strictSame(upstream.last().values('x-forwarded-proto'), ['http'])
  t.strictSame(upstream.last().values('x-forwarded-host'), [`127.0.0.1:${server.port}`])
})

t.test('a trusted proxy says who the client is, and the upstream hears both', async t => {
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

t.test('even a trusted proxy cannot say who is signed in', async t => {
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

t.test('https that a stranger claims does not make plain http secure', async t => {
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

t.test('links and realms never repeat what a client claims to be the host', async t => {
  const server = await runningServer(t, { upstream: upstream.url })
  const answer = await fetch(`${server.url}/fabrikam/x`, {
    headers: { 'x-forwarded-host': 'evil.example.org', 'x-forwarded-proto': 'javascript:' },
  })
  t.notMatch((await answer.text()) + JSON.stringify([...answer.headers]), /evil|javascript/)
})

/** A request as if it came from `peer`. */
function from(peer: string, headers: Record<string, string>): IncomingMessage {
  const socket = Object.defineProperty(new Socket(), 'remoteAddress', { value: peer })
  return { headers, socket } as unknown as IncomingMessage // all that the reader looks at
}

t.test('the client is the first stranger from the right', async t => {
  const read = createSenderReader(['10.0.0.0/8', '192.0.2.1', '2001:db8::/32'])
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

t.test('of several claims the nearest proxy\u2019s counts', async t => {
  const read = createSenderReader(['10.0.0.0/8'])
  const headers = {
    host: 'h',
    'x-forwarded-proto': 'https, http',
    'x-forwarded-host': 'evil.org, git.example.com',
  }
  t.match(read(from('10.1.1.1', headers)), { secure: false, host: 'git.example.com' })
})
