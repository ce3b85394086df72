import { randomBytes } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { makeRepository, startGitUpstream } from '../../src/demo/git-upstream.ts'
import type { Ended } from '../../src/gateway/decision.ts'
import { Outage } from '../../src/gateway/outage.ts'
import { droppedByName } from '../../src/proxying/header-rules.ts'
import { temporaryDirectory } from '../support/directory.ts'
import { runningDoor } from '../support/forward-auth-port.ts'
import { gitLab } from '../support/git.ts'
import { startNginx } from '../support/nginx.ts'
import { freePort } from '../support/ports.ts'
import { checkout } from '../support/program.ts'
import { anna, basic, runningServer, toldOfAnna } from '../support/public-server.ts'
import { rawRequest } from '../support/raw-request.ts'
import { recordingUpstream, type Respond } from '../support/recording-upstream.ts'
import { run } from '../support/run.ts'
import { aWorld, entra, msa, type World } from '../support/world.ts'

const upstream = 'http://not-used.invalid' // nginx has its own
const movedAway = {
  connection: entra('Contoso'),
  former: { connection: msa, leftAt: Date.UTC(2026, 10, 20) },
}

/** Accounts `fabrikam`, which Anna's credential opens, and `northwind`, which has moved. */
function twoAccounts(): World {
  return aWorld({
    accounts: [
      { name: 'fabrikam', upstream },
      { name: 'northwind', upstream, ...movedAway },
    ],
    credentials: [anna],
  })
}

/** nginx before an upstream that writes down what it gets, with the door to `world` beside it. */
async function nginxBefore(
  t: Test,
  { world = twoAccounts(), respond }: { world?: World; respond?: Respond } = {},
) {
  const upstream = await recordingUpstream(t, respond)
  const door = await runningDoor(t, world)
  const nginx = await startNginx(t, {
    decisions: door.port,
    page: await freePort(),
    repositories: upstream.port,
  })
  const send = (line: string, ...lines: readonly string[]) => {
    const head = [`${line} HTTP/1.1`, 'Host: git.example.com', 'Connection: close', ...lines]
    return rawRequest(nginx.port, `${head.join('\r\n')}\r\n\r\n`)
  }
  return { upstream, door, nginx, world, send }
}

/** git behind nginx, with Anna's credential stored in its helper. */
async function gitBehindNginx(t: Test, world = twoAccounts()) {
  const directory = temporaryDirectory(t)
  await makeRepository(directory, 'fabrikam/r')
  const repositories = await startGitUpstream({ directory, host: '127.0.0.1', port: 0 })
  t.teardown(() => repositories.close())
  const door = await runningDoor(t, world)
  const port = Number(new URL(repositories.url).port)
  const nginx = await startNginx(t, { decisions: door.port, page: await freePort(), repositories: port })
  const lab = gitLab(t)
  lab.setCredential(anna.username, anna.password)
  return {
    lab,
    world,
    door,
    bare: join(directory, 'fabrikam/r.git'),
    address: `${nginx.url}/fabrikam/r.git`,
    nginx,
  }
}

const authorization = `Authorization: ${basic()}`

t.test('a clone, a push in chunks and a fetch work behind nginx, and git keeps its password', async t => {
  const { lab, address, bare, nginx, world } = await gitBehindNginx(t)
  await lab.must(['clone', address, 'one'])
  const one = join(lab.directory, 'one')
  writeFileSync(join(one, 'big'), randomBytes(2 * 1024 * 1024))
  await lab.must(['add', 'big'], { cwd: one })
  await lab.must(['commit', '--message=big'], { cwd: one })
  await lab.must(['push'], { cwd: one, env: lab.wire.env })
  t.match(lab.wire.seen(), /=> Send header: Transfer-Encoding: chunked/i)
  t.equal(await lab.must(['-C', bare, 'rev-parse', 'main']), await lab.must(['-C', one, 'rev-parse', 'main']))
  for (const version of ['0', '2']) {
    await lab.must(['clone', address, `two${version}`], { config: { 'protocol.version': version } })
    await lab.must(['fsck', '--full'], { cwd: join(lab.directory, `two${version}`) })
  }
  t.notMatch(lab.helperActions(), 'erase')
  t.notMatch(world.outcomes(), /refused|garbled|unclear/)
  t.equal(nginx.complaints(), '')
})

