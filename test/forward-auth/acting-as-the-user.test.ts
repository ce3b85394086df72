// The proxy sends requests to the upstream itself, so it gets the access token, and reports when the upstream rejects it.
import t, { type Test } from 'tap'
import { createCarriedAnswers } from '../../src/forward-auth/proxies.ts'
import { Outage } from '../../src/gateway/outage.ts'
import { givenDelegation, userToken } from '../support/delegation.ts'
import { doorKey, runningDoor } from '../support/forward-auth-port.ts'
import { gitLab } from '../support/git.ts'
import { startNginx } from '../support/nginx.ts'
import { freePort } from '../support/ports.ts'
import { anna, basic } from '../support/public-server.ts'
import { rawRequest } from '../support/raw-request.ts'
import { recordingUpstream, type Respond } from '../support/recording-upstream.ts'
import { run } from '../support/run.ts'
import { aWorld } from '../support/world.ts'

const claims = 'Bearer error="insufficient_claims", claims="e30="'

async function acting(t: Test) {
  const delegation = givenDelegation(userToken('old'))
  const accounts = [{ name: 'fabrikam', upstream: 'http://not-used.invalid' }] // nginx has its own
  const world = aWorld({ accounts, credentials: [anna], delegation })
  return { delegation, world, door: await runningDoor(t, world, { delegation }) }
}

/** Asks as docker/nginx/nginx.conf does. */
async function ask(port: number, path: string, more: Readonly<Record<string, string>> = {}) {
  const headers = {
    'X-Original-Method': 'GET',
    'X-Original-URI': '/fabrikam/x',
    'X-Forwarded-For': '192.0.2.7',
    'X-Forwarded-Proto': 'https',
    Host: 'git.example.com',
    Authorization: basic(),
    Connection: 'close',
    ...more,
  }
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
  const text = await rawRequest(port, `GET ${path} HTTP/1.1\r\n${lines.join('')}\r\n`)
  const [head = '', body = ''] = text.split('\r\n\r\n')
  const value = (name: string) => new RegExp(`^${name}: (.*)$`, 'm').exec(head.replaceAll('\r', ''))?.[1]
  return { status: Number(head.slice(9, 12)), value, body }
}

t.test('an allowed request gets the token of its user, besides who it is', async t => {
  const { door } = await acting(t)
  const { status, value } = await ask(door.port, '/nginx')
  t.equal(status, 200)
  t.equal(value('Authorization'), 'Bearer old')
  t.equal(value('X-Forwarded-User'), anna.username)
})

t.test('a request that does not act by delegation gets none', async t => {
  const world = aWorld({
    accounts: [{ name: 'fabrikam', upstream: 'http://u.invalid' }],
    credentials: [anna],
  })
  const { status, value } = await ask((await runningDoor(t, world)).port, '/nginx')
  t.equal(status, 200)
  t.equal(value('Authorization'), undefined)
})

t.test('where a sign-in is needed, the whole answer is carried, with 403', async t => {
  const { door, delegation } = await acting(t)
  delegation.give('ended')
  const { status, value } = await ask(door.port, '/nginx')
  t.equal(status, 403)
  t.equal(value('X-Altgate-Outcome'), 'sign-in-needed')
  const { unpack } = createCarriedAnswers({ key: doorKey, now: Date.now })
  const answer = unpack(value('X-Altgate-Answer') ?? '')
  t.equal(answer?.status, 403)
  t.match(answer?.body, 'Sign-in needed: your sign-in with your Microsoft account has ended.')
})

const presented = { 'X-Altgate-Presented': 'Bearer old' }

t.test('a claims challenge of the upstream needs the user', async t => {
  const { door, delegation } = await acting(t)
  delegation.giveAfterRejection('claims')
  const told = await ask(door.port, '/nginx/rejection', { ...presented, 'X-Altgate-Challenge': claims })
  t.equal(told.status, 403)
  t.equal(told.value('X-Altgate-Outcome'), 'sign-in-needed')
  t.match(told.body, '/_altgate/?account=fabrikam\n')
  t.match(delegation.rejections, [{ token: 'old', claims: 'e30=' }])
  t.strictSame(door.signIns, ['claims'])
  t.strictSame(door.notForwarded, [`${told.value('X-Request-Id')}: sign-in-needed, claims`])
})

t.test('any other rejection is 502, and the next request gets a fresh token', async t => {
  const { door, delegation } = await acting(t)
  delegation.giveAfterRejection(userToken('fresh'))
  const told = await ask(door.port, '/nginx/rejection', presented)
  t.equal(told.status, 502)
  t.equal(told.value('X-Altgate-Outcome'), 'upstream-failed')
  t.strictSame(door.notForwarded, [`${told.value('X-Request-Id')}: upstream-failed, user-token`])
  t.match(delegation.rejections, [{ token: 'old', claims: undefined }])
})

t.test('the rejection of a token that has been renewed meanwhile is no rejection of the new one', async t => {
  const { door, delegation } = await acting(t)
  for (const headers of [{ 'X-Altgate-Presented': 'Bearer older', 'X-Altgate-Challenge': claims }, {}])
    t.equal((await ask(door.port, '/nginx/rejection', headers)).status, 502)
  t.strictSame(delegation.rejections, [])
})

