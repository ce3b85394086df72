import t from 'tap'
import { foldUsername } from '../../src/gateway/names.ts'
import { Browser } from '../self-service/browser.ts'
import { aLab, contoso, type Lab } from '../self-service/lab.ts'
import { authorizeAt, codeFor, exchange, leadsTo, openSignedIn, post, refresh, tokensFor } from './helper.ts'

const anna = 'anna@example.com'

/** The passwords of Anna's set. */
function passwordsOf(lab: Lab) {
  return lab.services.registry.passwords(contoso, foldUsername(anna))
}

const ascending = (one = '', other = '') => one.localeCompare(other)

const opens = (lab: Lab, body: Readonly<Record<string, unknown>>, account = 'contoso') =>
  lab.opens(account, anna, String(body['access_token']))

t.test('a helper gets a password of the set, and renews it', async t => {
  const lab = await aLab(t)
  const first = await tokensFor(lab, 'contoso')
  t.match(first, {
    status: 200,
    body: { access_token: /^agp_/, token_type: 'Bearer', refresh_token: /./, username: anna },
  })
  const days = Number(first.body['expires_in']) / 86_400
  t.ok(days > 89 && days <= 90, `${days} days`)
  t.equal(first.body['id_token'], undefined)
  t.equal(first.headers.get('cache-control'), 'no-store')
  t.equal(await opens(lab, first.body), 200)
  t.equal(await opens(lab, first.body, 'contoso-labs'), 200)
  t.equal(await opens(lab, first.body, 'northwind'), 401, 'only where the set works')
  t.match(await passwordsOf(lab), [
    { name: 'laptop of anna', client: 'Git Credential Manager', readOnly: false },
  ])

  const second = await refresh(lab.url, first.body['refresh_token'])
  t.match(second, { status: 200, body: { access_token: /^agp_/, refresh_token: /./, username: anna } })
  t.not(second.body['access_token'], first.body['access_token'])
  t.not(second.body['refresh_token'], first.body['refresh_token'])
  for (const { body } of [first, second])
    t.equal(await opens(lab, body), 200, 'the old one is good while transfers go on')
  const names = (await passwordsOf(lab)).map(({ name, replacedAt }) => `${name} ${replacedAt !== undefined}`)
  t.strictSame(names.toSorted(ascending), ['laptop of anna false', 'laptop of anna true'])
})

t.test('the user is asked every time, and may say no', async t => {
  const lab = await aLab(t)
  const browser = new Browser()
  for (let time = 0; time < 2; time += 1) {
    const asked = authorizeAt(lab.url, 'contoso')
    const page = await openSignedIn(browser, asked.url)
    t.match(page.text, /Allow Git Credential Manager to use git as you\?/)
    t.match(page.text, /Contoso/)
    t.match(page.text, anna)
    const back = leadsTo(await browser.send(page, '/oauth/consent', { answer: 'no', name: 'x' }))
    t.equal(back.searchParams.get('error'), 'access_denied')
    t.equal(back.searchParams.get('state'), asked.state)
    t.equal(back.searchParams.get('iss'), lab.url, 'RFC 9207')
  }
  await codeFor(lab, authorizeAt(lab.url, 'contoso'), 'anna', browser)
  t.match((await browser.go(authorizeAt(lab.url, 'contoso').url)).text, /Allow Git Credential Manager/)
  t.strictSame(await passwordsOf(lab), [], 'nothing is made before a helper fetches it')
})

t.test('a question is answered once, by the user who was asked, with the token of the page', async t => {
  const lab = await aLab(t)
  const [anna, ben] = [new Browser(), new Browser()]
  const page = await openSignedIn(anna, authorizeAt(lab.url, 'northwind').url)
  const other = await openSignedIn(ben, authorizeAt(lab.url, 'northwind').url, 'ben')
  const agree = { answer: 'yes', name: 'laptop' }
  const uid = /name="uid" value="([^"]+)"/.exec(page.text)?.[1] ?? ''
  t.match(await ben.send(other, '/oauth/consent', { ...agree, uid }), { status: 409 })
  t.match(await anna.send(page, '/oauth/consent', { ...agree, csrf: 'x' }), { status: 403 })
  t.match(await anna.send(page, '/oauth/consent', { ...agree, answer: 'perhaps' }), { status: 400 })
  t.match(await anna.send(page, '/oauth/consent', { ...agree, name: ' ' }), { status: 422 })
  t.match(await anna.send(page, '/oauth/consent', agree), { status: 200 })
  t.match(await anna.send(page, '/oauth/consent', agree), { status: 409 })
  lab.pass(20)
  const stale = await anna.send(page, '/oauth/consent', agree)
  t.notOk(stale.text.includes('http-equiv="refresh"'), 'a sign-in that is not recent agrees to nothing')
})

t.test('a code works once, with its verifier, for its client and address', async t => {
  const lab = await aLab(t)
  const asked = authorizeAt(lab.url, 'contoso')
  const browser = new Browser()
  const code = await codeFor(lab, asked, 'anna', browser)
  const wrong = [
    { ...asked, verifier: 'x'.repeat(43) },
    { ...asked, redirectUri: 'http://127.0.0.1:1/' },
  ]
  for (const each of wrong)
    t.match(await exchange(lab.url, each, code), { status: 400, body: { error: 'invalid_grant' } })
  t.match(await exchange(lab.url, asked, code, 'altgate'), { body: { error: 'invalid_grant' } })
  t.match(await exchange(lab.url, asked, code, 'no-such-client'), {
    status: 401,
    body: { error: 'invalid_client' },
  })
  const first = await exchange(lab.url, asked, code)
  t.equal(first.status, 200)
  t.equal(await opens(lab, first.body), 200)
  t.match(await exchange(lab.url, asked, code), { status: 400, body: { error: 'invalid_grant' } })
  t.equal(await opens(lab, first.body), 401, 'a code that is used twice was stolen: what it gave ends')
  t.match(await refresh(lab.url, first.body['refresh_token']), { body: { error: 'invalid_grant' } })
})

