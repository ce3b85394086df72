import t from 'tap'
import { createCarriedAnswers } from '../../src/forward-auth/proxies.ts'
import { doorKey, runningDoor } from '../support/forward-auth-port.ts'
import { anna, basic } from '../support/public-server.ts'
import { rawRequest } from '../support/raw-request.ts'
import { aWorld, entra, msa } from '../support/world.ts'

const upstream = 'http://upstream.invalid'
const alice = { username: 'ali\u00e7e@example.com', password: 'p\u00e4ss' }
const world = aWorld({
  accounts: [
    { name: 'fabrikam', upstream },
    {
      name: 'northwind',
      upstream,
      connection: entra('Northwind'),
      former: { connection: msa, leftAt: Date.UTC(2026, 10, 20) },
    },
  ],
  credentials: [{ ...anna, secondary: 'anna' }, alice],
})
const door = await runningDoor(t, world)

/** What nginx says about a request, as docker/nginx/nginx.conf has it. */
function about(
  target: string,
  more: Readonly<Record<string, string>> = {},
): Readonly<Record<string, string>> {
  return {
    'X-Original-Method': 'GET',
    'X-Original-URI': target,
    'X-Forwarded-For': '192.0.2.7',
    'X-Forwarded-Proto': 'https',
    Host: 'git.example.com',
    Authorization: basic(),
    ...more,
  }
}

/** Asks for a decision; the lines go over the wire as they are. */
async function ask(
  headers: Readonly<Record<string, string>>,
  { port = door.port, path = '/nginx' } = {},
): Promise<{ status: number; readonly values: (name: string) => string[]; body: string }> {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
  const text = await rawRequest(port, `GET ${path} HTTP/1.1\r\n${lines.join('')}Connection: close\r\n\r\n`)
  const [head = '', body = ''] = text.split('\r\n\r\n')
  const got = head.split('\r\n').map(line => line.split(': '))
  return {
    status: Number(head.slice(9, 12)),
    values: name => got.filter(([its]) => its === name).map(([, value]) => value ?? ''),
    body,
  }
}

t.test('an allowed request gets each identity header once, and nothing else', async t => {
  const { status, values, body } = await ask(about('/fabrikam/x', { 'X-Forwarded-User': 'root' }))
  t.equal(status, 200)
  t.equal(body, '')
  t.strictSame(values('X-Forwarded-User'), [anna.username])
  t.strictSame(values('X-Altgate-Account'), ['fabrikam'])
  t.strictSame(values('X-Altgate-Scope'), ['msa'])
  t.strictSame(values('X-Altgate-Subject'), ['subject-0'])
  t.strictSame(values('Content-Length'), ['0'])
  t.strictSame(values('X-Altgate-Answer'), [])
  const seen = world.seen.at(-1)?.ask
  t.match(seen, {
    target: '/fabrikam/x',
    method: 'GET',
    from: '192.0.2.7',
    host: 'git.example.com',
    secure: true,
  })
  t.strictSame(values('X-Request-Id'), [seen?.id])
})

t.test(
  'letters that curl does not escape in a query, and nginx passes on, are judged like escaped ones',
  async t => {
    for (const target of ['/fabrikam/items?path=/\xc3\xbc.txt', '/fabrikam/\xd0\xbf\xd1\x80.git/HEAD'])
      t.equal((await ask(about(target))).status, 200, target)
    for (const target of ['/fabrikam/\xc0\xae\xc0\xae/contoso/x', '/fabrikam\xa0/x'])
      t.equal((await ask(about(target))).status, 403, target)
  },
)

t.test('a user name with non-ASCII letters is sent as UTF-8, and always the primary one', async t => {
  const other = await ask(about('/fabrikam/x', { Authorization: basic(alice) }))
  t.strictSame(other.values('X-Forwarded-User'), [Buffer.from(alice.username).toString('latin1')])
  const secondary = { username: 'ANNA', password: anna.password }
  const typed = await ask(about('/fabrikam/x', { Authorization: basic(secondary) }))
  t.strictSame(typed.values('X-Forwarded-User'), [anna.username])
})

t.test('cookies are returned without those of the page', async t => {
  const { values } = await ask(
    about('/fabrikam/x', { Cookie: '__Host-altgate=secret; a=b; altgate-sign-in=c' }),
  )
  t.strictSame(values('X-Altgate-Cookie'), ['a=b'])
  t.strictSame((await ask(about('/fabrikam/x', { Cookie: 'altgate=secret' }))).values('X-Altgate-Cookie'), [
    '',
  ])
  t.strictSame((await ask(about('/fabrikam/x'))).values('X-Altgate-Cookie'), [])
})

