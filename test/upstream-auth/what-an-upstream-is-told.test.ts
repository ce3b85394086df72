// Whatever the method, an upstream must be able to tell what the gateway says from what a client has written.
import t from 'tap'
import type { Ask } from '../../src/gateway/ask.ts'
import type { Allow } from '../../src/gateway/decision.ts'
import type { AccountName } from '../../src/gateway/names.ts'
import { Secret } from '../../src/gateway/secret.ts'
import { createDelegates, createUpstreamAuth, type MethodOptions } from '../../src/upstream-auth/index.ts'
import { anna, basic } from '../support/public-server.ts'
import type { Recorded } from '../support/recording-upstream.ts'
import { masterKey, presenting, publicUrl } from './methods.ts'

const token = 'canary-pat-5b1e'
const methods: readonly MethodOptions[] = [
  { method: 'identity-headers' },
  { method: 'strip' },
  { method: 'swapped-credential', scheme: 'basic', user: '', credential: new Secret(token) },
  { method: 'swapped-credential', scheme: 'bearer', user: '', credential: new Secret(token) },
  { method: 'signed-assertion', algorithm: 'ES256', keyDays: 7 },
  { method: 'pass-through' },
]

/** What a client could want an upstream to believe, in every spelling that some software reads as the same name. */
const forged = [
  'Proxy-Authorization',
  'X-Forwarded-User',
  'X-Forwarded-For',
  'X-Altgate-Account',
  'X-Altgate-Scope',
  'X-Altgate-Subject',
  'X-Altgate-Assertion',
  'X-Request-Id',
  'X-TFS-FedAuthRedirect',
].flatMap(name =>
  [name, name.toUpperCase(), name.replaceAll('-', '_'), name.replace('-', '.')].map(
    each => `${each}: forged`,
  ),
)

/** What the gateway adds, besides the way that the request came. */
function added({ rawHeaders }: Recorded): readonly string[] {
  const way = /^(?:host|connection|x-forwarded-(?:for|proto|host)|x-request-id)$/i
  return rawHeaders.flatMap((name, at) =>
    at % 2 === 1 || way.test(name) ? [] : [`${name}: ${rawHeaders[at + 1]}`],
  )
}

const suppress = 'X-TFS-FedAuthRedirect: Suppress'

t.test('identity-headers: user, account, scope and subject, in headers', async t => {
  const { seen } = await presenting(t, { method: 'identity-headers' })
  t.strictSame(added(await seen()), [
    `X-Forwarded-User: ${anna.username}`,
    'X-Altgate-Account: fabrikam',
    'X-Altgate-Scope: msa',
    'X-Altgate-Subject: subject-0',
    suppress,
  ])
})

t.test('strip: nothing about the user', async t => {
  const { seen } = await presenting(t, { method: 'strip' })
  const recorded = await seen()
  t.strictSame(added(recorded), [suppress])
  t.equal(recorded.values('x-request-id').length, 1)
  t.strictSame(recorded.values('x-forwarded-for'), ['127.0.0.1'])
})

t.test(
  'swapped-credential: a personal access token without a user name, as Azure DevOps takes it',
  async t => {
    const { seen } = await presenting(t, {
      method: 'swapped-credential',
      scheme: 'basic',
      user: '',
      credential: new Secret(token),
    })
    t.strictSame(added(await seen()), [
      `Authorization: ${basic({ username: '', password: token })}`,
      suppress,
    ])
  },
)

t.test('swapped-credential: a password with its user name', async t => {
  const { seen } = await presenting(t, {
    method: 'swapped-credential',
    scheme: 'basic',
    user: 'robot',
    credential: new Secret(token),
  })
  const expected = basic({ username: 'robot', password: token })
  t.strictSame((await seen()).values('authorization'), [expected])
})

t.test('swapped-credential: a bearer token, and no header that makes Azure DevOps refuse those', async t => {
  const { seen } = await presenting(t, {
    method: 'swapped-credential',
    scheme: 'bearer',
    user: '',
    credential: new Secret(token),
  })
  t.strictSame(added(await seen()), [`Authorization: Bearer ${token}`])
})

t.test('pass-through: the credential that the client sent, once', async t => {
  const { seen } = await presenting(t, { method: 'pass-through' })
  t.strictSame(added(await seen()), [`Authorization: ${basic()}`, suppress])
})

for (const options of methods) {
  const what = 'scheme' in options ? `${options.method} (${options.scheme})` : options.method
  t.test(`${what}: nothing that a client writes passes for the gateway's word`, async t => {
    const { seen } = await presenting(t, options)
    const plain = await seen()
    const attacked = await seen([...forged, 'Connection: authorization, x-forwarded-user, x-altgate-subject'])
    const names = (recorded: Recorded) => recorded.rawHeaders.filter((_, at) => at % 2 === 0)
    t.strictSame(names(attacked), names(plain))
    t.notMatch(attacked.rawHeaders.join('\n'), 'forged')
  })

  if (options.method !== 'pass-through')
    t.test(`${what}: the user's password never arrives`, async t => {
      const { seen } = await presenting(t, options)
      const all = (await seen()).rawHeaders.join('\n')
      t.notMatch(all, anna.password)
      t.notMatch(all, basic().slice('Basic '.length))
    })
}

t.test('each account is presented in its own way, all others in the usual one', async t => {
  const { seen, auth } = await presenting(
    t,
    { method: 'identity-headers' },
    { fabrikam: { method: 'strip' }, contoso: { method: 'pass-through' } },
  )
  t.strictSame(added(await seen()), [suppress])
  t.equal(auth.methodOf({ name: 'northwind' as AccountName }), 'identity-headers')
})

t.test('an account that names a method has it and no other, and none if it is not there', async t => {
  const methods = {
    standard: { method: 'identity-headers' },
    byAccount: { fabrikam: { method: 'strip' } },
    byName: { tfs: { method: 'pass-through' }, both: { method: 'delegated', scope: 's' } },
  } as const
  const auth = createUpstreamAuth(methods, { publicUrl, masterKey, now: Date.now, warn() {} })
  const fabrikam = 'fabrikam' as AccountName
  t.equal(auth.methodOf({ name: fabrikam }), 'strip')
  t.equal(auth.methodOf({ name: fabrikam, upstreamAuth: 'tfs' }), 'pass-through')
  for (const upstreamAuth of ['gone', 'constructor', '__proto__', '']) {
    t.equal(auth.methodOf({ name: fabrikam, upstreamAuth }), 'unknown')
    const allowed = { account: { name: fabrikam, upstreamAuth } } as unknown as Allow
    const told = auth.authorize({ allowed, ask: {} as Ask }, { origin: 'https://x', path: '/' })
    await t.rejects(Promise.resolve(told), { name: 'Outage', part: 'upstream' }, 'neither of the others')
    t.equal(createDelegates(methods)(allowed), false)
  }
  const delegates = { account: { name: fabrikam, upstreamAuth: 'both' } } as unknown as Allow
  t.equal(createDelegates(methods)(delegates), true)
})
