import t from 'tap'
import { northwindDirectory } from '../../src/demo/people.ts'
import { foldUsername } from '../../src/gateway/names.ts'
import { aLab, contoso, type Lab, named } from '../self-service/lab.ts'
import { gcm, post, refresh, tokensFor } from './helper.ts'

const anna = foldUsername('anna@example.com')

const opens = (lab: Lab, body: Readonly<Record<string, unknown>>, account = 'contoso') =>
  lab.opens(account, anna, String(body['access_token']))

const revoke = (lab: Lab, token: unknown, fields: Readonly<Record<string, string>> = {}) =>
  post(`${lab.url}/_altgate/oauth/revoke`, { token: String(token), client_id: gcm, ...fields })

const over = { status: 400, body: { error: 'invalid_grant' } }

t.test('a refresh token that is sent again within a minute gets the same answer', async t => {
  const lab = await aLab(t)
  const first = await tokensFor(lab, 'contoso')
  const once = await refresh(lab.url, first.body['refresh_token'])
  const again = await refresh(lab.url, first.body['refresh_token'])
  t.strictSame(again.body, once.body, 'an answer may be lost on the way')
  t.match(await refresh(lab.url, first.body['refresh_token'], 'altgate'), over, 'not for another client')
  t.equal(await opens(lab, once.body), 200)
})

t.test('many at once, at two gateways, get one password', async t => {
  const lab = await aLab(t)
  const other = await lab.another()
  const first = await tokensFor(lab, 'contoso')
  const all = await Promise.all(
    [lab.url, other, lab.url, other, other].map(url => refresh(url, first.body['refresh_token'])),
  )
  t.strictSame(
    all.map(({ status }) => status),
    [200, 200, 200, 200, 200],
  )
  t.equal(new Set(all.map(({ body }) => body['access_token'])).size, 1)
  t.equal((await lab.services.registry.passwords(contoso, anna)).length, 2, 'the old one and the new one')
})

t.test('a refresh token that was used long ago was stolen: everything of the grant ends', async t => {
  const lab = await aLab(t)
  const first = await tokensFor(lab, 'contoso')
  const second = await refresh(lab.url, first.body['refresh_token'])
  const third = await refresh(lab.url, second.body['refresh_token'])
  lab.ageOAuth(2)
  t.match(await refresh(lab.url, first.body['refresh_token']), over)
  t.match(await refresh(lab.url, third.body['refresh_token']), over)
  t.equal(await opens(lab, third.body), 401)
})

t.test('what the user does on the page holds for helpers', async t => {
  const lab = await aLab(t)
  const { registry } = lab.services

  await t.test('a password that was revoked is not renewed', async t => {
    const first = await tokensFor(lab, 'contoso')
    const [{ id } = { id: undefined }] = await registry.passwords(contoso, anna)
    if (id !== undefined) await registry.revokePasswords('test', contoso, anna, { id })
    t.match(await refresh(lab.url, first.body['refresh_token']), over)
    t.equal(await opens(lab, first.body), 401)
  })

  await t.test('neither in a set that is switched off, until it is on again', async t => {
    const first = await tokensFor(lab, 'contoso')
    await registry.switchCredential('test', contoso, anna, false)
    t.match(await refresh(lab.url, first.body['refresh_token']), over)
    await registry.switchCredential('test', contoso, anna, true)
    t.match(await refresh(lab.url, first.body['refresh_token']), { status: 200 })
  })

  await t.test('nor for an account that has moved: the helper asks the user again', async t => {
    const first = await tokensFor(lab, 'contoso')
    await registry.connect('test', named('contoso'), northwindDirectory.id)
    t.match(await refresh(lab.url, first.body['refresh_token']), over)
    t.equal(await opens(lab, first.body, 'contoso-labs'), 200, 'the password stays')
    const second = await tokensFor(lab, 'contoso')
    t.equal(await opens(lab, second.body), 200)
  })
})

t.test('revocation ends the password, and the refresh token', async t => {
  const lab = await aLab(t)
  for (const which of ['access_token', 'refresh_token']) {
    const { body } = await tokensFor(lab, 'contoso')
    t.match(await revoke(lab, body[which], { token_type_hint: which }), { status: 200 })
    t.equal(await opens(lab, body), 401, which)
    t.match(await refresh(lab.url, body['refresh_token']), over, which)
  }
  const { body } = await tokensFor(lab, 'contoso')
  const { body: renewed } = await refresh(lab.url, body['refresh_token'])
  t.match(await revoke(lab, renewed['access_token'], { token_type_hint: 'refresh_token' }), { status: 200 })
  for (const each of [body, renewed]) t.equal(await opens(lab, each), 401, 'the one it replaced as well')

  const mine = await tokensFor(lab, 'contoso')
  const right = String(mine.body['access_token'])
  const typo = right.slice(0, -1) + (right.endsWith('x') ? 'y' : 'x')
  for (const token of ['', 'agp_x', typo, 'x'.repeat(9000)])
    t.ok([200, 400].includes((await revoke(lab, token)).status), 'nothing is said of a token that is unknown')
  await revoke(lab, mine.body['access_token'], { client_id: 'altgate' })
  t.equal(await opens(lab, mine.body), 200, 'another client cannot revoke it')
  t.strictSame(lab.bugs, [])
})

t.test('a password that was chosen or made on the page cannot be revoked here', async t => {
  const lab = await aLab(t)
  await tokensFor(lab, 'contoso')
  const made = lab.services.generated.make()
  await lab.services.registry.addPassword(
    'test',
    contoso,
    { username: anna },
    { id: made.id, mac: made.mac, name: 'build', readOnly: false },
  )
  t.match(await revoke(lab, made.password.reveal()), { status: 200 })
  t.equal(await lab.opens('contoso', anna, made.password.reveal()), 200)
})

t.test('the library writes nothing to the console, where the log is', async t => {
  const lab = await aLab(t)
  const written: unknown[] = []
  const { info, warn } = console
  t.teardown(() => void Object.assign(console, { info, warn }))
  const write = (...words: unknown[]) => void written.push(words)
  Object.assign(console, { info: write, warn: write })
  const { body } = await tokensFor(lab, 'contoso')
  const { body: renewed } = await refresh(lab.url, body['refresh_token'])
  await post(
    `${lab.url}/_altgate/oauth/device_authorization`,
    { client_id: gcm },
    { origin: 'https://x.example' },
  )
  await revoke(lab, renewed['refresh_token'])
  t.strictSame(written, [])
})