t.test('a request without an address, or with two, is never allowed', async t => {
  // CVE-2021-32637: a broken address made a verify endpoint answer 200.
  const { 'X-Original-URI': _, ...without } = about('')
  for (const headers of [
    without,
    about(''),
    about('fabrikam/x'),
    about('http://git.example.com/fabrikam/x'),
    about('/fabrikam/x', { 'x-original-uri': '/northwind/x' }),
    about('/fabrikam/%zz'),
    about('/fabrikam/../northwind/x'),
    about('//fabrikam/x'),
  ]) {
    const { status, values } = await ask(headers)
    t.equal(status, 403)
    t.strictSame(values('X-Altgate-Outcome'), ['unclear-target'])
  }
})

t.test('two Authorization headers are not a wrong password', async t => {
  const { status, values } = await ask(about('/fabrikam/x', { authorization: basic(alice) }))
  t.equal(status, 403)
  t.strictSame(values('X-Altgate-Outcome'), ['garbled'])
})

t.test('other headers with a URL change nothing', async t => {
  const headers = {
    'X-Forwarded-Uri': '/northwind/x',
    'X-Original-URL': '/northwind/x',
    X_Original_URI: '/n',
  }
  t.strictSame((await ask(about('/fabrikam/x', headers))).values('X-Altgate-Account'), ['fabrikam'])
})

t.test('a move in the middle of a push is 403 for nginx: on 401 git would forget the password', async t => {
  const target = '/northwind/r.git/git-receive-pack'
  const posted = await ask(about(target, { 'X-Original-Method': 'POST' }))
  t.equal(posted.status, 403)
  t.equal((await ask(about('/northwind/r.git/info/refs'))).status, 401)
})

t.test('only trusted proxies are answered, whatever others claim', async t => {
  const elsewhere = await runningDoor(t, world, { trustedProxies: ['192.0.2.1'] })
  const before = world.seen.length
  const { status, values } = await ask(about('/fabrikam/x', { 'X-Forwarded-For': '192.0.2.1' }), elsewhere)
  t.equal(status, 403)
  t.strictSame(values('X-Altgate-Outcome'), ['unclear-target'])
  t.strictSame(values('X-Forwarded-User'), [])
  t.strictSame(elsewhere.untrusted, ['127.0.0.1'], 'the operator is warned')
  const [seen, ...rest] = world.seen.slice(before)
  t.match(seen, { decision: { flaw: 'untrusted-forwarder' }, ask: { from: '127.0.0.1', secure: false } })
  t.strictSame(rest, [])

  const carried = { 'X-Altgate-Answer': values('X-Altgate-Answer')[0] ?? '' }
  const whole = await ask(about('/', carried), { ...elsewhere, path: '/nginx/answer' })
  t.equal(whole.status, 400)
  t.match(whole.body, /came through a proxy that is not\s+trusted/)
})

t.test('without trusted proxies, no request is answered', async t => {
  const closed = await runningDoor(t, world, { trustedProxies: [] })
  t.equal((await ask(about('/fabrikam/x'), closed)).status, 403)
})

/** What nginx gets when it brings these bytes back for an answer. */
async function bringBack(carried: string, port = door.port) {
  const headers = { Host: 'git.example.com', 'X-Altgate-Answer': carried }
  return await ask(headers, { port, path: '/nginx/answer' })
}

function packedText(json: string): string {
  return Buffer.from(json).toString('base64url')
}

const forged = [
  '',
  'x',
  '####',
  '.',
  '..',
  'x.',
  '.x',
  packedText('{}'),
  packedText('{"status":200,"headers":{},"body":""}'),
  // These three, sent as they stand, ended the worker: Node throws on such header names and values.
  packedText('{"status":403,"headers":{"X Y":"1"},"body":""}'),
  packedText('{"status":403,"headers":{"X-Y":"1\\r\\nX-Z: 2"},"body":""}'),
  packedText('{"status":403,"headers":{"X-Y":"\u0416"},"body":""}'),
  packedText('{"status":401,"headers":{"WWW-Authenticate":"NTLM"},"body":"forged"}'),
]

