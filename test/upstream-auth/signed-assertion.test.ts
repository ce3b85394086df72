// The verifier is the one of docs/upstream, so that what operators copy is what is tested here.
import { decodeJwt, decodeProtectedHeader, generateKeyPair, SignJWT } from 'jose'
import t, { type Test } from 'tap'
import { signingKeys } from '../../src/upstream-auth/signed-assertion.ts'
import type { Recorded } from '../support/recording-upstream.ts'
import { masterKey, presenting, publicUrl } from './methods.ts'
import { createVerifier, type Presented } from './verifier.ts'

const type = 'altgate-assertion+jwt'

async function asserting(t: Test, algorithm: 'ES256' | 'EdDSA' = 'ES256') {
  const all = await presenting(t, { method: 'signed-assertion', algorithm, keyDays: 7 })
  const usual = {
    gateway: publicUrl,
    self: all.upstream.url,
    keys: `${all.server.url}/_altgate/keys`,
  }
  return { ...all, verifier: (more = {}) => createVerifier({ ...usual, ...more }) }
}

function presented(recorded: Recorded): Presented {
  const { method, url } = recorded
  return { method, url, headers: { authorization: recorded.values('authorization').join() } }
}

function tokenOf(recorded: Recorded): string {
  return recorded.values('authorization').join().slice('Bearer '.length)
}

for (const algorithm of ['ES256', 'EdDSA'] as const)
  t.test(`${algorithm}: the upstream can check who it is, with the published keys alone`, async t => {
    const { seen, verifier } = await asserting(t, algorithm)
    const recorded = await seen([], '/fabrikam/_git/r/info/refs?service=git-upload-pack')
    t.strictSame(await verifier()(presented(recorded)), {
      subject: 'subject-0',
      username: 'anna@example.com',
      account: 'fabrikam',
      scope: 'msa',
    })
    const { alg, typ } = decodeProtectedHeader(tokenOf(recorded))
    t.strictSame({ alg, typ }, { alg: algorithm, typ: type })
  })

t.test('an assertion says nothing but what it must, and lives for a minute', async t => {
  const { seen, upstream, clock } = await asserting(t)
  const claims = decodeJwt(tokenOf(await seen([], '/fabrikam/a%20b?c=d')))
  const iat = Math.floor(clock.now / 1000)
  t.strictSame(claims, {
    iss: publicUrl,
    aud: upstream.url,
    sub: 'subject-0',
    preferred_username: 'anna@example.com',
    account: 'fabrikam',
    scope: 'msa',
    htm: 'GET',
    htu: `${upstream.url}/fabrikam/a%20b`,
    iat,
    exp: iat + 60,
    jti: claims.jti,
  })
  t.match(claims.jti, /^[\w-]{22}$/)
})

t.test('an assertion for one request is refused for every other one', async t => {
  const { seen, verifier } = await asserting(t)
  const good = presented(await seen([], '/fabrikam/x?y=1'))
  for (const [what, bad] of [
    ['another method', { ...good, method: 'POST' }],
    ['another path', { ...good, url: '/fabrikam/y?y=1' }],
    ['another path', { ...good, url: '/fabrikam/x/y' }],
    ['another path', { ...good, url: '/fabrikam/%78' }],
  ] as const)
    await t.rejects(verifier()(bad), { message: `the assertion is for ${what}` })
  for (const headers of [{}, { authorization: 'Basic YTpi' }])
    await t.rejects(verifier()({ ...good, headers }), { message: 'no assertion' })
  await t.rejects(verifier({ account: 'contoso' })(good), /another account/)
  await t.rejects(verifier({ self: 'https://other.example' })(good), /"aud"/)
  await t.rejects(verifier({ gateway: 'https://other.example' })(good), /"iss"/)
  await t.resolves(verifier({ account: 'fabrikam' })(good))
})

t.test('an assertion is good once', async t => {
  const { seen, verifier } = await asserting(t)
  const verify = verifier()
  const once = presented(await seen())
  await t.resolves(verify(once))
  await t.rejects(verify(once), /has been used/)
  await t.resolves(verify(presented(await seen())), 'the next request has another one')
})

t.test('an assertion that has expired, or comes from the future, is refused', async t => {
  const { seen, verifier, clock } = await asserting(t)
  const now = clock.now
  clock.now = now - 66_000
  await t.rejects(verifier()(presented(await seen())), /"exp"/)
  clock.now = now + 60_000
  await t.rejects(verifier()(presented(await seen())), /"iat"/)
})

