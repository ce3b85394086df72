import { setTimeout } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { Secret } from '../../src/gateway/secret.ts'
import { throttledMs } from '../../src/server/responder.ts'
import type { PublicServerOptions } from '../../src/server/server.ts'
import type { ThrottleOptions } from '../../src/throttling/throttle.ts'
import { ask, summary } from '../support/ask.ts'
import { gitLab } from '../support/git.ts'
import { anna, basic, runningServer } from '../support/public-server.ts'
import { rawConnection, rawRequest } from '../support/raw-request.ts'
import { recordingUpstream } from '../support/recording-upstream.ts'
import { reset } from '../support/reset.ts'
import { until } from '../support/until.ts'
import { aWorld, entra, msa } from '../support/world.ts'

const upstream = await recordingUpstream(t)
const secret = 'the secret of the load test'

/** A gateway behind a proxy, which says from where each guess comes; it looks at two for each name. */
async function guarded(
  t: Test,
  throttle: Partial<ThrottleOptions> = {},
  options: Partial<Omit<PublicServerOptions, 'upstream'>> = {},
) {
  const world = aWorld({
    accounts: [{ name: 'fabrikam', upstream: upstream.url }],
    credentials: [anna],
    throttle: { credential: { guesses: 2, windowSeconds: 900 }, ...throttle },
  })
  const server = await runningServer(t, {
    upstream: upstream.url,
    world,
    trustedProxies: ['127.0.0.1'],
    ...options,
  })
  const tries = (
    password: string,
    { from = '192.0.2.1', user = anna.username as string, path = 'x', headers = {} } = {},
  ) =>
    ask(`${server.url}/fabrikam/${path}`, {
      as: [user, password],
      headers: { 'X-Forwarded-For': from, ...headers },
    })
  return { world, server, tries }
}

/** Timers count whole milliseconds, so one may come in the last one of its time. */
const timersEarlyMs = 2

/** A client that guesses, from this address, until it is stopped. */
async function attack(tries: Awaited<ReturnType<typeof guarded>>['tries'], from: string) {
  for (let guess = 0; guess < 50; guess++) {
    const answer = await tries(`guess ${guess} from ${from}`, { from })
    if (answer.outcome === 'throttled') return answer
  }
  throw new Error('the attack was not stopped')
}

t.test('a client that guesses is told when to retry, and nothing else', async t => {
  const { tries, world } = await guarded(t)
  const { status, headers, body } = await attack(tries, '192.0.2.66')
  t.equal(status, 429)
  t.ok(Number(headers['retry-after']) > 850 && Number(headers['retry-after']) <= 900)
  t.equal(headers['www-authenticate'], undefined)
  t.match(
    body,
    /^Too many attempts\.\s+Try again in \d+ seconds\. You don't need to change your credentials\.\n/,
  )
  t.notMatch(body, /address|credential |everywhere|fabrikam/)
  t.equal(world.hashes(), 2)
})

t.test('an unknown name is counted and answered like any other', async t => {
  const { tries } = await guarded(t)
  const answers = async (user: string) => {
    const all = []
    for (const guess of ['1', '2', '3']) {
      const { status, body } = await tries(guess, { user })
      all.push([status, body.replace(/Reference: .*|\d+ seconds/g, '')])
    }
    return all
  }
  t.strictSame(await answers('nobody@example.com'), await answers(anna.username))
})

t.test('a remembered owner gets in during an attack, from the same and from another address', async t => {
  const { tries } = await guarded(t)
  t.equal(summary([await tries(anna.password)]), '200 allow')
  await attack(tries, '192.0.2.66')
  const answers = await Promise.all(
    ['192.0.2.1', '192.0.2.66', '2001:db8::1'].map(from => tries(anna.password, { from })),
  )
  t.equal(summary(answers), '200 allow')
})

t.test('guesses count per credential, over all its names and accounts', async t => {
  const former = { connection: msa, leftAt: 0 }
  const directories = ['Contoso', 'Northwind', 'Tailspin', 'Adatum', 'Fourth'].map(entra)
  const world = aWorld({
    accounts: [
      { name: 'fabrikam', upstream: upstream.url },
      ...directories.map((connection, n) => ({
        name: `moved-${n}`,
        connection,
        former,
        upstream: upstream.url,
      })),
    ],
    credentials: [{ ...anna, secondary: 'anna' }],
  })
  const { url } = await runningServer(t, { upstream: upstream.url, world, trustedProxies: ['127.0.0.1'] })
  const accounts = ['fabrikam', ...directories.map((_, n) => `moved-${n}`)]
  let addresses = 0
  const tries = (account: string, user: string, password: string) => {
    const from = `192.0.2.${++addresses % 250}`
    return ask(`${url}/${account}/x`, { as: [user, password], headers: { 'X-Forwarded-For': from } })
  }
  for (const user of [anna.username, 'nobody@example.com']) {
    const answers = []
    for (let guess = 0; guess < 10; guess++)
      for (const account of accounts) answers.push(await tries(account, user, `guess ${guess} on ${account}`))
    t.equal(answers.filter(({ outcome }) => outcome === 'refused').length, 20, user)
    t.equal(answers.filter(({ outcome }) => outcome === 'throttled').length, 40, user)
  }
  for (const account of accounts)
    for (const user of [anna.username, 'anna'])
      t.equal(
        summary([await tries(account, user, anna.password)]),
        '429 throttled',
        `nothing confirms the password: ${user} on ${account}`,
      )
})