t.test('the reset text reaches the terminal through nginx, and git forgets the old password', async t => {
  const { lab, nginx } = await gitBehindNginx(t)
  const { code, stderr } = await lab.git(['ls-remote', `${nginx.url}/northwind/r.git`])
  t.equal(code, 128)
  t.match(stderr, 'remote: Reset needed: the account "northwind" has moved. Since 2026-11-20 it\n')
  t.match(stderr, '\nremote: https://git.example.com/_altgate/?account=northwind\n')
  t.match(stderr, /\nremote: Reference: [0-9a-f]{24}\n/)
  t.equal(lab.helperActions(), 'get erase')
})

t.test('a wrong password behind nginx is checked once, and forgotten', async t => {
  const { lab, address, world } = await gitBehindNginx(t)
  lab.setCredential(anna.username, 'wrong')
  const { code, stderr } = await lab.git(['ls-remote', address])
  t.equal(code, 128)
  t.match(stderr, 'remote: The user name or the password is wrong.\n')
  t.equal(world.outcomes(), 'challenge refused', 'the answer is fetched, not decided again')
  t.equal(world.hashes(), 1)
  t.equal(lab.helperActions(), 'get erase')
})

/** Refusals for other reasons than a wrong password, with git's messages. */
const passing: readonly (readonly [Ended, number, string | undefined])[] = [
  [{ outcome: 'throttled', by: 'address', retryAfter: 30 }, 429, '30'],
  [{ outcome: 'busy', retryAfter: 2 }, 503, '2'],
  [{ outcome: 'unavailable', part: 'store', retryAfter: 5 }, 503, '5'],
  [{ outcome: 'no-account' }, 404, undefined],
]
for (const [decision, status, wait] of passing) {
  t.test(`${decision.outcome} arrives as ${status} through nginx, and git keeps its password`, async t => {
    const world = { ...twoAccounts(), gateway: { decide: async () => decision } }
    const { lab, address } = await gitBehindNginx(t, world)
    const answer = await fetch(address)
    t.equal(answer.status, status)
    t.equal(answer.headers.get('retry-after') ?? undefined, wait)
    t.equal(answer.headers.get('x-altgate-outcome'), decision.outcome)
    t.equal(answer.headers.get('www-authenticate'), null)
    const { code, stderr } = await lab.git(['ls-remote', address.replace('://', '://anna:secret@')])
    t.equal(code, 128)
    t.match(stderr, /^remote: Reference: [0-9a-f]{24}$/m)
    t.notMatch(lab.helperActions(), 'erase')
  })
}

t.test('an outage behind nginx arrives as 503', async t => {
  const directory = {
    find() {
      throw new Outage('store', new Error('down'))
    },
  }
  const { send } = await nginxBefore(t, { world: aWorld({ directory }) })
  t.match(await send('GET /fabrikam/x', authorization), /^HTTP\/1\.1 503 .*\r\nRetry-After: 5\r\n/s)
})

t.test('when the forward-auth port is closed, nginx answers 503, and git keeps its password', async t => {
  const { lab, door, address } = await gitBehindNginx(t)
  await lab.must(['ls-remote', address])
  lab.forget()
  await door.stop()
  const { code, stderr } = await lab.git(['ls-remote', address])
  t.equal(code, 128)
  t.match(stderr, 'remote: The gateway cannot check credentials right now.\n')
  t.match(stderr, 'The requested URL returned error: 503')
  t.notMatch(lab.helperActions(), 'erase')
  const answer = await fetch(address)
  t.equal(answer.headers.get('x-altgate-outcome'), 'unavailable')
  t.equal(answer.headers.get('retry-after'), '5')
})

