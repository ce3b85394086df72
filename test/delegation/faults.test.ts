import t from 'tap'
import type { Grant } from '../../src/gateway/delegation.ts'
import type { Owner } from '../../src/gateway/names.ts'
import { Outage } from '../../src/gateway/outage.ts'
import { until } from '../support/until.ts'
import { aLab, anna, boris, type GatewayProcess, type Lab, scope } from './lab.ts'
import type { Answering } from './refresh-provider.ts'

const minute = 60_000
const outage = { name: 'Outage', part: 'provider' }

async function grantOf(gateway: GatewayProcess, owner = anna): Promise<Grant> {
  const grant = await gateway.grants.of(scope, owner as Owner)
  if (grant === undefined) throw new Error('there is no grant')
  return grant
}

/** Anna has signed in, and one gateway has her token. */
async function signedIn(t: Parameters<typeof aLab>[0], timeoutSeconds = 10) {
  const lab = await aLab(t, { timeoutSeconds })
  await lab.signIn()
  const gateway = await lab.process()
  const first = await gateway.bearer()
  return { lab, gateway, first, provider: lab.provider }
}

/** Whether the sign-in is as good as before: a token is had as soon as the provider is well. */
async function recovers(t: Parameters<typeof aLab>[0], lab: Lab, gateway: GatewayProcess): Promise<void> {
  lab.provider.answering = undefined
  lab.clock.now += 2 * minute
  t.type(await gateway.token(), 'object', 'the sign-in is as good as before')
}

function json(body: unknown, status = 200, headers = {}): Answering {
  return response => {
    response.writeHead(status, { 'content-type': 'application/json', ...headers })
    response.end(typeof body === 'string' ? body : JSON.stringify(body))
  }
}

/** Lets the provider answer, and changes what it says. */
function changed(change: (body: Record<string, string>) => void): Answering {
  return (response, usual) => {
    const end = response.end.bind(response)
    Object.assign(response, {
      end(text: string) {
        const body = JSON.parse(text)
        change(body)
        const bytes = Buffer.from(JSON.stringify(body))
        response.setHeader('content-length', bytes.length)
        return end(bytes)
      },
    })
    usual()
  }
}

t.test('a provider that refuses ends the sign-in, in every process, and the audit log has it', async t => {
  for (const error of ['invalid_grant', 'interaction_required', 'consent_required', 'login_required']) {
    const { lab, gateway, provider } = await signedIn(t)
    const other = await lab.process()
    await other.bearer()
    lab.clock.now += 61 * minute
    const before = await gateway.store.changes.revision()
    provider.answering = json({ error, error_description: `AADSTS50173: canary of ${anna}` }, 400)
    t.equal(await gateway.token(), 'ended', error)
    t.equal(await other.token(), 'ended')
    t.match(await gateway.store.changes.since(before), [
      { action: 'grant-ended', actor: 'identity-provider', scope, usernames: [`${anna}@example.com`] },
    ])
    t.match(await grantOf(gateway), {
      ended: { cause: 'refused' },
      refreshToken: undefined,
      access: undefined,
    })
    t.match(gateway.warnings, [{ facts: { why: `${error} AADSTS50173` } }])
    t.notMatch(JSON.stringify(gateway.warnings), 'canary')
    t.equal(provider.asked(), 2, 'it is asked once')
    provider.answering = undefined
    t.equal(await gateway.token(), 'ended', 'and not again')
    await lab.signIn()
    t.equal(await gateway.bearer(), await other.bearer(), 'signing in is enough')
  }
})

t.test('a user whom the provider refuses loses the present token within its life', async t => {
  const { lab, gateway, provider, first } = await signedIn(t)
  lab.clock.now += 52 * minute
  provider.answering = json({ error: 'invalid_grant' }, 400)
  t.equal(await gateway.bearer(), first, 'it is asked ahead')
  await until(() => gateway.results.includes('refused'))
  await until(async () => (await gateway.token()) === 'ended')
})

t.test(
  'a provider that is down is not noticed before the token has ended, and then it is an outage',
  async t => {
    const { lab, gateway, provider, first } = await signedIn(t)
    await provider.stop()
    lab.clock.now += 52 * minute
    t.equal(await gateway.bearer(), first)
    await until(() => gateway.outages.length > 0)
    t.match(gateway.outages, [outage])
    t.equal(await gateway.bearer(), first)
    lab.clock.now += 9 * minute
    await t.rejects(gateway.token(), outage)
    await provider.start()
    await recovers(t, lab, gateway)
    t.ok(gateway.results.includes('unreachable'))
  },
)