t.test(
  'a client allowed from memory is as familiar at its address as one whose password was hashed',
  async t => {
    const { tries, world } = await guarded(t)
    t.equal(summary([await tries(anna.password, { from: '198.51.100.1' })]), '200 allow')
    t.equal(summary([await tries(anna.password, { from: '198.51.100.2' })]), '200 allow')
    t.equal(world.hashes(), 1)
    await attack(tries, '192.0.2.66')
    world.forget()
    for (const from of ['198.51.100.2', '198.51.100.1'])
      t.equal(summary([await tries(anna.password, { from })]), '200 allow')
    world.forget()
    t.equal(summary([await tries(anna.password, { from: '198.51.100.3' })]), '429 throttled')
  },
)

t.test('guesses from the owner’s own address do not lock the owner out there', async t => {
  const { tries, world } = await guarded(t)
  for (let times = 0; times < 3; times++) {
    t.equal(summary([await tries(anna.password, { from: '198.51.100.1' })]), '200 allow')
    if (times === 0) await attack(tries, '198.51.100.1')
    for (let guess = 0; guess < 20; guess++)
      t.equal(summary([await tries(`${times} ${guess}`, { from: '198.51.100.1' })]), '429 throttled')
    world.forget()
  }
  t.equal(world.hashes(), 5, 'three of the owner, two of the guesses')
})

t.test('one wrong password twenty times causes no ban', async t => {
  const { tries } = await guarded(t, { address: { guesses: 2, windowSeconds: 600 } })
  for (let times = 0; times < 20; times++) t.equal(summary([await tries('a typo')]), '401 refused')
  t.equal(summary([await tries(anna.password)]), '200 allow')
})

t.test('an endlessly repeated wrong password is 429, and 403 on git-lfs paths', async t => {
  const { tries } = await guarded(t, { repetition: { requests: 2, windowSeconds: 60 } })
  const path = 'r.git/info/lfs/objects/batch'
  for (let times = 0; times < 3; times++) t.equal(summary([await tries('a typo', { path })]), '401 refused')
  const later = await tries('a typo')
  t.equal(summary([later]), '429 throttled')
  t.ok(Number(later.headers['retry-after']) > 0)
  const never = await tries('a typo', { path })
  t.equal(summary([never]), '403 throttled')
  t.equal(never.headers['retry-after'], undefined)
  t.match(never.body, 'Too many attempts.')
  t.equal(summary([await tries('a typo', { path, from: '192.0.2.2' })]), '401 refused', 'others are told')
  t.equal(summary([await tries(anna.password, { path })]), '200 allow', 'and the right one is right')
})

t.test('a client that guesses too often gets 429 on git-lfs paths, too: it may retry later', async t => {
  const { tries } = await guarded(t)
  await attack(tries, '192.0.2.66')
  t.equal(summary([await tries('another', { path: 'r.git/info/lfs/locks' })]), '429 throttled')
})

t.test('an IPv6 network counts as one address', async t => {
  const { tries } = await guarded(t, { address: { guesses: 2, windowSeconds: 600 } })
  const from = (address: string, user: string) => tries('x', { from: address, user })
  t.equal(summary([await from('2001:db8:1:2::1', 'a'), await from('2001:db8:1:2::2', 'b')]), '401 refused')
  t.equal(summary([await from('2001:db8:1:2:ffff::', 'c')]), '429 throttled')
  t.equal(summary([await from('2001:db8:1:3::1', 'c')]), '401 refused')
})

t.test('an exempt address is not banned, and others are', async t => {
  const { tries } = await guarded(t, { address: { guesses: 2, windowSeconds: 600 }, exempt: ['10.0.0.0/8'] })
  const all = (from: string) => Promise.all(['a', 'b', 'c', 'd'].map(user => tries(from, { from, user })))
  t.equal(summary(await all('10.1.2.3')), '401 refused')
  t.equal(summary(await all('11.1.2.3')), '401 refused, 429 throttled')
})

t.test('a thousand concurrent guesses cost no more hashes than the limit', async t => {
  const { server, world } = await guarded(t, { credential: { guesses: 7, windowSeconds: 900 } })
  const authorization = (guess: number) =>
    `Basic ${Buffer.from(`${anna.username}:guess ${guess}`).toString('base64')}`
  const answers = await Promise.all(
    Array.from({ length: 1000 }, (_, guess) =>
      server.app.inject({
        url: '/fabrikam/x',
        headers: { authorization: authorization(guess), host: 'localhost' },
      }),
    ),
  )
  t.equal(world.hashes(), 7)
  t.equal(answers.filter(({ statusCode }) => statusCode === 401).length, 7)
  t.equal(answers.filter(({ statusCode }) => statusCode === 429).length, 993)
})