t.test('a lost or forged answer is 503, never 401', async t => {
  const unsigned = forged.flatMap(text => [text, `${text}.`, `${text}.${'A'.repeat(43)}`, `.${text}`])
  for (const carried of [...forged, ...unsigned]) {
    const { status, values, body } = await bringBack(carried)
    t.equal(status, 503, carried)
    t.strictSame(values('X-Altgate-Outcome'), ['unavailable'])
    t.strictSame(values('Retry-After'), ['1'])
    t.strictSame(values('WWW-Authenticate'), [])
    t.notMatch(body, 'forged')
  }
  t.strictSame(door.bugs, [])
  t.equal((await ask(about('/fabrikam/x'))).status, 200, 'the port goes on')
})

t.test('an answer with one changed character is rejected', async t => {
  const [carried = ''] = (await ask(about('/nobody/x'))).values('X-Altgate-Answer')
  t.equal((await bringBack(carried)).status, 404)
  const places = Array.from({ length: 40 }, (_, at) => Math.floor((at * carried.length) / 40))
  for (const at of [...places, carried.lastIndexOf('.') + 1, carried.length - 1]) {
    const other = carried[at] === 'A' ? 'B' : 'A'
    const { status } = await bringBack(carried.slice(0, at) + other + carried.slice(at + 1))
    t.equal(status, 503, `character ${at}`)
  }
})

t.test('an answer is valid at every gateway of the same store, for minutes', async t => {
  const [carried = ''] = (await ask(about('/nobody/x'))).values('X-Altgate-Answer')
  const seconds = (count: number) => () => Date.now() + count * 1000
  for (const [status, options] of [
    [404, {}],
    [404, { now: seconds(240) }],
    [404, { now: seconds(-240) }],
    [503, { now: seconds(360) }],
    [503, { now: seconds(-360) }],
    [503, { answerKey: Buffer.alloc(32, 'elsewhere') }],
  ] as const) {
    const other = await runningDoor(t, world, options)
    t.equal((await bringBack(carried, other.port)).status, status, JSON.stringify(options))
  }
})

t.test('an answer that Node cannot send ends only its own request', async t => {
  const broken = await runningDoor(t, world)
  const { pack } = createCarriedAnswers({ key: doorKey, now: Date.now })
  const { status, values } = await bringBack(
    pack({ status: 403, headers: { 'X-Y': 'a\r\nb' }, body: '' }),
    broken.port,
  )
  t.equal(status, 503)
  t.strictSame(values('Retry-After'), ['5'])
  t.match(broken.bugs, [{ code: 'ERR_INVALID_CHAR' }])
  t.equal((await ask(about('/fabrikam/x'), broken)).status, 200)
})

t.test('a bug is 503 to the client, and is reported', async t => {
  const bug = new TypeError('something is undefined')
  const broken = await runningDoor(t, {
    ...world,
    gateway: {
      async decide() {
        throw bug
      },
    },
  })
  const { status, values } = await ask(about('/fabrikam/x'), broken)
  t.equal(status, 403)
  t.strictSame(values('X-Altgate-Outcome'), ['unavailable'])
  t.strictSame(broken.bugs, [bug])
})

t.test('every other path is not found', async t => {
  for (const path of [
    '/',
    '/nginx/',
    '/nginx?x',
    '/nginx/decision',
    '/_altgate/',
    '/fabrikam/x',
    '/constructor',
  ]) {
    const { status, values } = await ask(about('/fabrikam/x'), { port: door.port, path })
    t.equal(status, 404, path)
    t.strictSame(values('X-Altgate-Outcome'), ['no-account'])
  }
})

t.test('invalid HTTP is answered with 400', async t => {
  t.match(
    await rawRequest(door.port, 'nonsense\r\n\r\n'),
    /^HTTP\/1\.1 400 .*X-Altgate-Outcome: unclear-target/s,
  )
})

t.test('many decisions share one connection', async t => {
  const lines = Object.entries(about('/fabrikam/x')).map(([name, value]) => `${name}: ${value}\r\n`)
  const one = `GET /nginx HTTP/1.1\r\n${lines.join('')}\r\n`
  const refused = one.replace('/fabrikam/x', '/nobody/x')
  const last = one.replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n')
  const answers = await rawRequest(door.port, one + refused + one + last)
  t.strictSame(
    answers.match(/^HTTP\/1\.1 \d+/gm)?.map(line => line.slice(9)),
    ['200', '403', '200', '200'],
  )
})