const faults: readonly (readonly [string, string, Answering])[] = [
  ['503', 'server-error', json('', 503)],
  ['500 with a refusal', 'server-error', json({ error: 'invalid_grant' }, 500)],
  ['429 with a refusal', 'throttled', json({ error: 'invalid_grant' }, 429, { 'retry-after': '7' })],
  ['503 with a time', 'throttled', json('', 503, { 'retry-after': '7' })],
  ['temporarily_unavailable', 'server-error', json({ error: 'temporarily_unavailable' }, 400)],
  ['an expired client secret', 'misconfigured', json({ error: 'invalid_client' }, 401)],
  [
    'the same with a challenge',
    'misconfigured',
    json({ error: 'invalid_client' }, 401, { 'www-authenticate': 'Basic realm="token"' }),
  ],
  ['a scope that it does not know', 'misconfigured', json({ error: 'invalid_scope' }, 400)],
  ['an error code of its own', 'misconfigured', json({ error: '<b>canary</b>' }, 400)],
  [
    'a page',
    'nonsense',
    response => void response.writeHead(200, { 'content-type': 'text/html' }).end('<html>'),
  ],
  ['a page with 400', 'nonsense', response => void response.writeHead(400).end('<html>')],
  [
    'a redirect',
    'nonsense',
    response => void response.writeHead(302, { location: 'http://127.0.0.1:1/' }).end(),
  ],
  ['half of an object', 'nonsense', json('{"access_token": "canary')],
  ['nothing', 'nonsense', json('')],
  ['null', 'nonsense', json('null')],
  ['no access token', 'nonsense', json({ token_type: 'bearer' })],
  ['another kind of token', 'nonsense', json({ access_token: 'canary', token_type: 'pop', expires_in: 60 })],
  [
    'a token of two lines',
    'nonsense',
    json({ access_token: 'canary\r\nX-Evil: 1', token_type: 'bearer', expires_in: 60 }),
  ],
  [
    'an endless token',
    'nonsense',
    json({ access_token: 'c'.repeat(20_000), token_type: 'bearer', expires_in: 60 }),
  ],
  ['an endless answer', 'nonsense', json(`"${'c'.repeat(2 ** 21)}"`)],
  [
    'a token without a life',
    'expired',
    json({ access_token: 'canary', token_type: 'bearer', expires_in: 0 }),
  ],
  ['a broken connection', 'unreachable', response => void response.destroy()],
  [
    'an answer that breaks off',
    'unreachable',
    response => {
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': 100 }).write('{"access')
      setTimeout(() => response.destroy(), 20)
    },
  ],
  ['no answer in time', 'slow', () => {}],
  [
    'an answer that never ends',
    'slow',
    response => void response.writeHead(200, { 'content-type': 'application/json' }).write('{"access'),
  ],
]

for (const [what, result, answering] of faults)
  t.test(`no user is asked to sign in because of ${what}`, async t => {
    const { lab, gateway, provider } = await signedIn(t, result === 'slow' ? 3 : 10)
    const before = await gateway.store.changes.revision()
    lab.clock.now += 61 * minute
    provider.answering = answering
    const error: unknown = await gateway.token().catch((thrown: unknown) => thrown)
    t.match(error, outage)
    t.equal(gateway.results.at(-1), result)
    t.notMatch(String((error as Outage).cause), 'canary', 'nothing that a provider says is told')
    const { refreshToken, ended } = await grantOf(gateway)
    t.equal(ended, undefined)
    t.type(refreshToken, 'string')
    t.strictSame(await gateway.store.changes.since(before), [], 'no change')
    await recovers(t, lab, gateway)
  })

t.test(
  'a provider that asks to be left alone is left alone by all users, for as long as it says',
  async t => {
    const { lab, gateway, provider } = await signedIn(t)
    await lab.signIn(boris)
    lab.clock.now += 61 * minute
    provider.answering = json('', 429, { 'retry-after': '120' })
    await t.rejects(gateway.token(), outage)
    const asked = provider.asked()
    provider.answering = undefined
    lab.clock.now += 100_000
    await t.rejects(gateway.token(), outage)
    await t.rejects(gateway.token(boris), outage)
    t.equal(provider.asked(), asked)
    lab.clock.now += 20_000
    await Promise.all([gateway.bearer(), gateway.bearer(boris)])
    t.equal(provider.asked(), asked + 2)
  },
)

t.test('a date in Retry-After is by the clock of the provider', async t => {
  const { lab, gateway, provider } = await signedIn(t)
  lab.clock.now += 61 * minute
  const time = Date.now() + 60 * minute
  const httpDate = (at: number) => new Date(at).toUTCString()
  provider.answering = json('', 503, { date: httpDate(time), 'retry-after': httpDate(time + 30_000) })
  await t.rejects(gateway.token(), outage)
  provider.answering = undefined
  lab.clock.now += 15_000
  await t.rejects(gateway.token(), outage)
  lab.clock.now += 16_000
  await gateway.bearer()
})

t.test('the token of another user, by any of its marks, is never used', async t => {
  const marks: readonly Answering[] = [
    changed(body => (body['id_token'] = withClaims(body['id_token'], { oid: boris }))),
    changed(
      body =>
        (body['id_token'] = withClaims(body['id_token'], { tid: 'aaaaaaaa-0000-4000-8000-000000000009' })),
    ),
    changed(body => (body['access_token'] = withClaims(body['access_token'], { oid: boris }))),
    changed(
      body =>
        (body['access_token'] = withClaims(body['access_token'], {
          tid: '9188040d-6c67-4c5b-b112-36a304b66dad',
        })),
    ),
  ]
  for (const answering of marks) {
    const { lab, gateway, provider } = await signedIn(t)
    lab.clock.now += 61 * minute
    provider.answering = answering
    t.equal(await gateway.token(), 'ended')
    t.match(gateway.warnings, [{ sentence: /another user/, facts: { scope, owner: anna } }])
    t.equal((await grantOf(gateway)).refreshToken, undefined)
  }
})

t.test(
  'a token for another audience, or one that has ended, is not used, and the next one is asked for',
  async t => {
    for (const [result, claims] of [
      ['wrong-audience', { aud: '00000002-0000-0000-c000-000000000000' }],
      ['wrong-audience', { aud: ['https://graph.microsoft.com'] }],
      ['expired', { exp: Math.floor(Date.now() / 1000) - 400, iat: Math.floor(Date.now() / 1000) - 4000 }],
      ['expired', { exp: 5, iat: 5 }],
    ] as const) {
      const { lab, gateway, provider } = await signedIn(t)
      lab.clock.now += 61 * minute
      provider.claims = payload => void Object.assign(payload, claims)
      await t.rejects(gateway.token(), outage)
      t.equal(gateway.results.at(-1), result)
      const asked = provider.asked()
      await t.rejects(gateway.token(), outage)
      t.equal(provider.asked(), asked, 'not at once')
      provider.claims = () => {}
      await recovers(t, lab, gateway)
    }
  },
)

t.test('clocks may be five minutes apart', async t => {
  for (const seconds of [300, -300]) {
    const { lab, gateway, provider, first } = await signedIn(t)
    lab.clock.now += 61 * minute
    const shifted = (token: string | undefined) => {
      const { iat, exp } = JSON.parse(Buffer.from(token?.split('.')[1] ?? '', 'base64url').toString())
      return withClaims(token, { iat: iat + seconds, exp: exp + seconds })
    }
    provider.answering = changed(body => {
      body['id_token'] = shifted(body['id_token'])
      body['access_token'] = shifted(body['access_token'])
    })
    const next = await gateway.bearer()
    t.not(next, first)
    lab.clock.now += 30 * minute
    t.equal(await gateway.bearer(), next)
  }
  const lab = await aLab(t)
  await lab.signIn()
  const behind = await lab.process({ wallAhead: 5 * minute })
  lab.provider.life = 60
  await behind.bearer()
})

t.test('what a crash has lost between receiving and storing costs one sign-in at most', async t => {
  for (const rotates of [false, true]) {
    const lab = await aLab(t)
    lab.provider.rotates = rotates
    await lab.signIn()
    const dead = Promise.withResolvers<boolean>()
    const dying = await lab.process({ change: () => ({ renewed: () => dead.promise }) })
    const survivor = await lab.process()
    void dying.token()
    await until(() => dying.results.length === 1)
    const waiting = survivor.token()
    await new Promise(resolve => setTimeout(resolve, 50))
    t.equal(lab.provider.asked(), 1, 'its turn has not ended yet')
    lab.clock.now += 8000
    const found = await waiting
    if (rotates) t.equal(found, 'ended', 'the only refresh token is gone: the user is asked')
    else t.type(found, 'object', 'the provider accepts it again')
    if (rotates) await lab.signIn()
    t.type(await survivor.token(), 'object')
    dead.resolve(true)
  }
})

t.test('what cannot be stored at that moment is used, and stored when the store answers', async t => {
  const lab = await aLab(t)
  await lab.signIn()
  let down = true
  const gateway = await lab.process({
    change: grants => ({
      renewed: async (...written) => {
        if (down) throw new Outage('store', new Error('down'))
        return await grants.renewed(...written)
      },
    }),
  })
  const bearer = await gateway.bearer()
  t.match(gateway.outages, [{ part: 'store' }])
  t.strictSame(gateway.results, ['renewed', 'not-stored'])
  t.equal(await gateway.bearer(), bearer, 'it goes on')

  // Another process comes meanwhile, after the turn of this one; the provider would refuse the old refresh token.
  lab.clock.now += 8000
  const holding = Promise.withResolvers<void>()
  lab.provider.hold = holding.promise
  const other = await lab.process()
  const waiting = other.token()
  await until(() => lab.provider.asked() === 2)
  lab.provider.answering = json({ error: 'invalid_grant' }, 400)
  down = false
  await until(async () => (await grantOf(gateway)).access !== undefined)
  holding.resolve()
  const found = await waiting
  t.equal(typeof found === 'object' && found.token.reveal(), bearer, 'it has what was stored, not a refusal')
  lab.clock.now += 61 * minute
  lab.provider.answering = undefined
  lab.provider.hold = Promise.resolve()
  t.type(await other.token(), 'object')
})

t.test('a process that stops waits for what it has asked for', async t => {
  const { lab, gateway, provider, first } = await signedIn(t)
  lab.clock.now += 52 * minute
  const holding = Promise.withResolvers<void>()
  provider.hold = holding.promise
  t.equal(await gateway.bearer(), first)
  await until(() => provider.asked() === 2)
  const closed = gateway.close()
  holding.resolve()
  await closed
  const next = await lab.process()
  t.not(await next.bearer(), first)
  t.equal(provider.asked(), 2, 'the refresh token, which is good for one use, was stored')
})

t.test('what is left when a process ends is stored before it goes', async t => {
  const lab = await aLab(t)
  await lab.signIn()
  let fails = 2
  const gateway = await lab.process({
    change: grants => ({
      renewed: async (...written) => {
        if (fails-- > 0) throw new Outage('store', new Error('down'))
        return await grants.renewed(...written)
      },
    }),
  })
  const bearer = await gateway.bearer()
  await gateway.close()
  const next = await lab.process()
  t.equal(await next.bearer(), bearer)
  t.equal(lab.provider.asked(), 1)
})

t.test('a store that is down is an outage of the store', async t => {
  const lab = await aLab(t)
  await lab.signIn()
  const gateway = await lab.process({
    change: () => ({ ofSubject: () => Promise.reject(new Outage('store', new Error('down'))) }),
  })
  await t.rejects(gateway.token(), { name: 'Outage', part: 'store' })
})

t.test('many users without a token cause no storm', async t => {
  const lab = await aLab(t)
  const gateway = await lab.process()
  const users = Array.from({ length: 60 }, (_, at) => `user-${at}`)
  for (const user of users) await lab.signIn(user)
  const bearers = await Promise.all(users.flatMap(user => [gateway.bearer(user), gateway.bearer(user)]))
  t.equal(new Set(bearers).size, users.length)
  t.equal(lab.provider.asked(), users.length, 'each once')
  t.ok(lab.provider.atOnce() <= 8, `${lab.provider.atOnce()} at a time`)
})

function withClaims(token: string | undefined, claims: Record<string, unknown>): string {
  const [head = '', body = '', signature = ''] = token?.split('.') ?? []
  const before = JSON.parse(Buffer.from(body, 'base64url').toString())
  const after = Buffer.from(JSON.stringify({ ...before, ...claims })).toString('base64url')
  return [head, after, signature].join('.')
}