t.test(
  'a load test is known by address or secret, causes no ban, and its secret is not forwarded',
  async t => {
    const loadTest = { addresses: ['198.51.100.0/24'], secret: new Secret(secret) }
    const { tries, world } = await guarded(t, {}, { loadTest })
    const header = (value: string) => ({ headers: { 'X-Altgate-Load-Test': value } })
    for (let guess = 0; guess < 10; guess++) {
      t.equal(summary([await tries(`secret ${guess}`, header(secret))]), '401 refused')
      t.equal(summary([await tries(`address ${guess}`, { from: '198.51.100.7' })]), '401 refused')
    }
    t.equal(summary([await tries(anna.password, header(secret))]), '200 allow')
    t.strictSame(upstream.last().values('X-Altgate-Load-Test'), [])
    t.notMatch(upstream.last().rawHeaders.join('\n'), secret)
    t.strictSame(new Set(world.seen.map(each => each.ask.lane)), new Set(['load-test']))

    t.equal(summary([await tries('1'), await tries('2')]), '401 refused', 'no other client was banned')
    t.equal(summary([await tries('3')]), '429 throttled')
  },
)

t.test('a wrong load-test secret is an ordinary request', async t => {
  const { tries, world } = await guarded(t, {}, { loadTest: { addresses: [], secret: new Secret(secret) } })
  for (const value of [`${secret}.`, secret.slice(1), '', `${secret}, ${secret}`])
    await tries('x', { headers: { 'X-Altgate-Load-Test': value } })
  t.strictSame(new Set(world.seen.map(each => each.ask.lane)), new Set(['production']))
})

t.test('a throttled git says so, and keeps its password', async t => {
  const { server, world } = await guarded(t, {}, { trustedProxies: [] })
  for (const guess of ['1', '2']) await ask(`${server.url}/fabrikam/x`, { as: [anna.username, guess] })
  const lab = gitLab(t)
  lab.setCredential(anna.username, anna.password)
  const { code, stderr } = await lab.git(['ls-remote', `${server.url}/fabrikam/r.git`])
  t.equal(code, 128)
  t.match(stderr, /remote: Too many attempts\.\nremote: Try again in \d+ seconds\. You don't need to/)
  t.match(stderr, /429/)
  t.notMatch(lab.helperActions(), 'erase')
  t.match(world.seen.at(-1)?.decision, { outcome: 'throttled', by: 'credential' })
})

for (const [sentence, trustedProxies, waits] of [
  ['a throttled client waits for each answer, on a new connection as well', [], true],
  ['a proxy’s connection does not wait: it carries requests of other users', ['127.0.0.1'], false],
] as const) {
  t.test(sentence, async t => {
    const { server, tries } = await guarded(t, {}, { trustedProxies: [...trustedProxies] })
    const from = '127.0.0.1'
    await attack(tries, from)
    const guess = basic({ username: anna.username, password: 'one more' })
    const head = `GET /fabrikam/x HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: ${from}\r\nAuthorization: ${guess}\r\n`
    const answered = async (closing: string) => {
      const began = performance.now()
      const connection = await rawConnection(server.port)
      connection.send(`${head}${closing}\r\n`)
      t.match(await connection.until(/Reference/), /^HTTP\/1.1 429 /)
      connection.socket.destroy()
      return performance.now() - began
    }
    for (const closing of ['Connection: close\r\n', ''])
      if (waits) t.ok((await answered(closing)) >= throttledMs - timersEarlyMs, closing)
      // A busy machine may keep it waiting, but not for ever.
      else await until(async () => (await answered(closing)) < throttledMs)
  })
}

t.test('a client that leaves while it waits for a 429 costs nothing more', async t => {
  const { server, tries } = await guarded(t, {}, { trustedProxies: [] })
  await attack(tries, '127.0.0.1')
  const connection = await rawConnection(server.port)
  connection.send(`GET /fabrikam/x HTTP/1.1\r\nHost: a\r\nAuthorization: ${basic(anna)}\r\n\r\n`)
  await setTimeout(throttledMs / 2)
  reset(connection.socket)
  await setTimeout(throttledMs)
  t.strictSame(server.bugs, [])
})

t.test('a client that uses the page too often waits as well, with its pipelined requests', async t => {
  const upstream = await recordingUpstream(t)
  const { port } = await runningServer(t, {
    upstream: upstream.url,
    async selfService(app) {
      app.get('/', async (_, reply) => reply.code(429).send('later'))
    },
  })
  const ahead = 4
  const began = performance.now()
  const asked = 'GET /_altgate/ HTTP/1.1\r\nHost: x\r\n\r\n'
  const last = 'GET /_altgate/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'
  const answers = await rawRequest(port, asked.repeat(ahead) + last)
  t.equal(answers.match(/HTTP\/1\.1 429 /g)?.length, ahead + 1)
  const took = performance.now() - began
  t.ok(took >= (ahead + 1) * throttledMs - timersEarlyMs, `${Math.round(took)} ms`)
})