t.test('an untrusted proxy gets 400', async t => {
  const upstream = await recordingUpstream(t)
  const door = await runningDoor(t, twoAccounts(), { trustedProxies: ['192.0.2.1'] })
  const nginx = await startNginx(t, {
    decisions: door.port,
    page: await freePort(),
    repositories: upstream.port,
  })
  const answer = await fetch(`${nginx.url}/fabrikam/x`, { headers: { authorization: basic() } })
  t.equal(answer.status, 400)
  t.match(await answer.text(), /came through a proxy that is not\s+trusted/)
  t.equal(upstream.requests.length, 0)
})

/** What nginx.conf sets itself, for every name in its list. */
const lines = readFileSync(join(checkout, 'docker/nginx/nginx.conf'), 'utf8').split('\n')
const set = lines.slice(lines.indexOf('    location @repositories {')).flatMap(line => {
  const [, name] = /^ {6}proxy_set_header (\S+) /.exec(line) ?? []
  return name === undefined ? [] : [name.toLowerCase()]
})

t.test('nginx.conf drops or replaces every header that the public port drops by name', async t => {
  for (const name of droppedByName) t.ok(set.includes(name), name)
  t.equal(new Set(set).size, set.length, 'each once')
})

t.test('no client can set its identity through nginx, in any spelling', async t => {
  const { upstream, send } = await nginxBefore(t)
  for (const name of new Set([...droppedByName, ...Object.keys(toldOfAnna), 'X-Request-Id'])) {
    const upper = name.toUpperCase()
    const odd = ['_', '.', '~', '!'].map(character => name.replaceAll('-', character))
    const lines = [name, upper, ...odd.filter(each => each !== name)].flatMap(each => [
      `${each}: forged`,
      `${each}: forged again`,
    ])
    t.match(
      await send('GET /fabrikam/x', authorization, ...lines, `Connection: ${name}`),
      /^HTTP\/1\.1 200/,
      name,
    )
    t.notMatch(upstream.last().rawHeaders.join('\n'), 'forged', name)
    for (const [our, value] of Object.entries(toldOfAnna))
      t.strictSame(upstream.last().values(our), [value], our)
  }
})

t.test('a reserved header that nginx cannot drop is refused', async t => {
  const { upstream, send } = await nginxBefore(t)
  for (const name of [
    'X-Altgate-Whatever',
    'X-Forwarded-Whatever',
    'x-remote-whatever',
    'Remote-Whatever',
    'X-WEBAUTH-WHATEVER',
    'X-Auth-Request-Whatever',
    'SSL-Client-Whatever',
    'OIDC-Claim-Whatever',
  ]) {
    const answer = await send('GET /fabrikam/x', authorization, `${name}: forged`)
    t.match(answer, /^HTTP\/1\.1 400 /, name)
    t.match(answer, /a header that only the gateway\s+may\s+set/)
  }
  t.equal(upstream.requests.length, 0)
  t.match(await send('GET /fabrikam/x', authorization, 'X-TFS-Session: 1', 'X-Other: 2'), /^HTTP\/1\.1 200/)
})

t.test('an upstream behind nginx cannot impersonate the gateway', async t => {
  const names = [...droppedByName].filter(name => name.startsWith('x-altgate-'))
  const { send } = await nginxBefore(t, {
    respond: (_, response) =>
      response.writeHead(200, Object.fromEntries(names.map(name => [name, 'forged']))).end(),
  })
  const answer = await send('GET /fabrikam/x', authorization)
  t.match(answer, /^HTTP\/1\.1 200 /)
  t.notMatch(answer, 'forged')
})

