// A user name passes to another person: what the former one gave by signing in never acts for the new one.
import { randomBytes } from 'node:crypto'
import t, { type Test } from 'tap'
import { people } from '../../src/demo/identity-pages.ts'
import { foldUsername } from '../../src/gateway/names.ts'
import { Browser, headingOf, type Seen } from './browser.ts'
import { aLab, choose, contoso, fillIn, generate, type Lab, operatorSets, toTheForm } from './lab.ts'

const secrets = { sealingKeys: [{ id: 'first', key: randomBytes(32).toString('base64') }] }
const annas = 'brave-otter-under-the-bridge'
const operators = 'quiet-heron-over-the-river'

async function signIn(lab: Lab, browser: Browser, account = 'contoso'): Promise<Seen> {
  const form = await toTheForm(lab, browser, account)
  const seen = headingOf(form.text).startsWith('Sign in to') ? await fillIn(browser, form) : form
  if (headingOf(seen.text) !== 'Permissions requested') return seen
  return await browser.send(seen, '/interaction/', { accept: 'yes' })
}

async function asks(lab: Lab, password: string) {
  const authorization = `Basic ${Buffer.from(`anna@example.com:${password}`).toString('base64')}`
  const before = lab.upstream.requests.length
  const answer = await fetch(`${lab.url}/contoso/x`, { headers: { authorization } })
  await answer.text()
  const bearer = lab.upstream.requests[before]?.values('authorization')[0]
  return { outcome: answer.headers.get('x-altgate-outcome') ?? 'allow', arrived: bearer !== undefined }
}

/** Anna is connected and has a password of her own. */
async function aConnectedUser(t: Test) {
  const lab = await aLab(t, { settings: { secrets, upstreamAuth: { method: 'delegated' } } })
  const browser = new Browser()
  const page = await signIn(lab, browser)
  await browser.send(page, '/credential', { ...generate, ...choose(annas) })
  t.strictSame(await asks(lab, annas), { outcome: 'allow', arrived: true })
  return { lab, browser }
}

t.test('a password that an operator sets for the new holder of the name acts as no one', async t => {
  const { lab } = await aConnectedUser(t)
  await operatorSets(lab, contoso, 'anna@example.com', operators)
  t.strictSame(await asks(lab, operators), { outcome: 'sign-in-needed', arrived: false })
  t.strictSame(await asks(lab, annas), { outcome: 'refused', arrived: false })

  await t.test('nor after the former holder has signed in again, without a word about it', async t => {
    const page = await signIn(lab, new Browser())
    t.match(page.text, 'A password has been set')
    t.match(page.text, 'Until then nothing acts as you with it.')
    t.strictSame(await asks(lab, operators), { outcome: 'sign-in-needed', arrived: false })
  })

  await t.test('nor can another person claim it', async t => {
    // The directory gives the address to another object id.
    const person = people.find(({ email }) => email === 'anna@example.com')
    t.ok(person)
    const { conditions } = lab.identity
    conditions.claims = claims => void (claims['oid'] = 'cccccccc-0000-4000-8000-00000000000c')
    const before = lab.failures.length
    const seen = await signIn(lab, new Browser())
    t.notMatch(seen.text, 'Acts as')
    t.ok(lab.failures.length > before, 'a token of another user is refused')
    conditions.claims = undefined
    t.strictSame(await asks(lab, operators), { outcome: 'sign-in-needed', arrived: false })
  })
})

t.test('the same person enters it once, and it acts as them', async t => {
  const { lab } = await aConnectedUser(t)
  await operatorSets(lab, contoso, 'anna@example.com', operators)
  const browser = new Browser()
  const page = await signIn(lab, browser)
  const wrong = await browser.send(page, '/claim', { current: annas })
  t.match(wrong.text, 'That is not the current password.')
  t.strictSame(await asks(lab, operators), { outcome: 'sign-in-needed', arrived: false })
  const claimed = await browser.send(page, '/claim', { current: operators })
  t.match(claimed.text, 'The credentials are now yours.')
  t.notMatch(claimed.text, 'A password has been set')
  t.strictSame(await asks(lab, operators), { outcome: 'allow', arrived: true })
  const again = await browser.send(page, '/claim', { current: operators })
  t.match(again.text, 'already yours')
})

t.test('or sets another one, and the operator’s counts no more', async t => {
  const { lab } = await aConnectedUser(t)
  await operatorSets(lab, contoso, 'anna@example.com', operators)
  const browser = new Browser()
  const page = await signIn(lab, browser)
  const own = 'red-badger-in-the-garden'
  t.equal((await browser.send(page, '/credential', { ...generate, ...choose(own) })).status, 200)
  t.strictSame(await asks(lab, own), { outcome: 'allow', arrived: true })
  t.strictSame(await asks(lab, operators), { outcome: 'refused', arrived: false })
})

t.test('a generated password that the former holder kept proves nothing about the new one', async t => {
  const { lab } = await aConnectedUser(t)
  const { registry, generated } = lab.services
  const { password, id, mac } = generated.make()
  const username = foldUsername('anna@example.com')
  await registry.addPassword('cli:root', contoso, { username }, { id, mac, name: 'laptop', readOnly: false })
  t.strictSame(await asks(lab, password.reveal()), { outcome: 'allow', arrived: true })
  await operatorSets(lab, contoso, 'anna@example.com', operators)
  t.strictSame(await asks(lab, password.reveal()), { outcome: 'sign-in-needed', arrived: false })
  const browser = new Browser()
  const page = await signIn(lab, browser)
  const seen = await browser.send(page, '/claim', { current: password.reveal() })
  t.match(seen.text, 'That is not the current password.')
  t.strictSame(await asks(lab, operators), { outcome: 'sign-in-needed', arrived: false })
})

t.test('owners are told when a sign-in begins to let requests act as them, and when that ends', async t => {
  const { lab, browser } = await aConnectedUser(t)
  const told = () => lab.notices.map(({ what }) => what)
  t.strictSame(told(), ['connected', 'set'])
  await signIn(lab, browser)
  t.strictSame(told(), ['connected', 'set'], 'one more sign-in connects no one')
  const page = await browser.go(lab.page('contoso'))
  await browser.send(page, '/disconnect')
  t.strictSame(told().slice(2), ['disconnected'])
  await signIn(lab, browser)
  t.strictSame(told().slice(3), ['connected'])
  lab.identity.conditions.refused.set('anna@example.com', 'invalid_grant')
  lab.identity.revoke('anna@example.com')
  const { registry, grants } = lab.services
  const [change] = lab.notices
  const owner = (await registry.credentials(contoso))[0]?.owner
  if (owner === undefined) return t.fail('there is no owner')
  await registry.endGrant('identity-provider', { scope: contoso, owner }, 'refused')
  t.strictSame(told().slice(4), ['sign-in-ended'])
  t.equal(await registry.endGrant('identity-provider', { scope: contoso, owner }, 'refused'), undefined)
  t.equal(told().length, 5, 'once')
  lab.identity.conditions.refused.clear()
  await signIn(lab, new Browser())
  const grant = await grants.of(contoso, owner)
  if (grant === undefined) return t.fail('there is no grant')
  await registry.refuseGrant('liveness', grant)
  t.strictSame(told().slice(5), ['connected', 'disabled-by-liveness'])
  t.match(lab.notices.at(-1), { ...change, what: 'disabled-by-liveness', at: Number })
})