t.test(
  'a rejection during an outage is 503, and one of a password that is wrong by now is no 401',
  async t => {
    const { door, delegation } = await acting(t)
    delegation.giveAfterRejection(() => Promise.reject(new Outage('provider', new Error('down'))))
    const down = await ask(door.port, '/nginx/rejection', presented)
    t.equal(down.status, 503)
    t.equal(down.value('Retry-After'), '5')
    t.equal(door.outages.length, 1)
    t.strictSame(door.notForwarded, [`${down.value('X-Request-Id')}: unavailable, provider`])
    delegation.giveAfterRejection(() => Promise.reject(new TypeError('oops')))
    t.equal((await ask(door.port, '/nginx/rejection', presented)).status, 503)
    t.equal(door.bugs.length, 1)
    const Authorization = basic({ ...anna, password: 'wrong' })
    const refused = await ask(door.port, '/nginx/rejection', { ...presented, Authorization })
    t.equal(refused.status, 503)
    t.equal(refused.value('WWW-Authenticate'), undefined)
  },
)

t.test('only a trusted proxy may report a rejection', async t => {
  const { world, delegation } = await acting(t)
  const door = await runningDoor(t, world, { delegation, trustedProxies: ['192.0.2.1'] })
  const told = await ask(door.port, '/nginx/rejection', { ...presented, 'X-Altgate-Challenge': claims })
  t.equal(told.status, 400)
  t.strictSame(delegation.rejections, [])
})

/** nginx before an upstream that writes down what it gets. */
async function behindNginx(t: Test, respond?: Respond) {
  const { door, delegation, world } = await acting(t)
  const upstream = await recordingUpstream(t, respond)
  const nginx = await startNginx(t, {
    decisions: door.port,
    page: await freePort(),
    repositories: upstream.port,
  })
  const send = (...lines: readonly string[]) =>
    rawRequest(
      nginx.port,
      `GET /fabrikam/x HTTP/1.1\r\n${['Host: h', 'Connection: close', `Authorization: ${basic()}`, ...lines].join('\r\n')}\r\n\r\n`,
    )
  return { door, delegation, world, upstream, nginx, send }
}

t.test('nginx sends the token, not the password, and asks for no suppressed redirects beside it', async t => {
  const { upstream, send } = await behindNginx(t)
  t.match(
    await send('X-TFS-FedAuthRedirect: Suppress', 'X-Altgate-Presented: Bearer forged'),
    /^HTTP\/1\.1 200 /,
  )
  t.strictSame(upstream.last().values('authorization'), ['Bearer old'])
  t.strictSame(upstream.last().values('x-tfs-fedauthredirect'), [])
  t.notMatch(upstream.last().rawHeaders.join(), 'forged')
})

const long = 'x'.repeat(12_000)

t.test('a long token fits', async t => {
  const { upstream, send, delegation } = await behindNginx(t)
  delegation.give(userToken(long))
  t.match(await send(), /^HTTP\/1\.1 200 /)
  t.strictSame(upstream.last().values('authorization'), [`Bearer ${long}`])
})

t.test('git behind nginx is told to sign in, and keeps its password', async t => {
  const { nginx, delegation } = await behindNginx(t, (_, response) =>
    response.writeHead(401, { 'WWW-Authenticate': claims }).end(),
  )
  const lab = gitLab(t)
  lab.setCredential(anna.username, anna.password)
  delegation.giveAfterRejection('claims')
  for (const give of ['token', 'no-grant'] as const) {
    if (give === 'no-grant') delegation.give(give)
    lab.forget()
    const { code, stderr } = await lab.git(['ls-remote', `${nginx.url}/fabrikam/r.git`])
    t.equal(code, 128)
    t.match(stderr, 'remote: Sign-in needed: ')
    t.match(stderr, 'remote: https://git.example.com/_altgate/?account=fabrikam\n')
    t.match(stderr, 'The requested URL returned error: 403')
    t.equal(lab.helperActions(), 'get', 'neither stored nor erased')
  }
  t.equal(nginx.complaints(), '')
})

for (const [how, header] of [
  ['with a length', 'Expect:'],
  ['in chunks', 'Transfer-Encoding: chunked'],
] as const)
  t.test(`an upload ${how} whose token is rejected reads why, through nginx`, async t => {
    const { nginx, delegation, door } = await behindNginx(t, (request, response) => {
      request.resume().on('end', () => response.writeHead(401, { 'WWW-Authenticate': claims }).end())
    })
    delegation.giveAfterRejection('claims')
    const words = ['-sS', '-w', '%{http_code}', '-u', `${anna.username}:${anna.password}`, '-H', header]
    const url = `${nginx.url}/fabrikam/x`
    const { stdout } = await run('curl', [...words, '--data-binary', '@-', url], {
      stdin: 'x'.repeat(3_000_000),
    })
    t.match(stdout, /^Sign-in needed: [^]*403$/)
    t.strictSame(door.bugs, [])
  })

t.test('any other 401 of the upstream is 502 through nginx, and so it is when Altgate has gone', async t => {
  for (const goes of [false, true]) {
    const { send, door, delegation } = await behindNginx(t, async (_, response) => {
      if (goes) await door.stop()
      response.writeHead(401, { 'WWW-Authenticate': 'NTLM' }).end()
    })
    delegation.giveAfterRejection(userToken('fresh'))
    t.match(await send(), /^HTTP\/1\.1 502 [^]*X-Altgate-Outcome: upstream-failed\r\n/)
    t.equal(delegation.rejections.length, goes ? 0 : 1)
  }
})