t.test(
  'no upstream can make a proxy answer from another place, behind or in front of the gateway',
  async t => {
    let header: Readonly<Record<string, string>> = {}
    const { send, upstream, world } = await nginxBefore(t, {
      respond: (_, response) =>
        response.writeHead(200, { 'Content-Type': 'text/plain', ...header }).end('its own'),
    })
    const { url } = await runningServer(t, { upstream: upstream.url })
    let asked = 0
    for (const [name, place] of [
      ['X-Accel-Redirect', '/_altgate/decision'],
      ['x-accel-redirect', '/_altgate/answer'],
      ['X-ACCEL-REDIRECT', '/_altgate/'],
      ['X-Accel-Redirect', '@unavailable'],
      ['X-Accel-Redirect', '/northwind/x'],
      ['X-Accel-Limit-Rate', '1'],
      ['X-Accel-Charset', 'utf-16'],
      ['X-Sendfile', '/etc/passwd'],
    ] as const) {
      header = { [name]: place }
      const answer = await send('GET /fabrikam/x', authorization)
      t.match(answer, /^HTTP\/1\.1 200 [^]*\r\nContent-Type: text\/plain\r\n[^]*its own/, name)
      t.equal(world.outcomes(), Array(++asked).fill('allow').join(' '), 'nothing is decided twice')
      if (name === 'X-Accel-Limit-Rate' || name === 'X-Accel-Charset') continue // for a proxy in front to use
      const { headers } = await fetch(`${url}/fabrikam/x`, { headers: { authorization: basic() } })
      t.equal(headers.get(name), null, name)
    }
  },
)

t.test('an upstream behind nginx sets nothing for the whole host, and nothing for shared caches', async t => {
  const names = [
    'Alt-Svc',
    'Clear-Site-Data',
    'Cross-Origin-Opener-Policy',
    'NEL',
    'Report-To',
    'Sec-Session-Registration',
    'Secure-Session-Registration',
    'Service-Worker-Allowed',
    'Strict-Transport-Security',
    'Use-As-Dictionary',
  ]
  const forCaches = [
    'CDN-Cache-Control',
    'cloudflare-cdn-cache-control',
    'Surrogate-Control',
    'X-Accel-Expires',
  ]
  const { send } = await nginxBefore(t, {
    respond: (_, response) =>
      response
        .writeHead(
          200,
          [...names, ...forCaches].flatMap(name => [name, 'forged']),
        )
        .end('its own'),
  })
  const answer = await send('GET /fabrikam/x', authorization)
  t.match(answer, /^HTTP\/1\.1 200 [^]*its own/)
  t.notMatch(answer, 'forged')
})

t.test('no challenge of an upstream reaches a client through nginx, whatever its status', async t => {
  const challenges = ['WWW-Authenticate', 'Proxy-Authenticate', 'LFS-Authenticate']
  let status = 0
  const { send } = await nginxBefore(t, {
    respond: (_, response) =>
      response
        .writeHead(
          status,
          challenges.flatMap(name => [name, 'Basic realm="forged"', name.toUpperCase(), 'NTLM forged']),
        )
        .end(),
  })
  for (status of [200, 204, 302, 400, 401, 403, 404, 407, 500, 502, 503, 504]) {
    const answer = await send('GET /fabrikam/x', authorization)
    t.match(answer, new RegExp(`^HTTP/1\\.1 ${[401, 407, 504].includes(status) ? 502 : status} `))
    // nginx keeps the challenge of a 401 on its 502, where no tool acts on it.
    const seen = status === 401 ? answer.replace(/^WWW-Authenticate: .*\r\n/gim, '') : answer
    t.notMatch(seen, 'forged', String(status))
  }
})

t.test(
  'a cookie of the page that the upstream sets is changed by nginx into one that browsers reject',
  async t => {
    const { send } = await nginxBefore(t, {
      respond: (_, response) =>
        response
          .writeHead(200, [
            ['Set-Cookie', '__Host-altgate=planted; Path=/; Secure; HttpOnly'],
            ['Set-Cookie', '__Host-altgate-sign-in=planted; secure; path=/'],
            ['Set-Cookie', 'altgate=planted; Path=/_altgate'],
            ['set-cookie', 'altgate-sign-in=planted'],
            ['Set-Cookie', '=altgate=planted'],
            ['Set-Cookie', 'theme=dark; Path=/'],
          ])
          .end(),
    })
    const answer = await send('GET /fabrikam/x', authorization)
    const cookies = [...answer.matchAll(/^Set-Cookie: (.*)\r$/gim)].map(([, cookie = '']) => cookie)
    t.equal(cookies.length, 6)
    for (const cookie of cookies) {
      const isSecure = /; *secure(?:;|$)/i.test(cookie)
      if (cookie.startsWith('theme')) t.equal(cookie, 'theme=dark; Path=/')
      else t.equal(isSecure, !cookie.startsWith('__Host-'), cookie)
    }
  },
)