t.test('what the gateway did not sign is refused', async t => {
  const { seen, verifier, server } = await asserting(t)
  const recorded = await seen()
  const good = presented(recorded)
  const token = tokenOf(recorded)
  const [head = '', body = '', signature = ''] = token.split('.')
  const claims = decodeJwt(token)
  const { kid = '' } = decodeProtectedHeader(token)
  const base64url = (part: object) => Buffer.from(JSON.stringify(part)).toString('base64url')
  const published = await (await fetch(`${server.url}/_altgate/keys`)).text()
  const foreignKey = await generateKeyPair('ES256')
  const sign = (header: { alg: string; typ: string }, key: Parameters<SignJWT['sign']>[0]) =>
    new SignJWT(claims).setProtectedHeader({ ...header, kid }).sign(key)

  const [algorithm, wrong, claim] = [
    'ERR_JOSE_ALG_NOT_ALLOWED',
    'ERR_JWS_SIGNATURE_VERIFICATION_FAILED',
    'ERR_JWT_CLAIM_VALIDATION_FAILED',
  ]
  for (const [what, code, forged] of [
    ['no algorithm', algorithm, `${base64url({ alg: 'none', typ: type, kid })}.${body}.`],
    ['none, and yet signed', algorithm, `${base64url({ alg: 'none', typ: type, kid })}.${body}.${signature}`],
    [
      'the public keys as a password',
      algorithm,
      await sign({ alg: 'HS256', typ: type }, Buffer.from(published)),
    ],
    ['other claims', wrong, `${head}.${base64url({ ...claims, sub: 'somebody-else' })}.${signature}`],
    ['no signature', wrong, `${head}.${body}.`],
    ['another key', wrong, await sign({ alg: 'ES256', typ: type }, foreignKey.privateKey)],
    ['another type of token', claim, await sign({ alg: 'ES256', typ: 'JWT' }, keyAt().privateKey)],
  ] as const)
    await t.rejects(verifier()({ ...good, headers: { authorization: `Bearer ${forged}` } }), { code }, what)

  const ours = await sign({ alg: 'ES256', typ: type }, keyAt().privateKey)
  await t.resolves(verifier()({ ...good, headers: { authorization: `Bearer ${ours}` } }), 'the control')
})

/** The key that signs now, as every process derives it. */
function keyAt(now = Date.now(), key: Uint8Array = masterKey) {
  return signingKeys({ algorithm: 'ES256', keyDays: 7, masterKey: key, now: () => now }).current()
}

t.test('the key set is public, may be cached, and contains nothing private', async t => {
  const { server } = await asserting(t)
  const answer = await fetch(`${server.url}/_altgate/keys`)
  t.equal(answer.status, 200)
  t.equal(answer.headers.get('content-type'), 'application/jwk-set+json')
  t.equal(answer.headers.get('cache-control'), 'public, max-age=3600')
  const { keys } = (await answer.json()) as { readonly keys: readonly Record<string, string>[] }
  t.equal(keys.length, 3)
  for (const key of keys) t.strictSame(Object.keys(key).sort(), ['alg', 'crv', 'kid', 'kty', 'use', 'x', 'y'])
})

t.test('without signed assertions there is no key set', async t => {
  const { server } = await presenting(t, { method: 'strip' })
  t.equal((await fetch(`${server.url}/_altgate/keys`)).status, 404)
})

t.test('accounts that sign alike have one set of keys, others add their own', async t => {
  const es256 = { method: 'signed-assertion', algorithm: 'ES256', keyDays: 7 } as const
  const { auth } = await presenting(t, es256, { one: es256, two: { ...es256, algorithm: 'EdDSA' } })
  t.equal(auth.publicKeys?.().length, 6)
})

t.test('a key is published for a whole stretch before it signs, and for one after', async t => {
  const { seen, server, clock } = await asserting(t)
  const published = async () => {
    const { keys } = (await (await fetch(`${server.url}/_altgate/keys`)).json()) as {
      readonly keys: readonly { readonly kid: string }[]
    }
    return keys.map(({ kid }) => kid)
  }
  const signing = async () => decodeProtectedHeader(tokenOf(await seen())).kid ?? ''
  const start = clock.now
  const week = 7 * 24 * 60 * 60 * 1000
  const early = { kid: await signing(), keys: await published() }
  clock.now = start + week
  const later = { kid: await signing(), keys: await published() }
  t.not(later.kid, early.kid, 'another key signs')
  t.ok(early.keys.includes(later.kid), 'it was known before')
  t.ok(later.keys.includes(early.kid), 'the old one is still known')
  clock.now = start + 2 * week
  t.notOk((await published()).includes(early.kid), 'and then no more')
})

t.test('every process with the same store has the same keys, in this version and the next', async t => {
  const now = Date.parse('2026-05-04T12:00:00Z')
  t.strictSame(keyAt(now).publicKey, keyAt(now).publicKey)
  t.not(keyAt(now, Buffer.alloc(32, 8)).publicKey.kid, keyAt(now).publicKey.kid, 'another store, another key')
  t.equal(keyAt(now).publicKey.kid, 'Voy-0XiVSWkUGy1lgRxW0oD-rauBBbgQrrTgqfg7z7I')
})