t.test('of many who exchange one code at once, at two gateways, one gets a password', async t => {
  const lab = await aLab(t)
  const other = await lab.another()
  const asked = authorizeAt(lab.url, 'contoso')
  const code = await codeFor(lab, asked)
  const all = await Promise.all([lab.url, other, lab.url, other].map(url => exchange(url, asked, code)))
  t.ok(all.filter(({ status }) => status === 200).length <= 1)
  t.ok(all.every(({ status, body }) => status === 200 || body['error'] === 'invalid_grant'))
})

t.test('an authorization request that is not valid', async t => {
  const lab = await aLab(t)
  const browser = new Browser()
  await openSignedIn(browser, authorizeAt(lab.url, 'contoso').url)
  const shown = [
    { client_id: 'somebody' },
    { client_id: undefined },
    { redirect_uri: 'https://evil.example/' },
    { redirect_uri: 'http://127.0.0.1.evil.example/' },
    { redirect_uri: 'http://127.0.0.1@evil.example/' },
    { redirect_uri: 'http://10.0.0.1:49321/' },
    { redirect_uri: 'http://127.0.0.1:49321/other' },
    { redirect_uri: 'https://127.0.0.1:49321/' },
    { redirect_uri: undefined },
  ]
  for (const fields of shown) {
    const seen = await browser.go(authorizeAt(lab.url, 'contoso', fields).url)
    t.match(seen, { status: 400, text: /This request is not valid/ }, JSON.stringify(fields))
  }
  const told = [
    [{ code_challenge: undefined, code_challenge_method: undefined }, 'invalid_request'],
    [{ code_challenge_method: 'plain' }, 'invalid_request'],
    [{ code_challenge_method: undefined }, 'invalid_request'],
    [{ response_type: 'token' }, 'unsupported_response_type'],
    [{ response_type: 'code id_token' }, 'unsupported_response_type'],
  ] as const
  for (const [fields, error] of told) {
    const seen = await browser.ask(authorizeAt(lab.url, 'contoso', fields).url)
    t.equal(seen.status, 303, JSON.stringify(fields))
    const back = new URL(seen.headers.get('location') ?? '')
    t.equal(back.origin, 'http://127.0.0.1:49321')
    t.equal(back.searchParams.get('error') ?? new URLSearchParams(back.hash.slice(1)).get('error'), error)
  }
  const twice = `${authorizeAt(lab.url, 'contoso').url}&redirect_uri=http%3A%2F%2F127.0.0.1%2F`
  t.equal((await browser.go(twice)).status, 400)
})

t.test('loopback addresses work on every port, with and without a slash', async t => {
  const lab = await aLab(t)
  const browser = new Browser()
  await openSignedIn(browser, authorizeAt(lab.url, 'contoso').url)
  const uris = ['http://127.0.0.1:1', 'http://localhost:65535/', 'http://[::1]:8080', 'http://localhost']
  for (const redirect_uri of uris) {
    const asked = authorizeAt(lab.url, 'contoso', { redirect_uri })
    const code = await codeFor(lab, asked, 'anna', browser)
    t.equal((await exchange(lab.url, asked, code)).status, 200, redirect_uri)
  }
  const names = (await passwordsOf(lab)).map(({ name }) => name)
  t.strictSame(
    names.toSorted(ascending),
    [1, 2, 3, 4].map(at => `laptop of anna${at === 1 ? '' : ` ${at}`}`),
  )
})

t.test('endpoints answer in JSON whatever is sent', async t => {
  const lab = await aLab(t)
  const at = (name: string) => `${lab.url}/_altgate/oauth/${name}`
  const bad = [
    '',
    'grant_type=password&username=anna&password=x&client_id=altgate',
    'grant_type=client_credentials&client_id=altgate',
    'grant_type=refresh_token&client_id=altgate',
    'grant_type=refresh_token&refresh_token=x',
    'grant_type=refresh_token&refresh_token=x&refresh_token=y&client_id=altgate',
    'grant_type=refresh_token&refresh_token=%FF&client_id=altgate',
    'grant_type=__proto__&client_id=altgate',
    'grant_type=constructor&code=x&client_id=altgate',
    `grant_type=authorization_code&code=${'x'.repeat(10_000)}&client_id=altgate`,
  ]
  for (const body of bad) {
    const answer = await post(at('token'), body)
    t.ok(answer.status >= 400 && answer.status < 500, `${answer.status} for ${body.slice(0, 60)}`)
    t.type(answer.body['error'], 'string')
  }
  t.match(await post(at('token'), 'x='.padEnd(20_000, 'x')), { status: 413 })
  const json = await post(at('token'), '{}', { 'content-type': 'application/json' })
  t.match(json, { status: 415, body: { error: 'invalid_request' } })
  const got = await fetch(at('token'))
  t.match([got.status, got.headers.get('allow')], [405, 'POST'])
  await got.text()
  for (const name of ['userinfo', 'me', 'jwks', 'introspect', 'reg', 'session/end', 'token/introspection'])
    t.equal((await fetch(at(name))).status, 404, name)
  t.strictSame(lab.bugs, [])
})