t.test('neither the password nor the cookies of the page are forwarded by nginx', async t => {
  const { upstream, send } = await nginxBefore(t)
  await send('GET /fabrikam/x', authorization, 'Cookie: __Host-altgate=session; a=b')
  t.strictSame(upstream.last().values('Authorization'), [])
  t.strictSame(upstream.last().values('Cookie'), ['a=b'])
  t.notMatch(upstream.last().rawHeaders.join('\n'), basic().slice(6))
})

t.test('what is judged is what nginx forwards, byte for byte', async t => {
  const { upstream, send } = await nginxBefore(t)
  for (const target of [
    '/fabrikam',
    '/fabrikam//a//b/',
    '/fabrikam/a%2Fb%252F',
    '/fabrikam/caf%E9',
    '/fabrikam/x?',
    '/fabrikam/x?a=%zz&b=../..&y=/_altgate/',
    '/fabrikam/a+b~!$&\'()*,=:@|^`{}"<>[]',
    `/fabrikam/${'long/'.repeat(3000)}`,
  ]) {
    t.match(await send(`GET ${target}`, authorization), /^HTTP\/1\.1 200/, target)
    t.equal(upstream.last().url, target)
  }
  const before = upstream.requests.length
  for (const target of [
    '/fabrikam/../northwind/x',
    '/northwind/../fabrikam/x',
    '/_altgate/../fabrikam/x',
    '/fabrikam/%2e%2e/x',
    '//fabrikam/x',
    '/fabrikam\\x',
    '/fabri%6bam/x',
    '/fabrikam/x#y',
    '/fabrikam/caf\xe9',
    '/fabrikam/%00',
  ])
    t.match(await send(`GET ${target}`, authorization), /^HTTP\/1\.1 400/, target)
  t.equal(upstream.requests.length, before)
})

t.test('internal locations of nginx cannot be requested', async t => {
  const { send, world } = await nginxBefore(t)
  const forged = Buffer.from('{"status":401,"headers":{},"body":"forged"}').toString('base64url')
  for (const path of ['/_altgate/decision', '/_altgate/answer', '//_altgate/answer', '/x/../_altgate/answer'])
    t.match(await send(`GET ${path}`, `X-Altgate-Answer: ${forged}`), /^HTTP\/1\.1 404/, path)
  t.equal(world.seen.length, 0)
  t.notMatch(await send('GET /fabrikam/x', `X-Altgate-Answer: ${forged}`), 'forged')
})

t.test('HEAD gets the headers of the refusal, with one challenge', async t => {
  const { send } = await nginxBefore(t)
  const answer = await send('HEAD /fabrikam/x')
  t.match(answer, /^HTTP\/1\.1 401 Unauthorized\r\n/)
  t.strictSame(answer.match(/^WWW-Authenticate: .*/gim)?.length, 1)
  t.match(answer, /\r\n\r\n$/)
})

t.test('a browser gets a page and a REST client an object, with and without nginx', async t => {
  const { nginx } = await nginxBefore(t)
  const browser = { 'user-agent': 'Mozilla/5.0', accept: 'text/html' }
  const page = await fetch(`${nginx.url}/nobody/x`, { headers: { ...browser, authorization: basic() } })
  t.equal(page.status, 404)
  t.match(page.headers.get('content-type'), 'text/html')
  t.match(page.headers.get('content-security-policy'), "default-src 'none'")
  t.match(await page.text(), '<h1>There is no such account here.')
  const rest = await fetch(`${nginx.url}/nobody/_apis/x`, { headers: { authorization: basic() } })
  t.match(await rest.json(), { typeKey: 'NoAccountException' })
})

for (const [how, header] of [
  ['that waits for 100', 'Expect: 100-continue'],
  ['that does not wait', 'Expect:'],
  ['in chunks', 'Transfer-Encoding: chunked'],
] as const) {
  t.test(`an upload ${how} is refused at once with its text, or arrives whole`, async t => {
    const { nginx, upstream, world } = await nginxBefore(t)
    const lab = gitLab(t)
    const file = join(lab.directory, 'body')
    // More than the kernels take of what nobody reads: some mebibytes.
    const body = randomBytes(12 * 1024 * 1024)
    writeFileSync(file, body)
    const post = (user: string, path: string) =>
      run('curl', [
        '-sS',
        '-w',
        '%{http_code}',
        '-u',
        user,
        '-X',
        'POST',
        '-H',
        header,
        '-T',
        file,
        nginx.url + path,
      ])

    const right = `${anna.username}:${anna.password}`
    const refused = await post(`${anna.username}:wrong`, '/fabrikam/r.git/git-receive-pack')
    t.match(refused, { code: 0, stderr: '', stdout: /^The user name .*Reference: [0-9a-f]{24}\n401$/s })
    const late = await post(right, '/northwind/r.git/git-receive-pack')
    t.match(late, { code: 0, stderr: '', stdout: /^Reset needed: .*Reference: [0-9a-f]{24}\n503$/s })
    t.equal(upstream.requests.length, 0)

    t.match(await post(right, '/fabrikam/r.git/git-receive-pack'), { code: 0, stdout: 'ok200' })
    t.ok(upstream.last().body.equals(body))
    t.equal(world.outcomes(), 'refused reset-needed allow')
  })
}

const unhappy: Readonly<Record<string, Respond>> = {
  'asks for a password': (_, response) => response.writeHead(401, { 'WWW-Authenticate': 'NTLM' }).end(),
  'hangs up': (_, response) => void response.destroy(),
}
for (const [what, respond] of Object.entries(unhappy)) {
  t.test(`when the upstream behind nginx ${what}, the client gets 502, never 401`, async t => {
    const { send } = await nginxBefore(t, { respond })
    const answer = await send('GET /fabrikam/x', authorization)
    t.match(
      answer,
      /^HTTP\/1\.1 502 .*\r\nX-Altgate-Outcome: upstream-failed\r\n.*Your credentials are right/s,
    )
  })
}

t.test('other answers of the upstream are passed on, including 403 and 404', async t => {
  let status = 0
  const { send } = await nginxBefore(t, {
    respond: (_, response) => response.writeHead(status, { 'X-Its': 'own' }).end(),
  })
  for (status of [204, 302, 403, 404, 500]) {
    const answer = await send('GET /fabrikam/x', authorization)
    t.match(answer, new RegExp(`^HTTP/1\\.1 ${status} .*\\r\\nX-Its: own\\r\\n`, 's'))
    t.notMatch(answer, /x-altgate/i)
  }
})

t.test('headers longer than nginx accepts are its own 400, and erase no password', async t => {
  const { send, nginx } = await nginxBefore(t)
  t.match(await send('GET /fabrikam/x', authorization, `X-Long: ${'x'.repeat(20_000)}`), /^HTTP\/1\.1 400/)
  const most = Array.from({ length: 3 }, (_, at) => `X-Long-${at}: ${'x'.repeat(16_000)}`)
  t.match(await send('GET /nobody/x', authorization, ...most), /^HTTP\/1\.1 404/)
  const cookie = `Cookie: a=${'x'.repeat(14_000)}`
  t.match(await send('GET /fabrikam/x', authorization, cookie), /^HTTP\/1\.1 200/)
  t.equal(nginx.complaints().includes('too big header'), false)
})
