import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createHmac, generateKeyPairSync, randomUUID, sign } from 'node:crypto'
import t, { type Test } from 'tap'
import { foldUsername, msaScope, type Owner } from '../../src/gateway/names.ts'
import { Browser, formIn, headingOf, posting } from './browser.ts'
import { aLab, choose, client, contoso, generate, named, northwind, type Lab } from './lab.ts'

type Respond = (request: IncomingMessage, response: ServerResponse, issuer: string) => void

/** A provider that says what a test wants it to say; gives its issuer. */
async function provider(
  t: Test,
  respond: Respond,
): Promise<{ readonly issuer: string; readonly server: Server }> {
  const server = createServer((request, response) => respond(request, response, issuer)).listen(
    0,
    '127.0.0.1',
  )
  await once(server, 'listening')
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v2.0`
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return { issuer, server }
}

/** A lab whose Contoso signs in at that issuer. `patience`: seconds, short where no answer comes. */
async function labAt(t: Test, issuer: string, patience = 30): Promise<Lab> {
  const directories = { [contoso]: { ...client, issuer } }
  return await aLab(t, { signIn: { directories }, providerTimeoutSeconds: patience })
}

type Token = (claims: Readonly<Record<string, unknown>>) => object

/** The same at a provider that is well but for the tokens: `gives` says what they are from now on. */
async function labWithTokens(
  t: Test,
): Promise<{ readonly lab: Lab; readonly gives: (token: Token) => void }> {
  let token: Token = () => ({})
  const { issuer } = await provider(
    t,
    honestBut(claims => token(claims)),
  )
  return { lab: await labAt(t, issuer), gives: next => void (token = next) }
}

const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })

/** A provider that is well but for the token that it gives. */
function honestBut(token: Token): Respond {
  let nonce = ''
  return (request, response, issuer) => {
    const url = new URL(request.url ?? '', issuer)
    const json = (body: object) =>
      response.setHeader('content-type', 'application/json').end(JSON.stringify(body))
    if (url.pathname.endsWith('/openid-configuration')) return json(metadata(issuer))
    if (url.pathname === '/keys')
      return json({ keys: [{ ...publicKey.export({ format: 'jwk' }), kid: 'k', alg: 'RS256', use: 'sig' }] })
    if (url.pathname === '/authorize') {
      nonce = url.searchParams.get('nonce') ?? ''
      const back = new URL(url.searchParams.get('redirect_uri') ?? '')
      back.search = new URLSearchParams({ code: 'c', state: url.searchParams.get('state') ?? '' }).toString()
      return response.writeHead(302, { location: back.href }).end()
    }
    const now = Math.floor(Date.now() / 1000)
    const claims = {
      iss: issuer,
      aud: client.clientId,
      sub: 'sub-of-anna',
      oid: '11111111-2222-4333-8444-555555555555',
      tid: contoso,
      preferred_username: 'anna@example.com',
      nonce,
      iat: now,
      exp: now + 300,
    }
    json({ access_token: 'a', token_type: 'Bearer', ...token(claims) })
  }
}

function metadata(issuer: string) {
  const origin = new URL(issuer).origin
  return {
    issuer,
    authorization_endpoint: `${origin}/authorize`,
    token_endpoint: `${origin}/token`,
    jwks_uri: `${origin}/keys`,
    response_types_supported: ['code'],
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: ['RS256'],
  }
}

function signed(claims: object, header: object = { alg: 'RS256', kid: 'k' }): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const text = `${part(header)}.${part(claims)}`
  return `${text}.${sign('sha256', Buffer.from(text), privateKey).toString('base64url')}`
}

async function signInThere(
  lab: Lab,
): Promise<{ status: number; heading: string; text: string; browser: Browser }> {
  const browser = new Browser()
  const { status, text } = await browser.go(`${lab.url}/_altgate/sign-in?account=contoso`)
  return { status, text, heading: headingOf(text), browser }
}

t.test('a provider that is well lets the person in, so what follows is no accident', async t => {
  const { issuer } = await provider(
    t,
    honestBut(claims => ({ id_token: signed(claims) })),
  )
  const { status, heading } = await signInThere(await labAt(t, issuer))
  t.equal(status, 200)
  t.equal(heading, 'Alternate credentials for Contoso')
})

t.test('a provider that takes a code twice starts one session all the same', async t => {
  const { issuer } = await provider(
    t,
    honestBut(claims => ({ id_token: signed(claims) })),
  )
  const lab = await labAt(t, issuer)
  const other = await lab.another()
  const browser = new Browser()
  const away = await browser.ask(`${lab.url}/_altgate/sign-in?account=contoso`)
  const back = new URL((await browser.ask(away.headers.get('location') ?? '')).headers.get('location') ?? '')
  const kept = browser.cookies('127.0.0.1')
  t.equal((await browser.ask(back.href)).status, 303)
  for (const gateway of [lab.url, other]) {
    const thief = new Browser()
    for (const [name, value] of kept) thief.plant('127.0.0.1', name, value)
    const seen = await thief.ask(gateway + back.pathname + back.search)
    t.equal(headingOf(seen.text), 'This sign-in cannot be completed')
    t.equal(thief.cookie('127.0.0.1', 'altgate'), undefined)
  }
})

t.test('the page says whether a provider is unreachable, slow, or returns nonsense', async t => {
  const broken: readonly (readonly [string, 502 | 504, Respond])[] = [
    ['never answers', 504, () => {}],
    [
      'begins and stops',
      504,
      (_, response) => void response.writeHead(200, { 'content-type': 'application/json' }).write('{'),
    ],
    ['hangs up', 502, request => void request.destroy()],
    [
      'a page for people',
      502,
      (_, response) => void response.setHeader('content-type', 'text/html').end('<h1>hello'),
    ],
    [
      'broken JSON',
      502,
      (_, response) => void response.setHeader('content-type', 'application/json').end('{"issuer":'),
    ],
    ['an error', 502, (_, response) => void response.writeHead(500).end('canary-7f3a')],
    [
      'another issuer',
      502,
      (_, response) =>
        void response
          .setHeader('content-type', 'application/json')
          .end(JSON.stringify(metadata('https://evil.example/v2.0'))),
    ],
    [
      'a redirect',
      502,
      (_, response) => void response.writeHead(302, { location: 'https://evil.example/' }).end(),
    ],
  ]
  let respond: Respond = () => {}
  const { issuer } = await provider(t, (...asked) => respond(...asked))
  const labs = { 504: await labAt(t, issuer, 0.5), 502: await labAt(t, issuer) }
  for (const [what, expected, responds] of broken) {
    respond = responds
    const lab = labs[expected]
    const told = lab.failures.length
    const seen = await new Browser().ask(`${lab.url}/_altgate/sign-in?account=contoso`)
    t.equal(seen.status, expected, what)
    t.equal(headingOf(seen.text), 'Sign-in is temporarily unavailable')
    t.match(seen.text, seen.headers.get('x-request-id') ?? 'no id', 'with a reference')
    t.notMatch(seen.text, /canary|evil/)
    t.equal(lab.failures.length, told + 1, 'and the operator is told')
    t.equal(lab.bugs.length, 0)
  }
})

t.test('a provider that comes back is used again', async t => {
  const { issuer, server } = await provider(
    t,
    honestBut(claims => ({ id_token: signed(claims) })),
  )
  const lab = await labAt(t, issuer)
  const port = Number(new URL(issuer).port)
  await new Promise(resolve => server.close(resolve))
  t.equal((await signInThere(lab)).status, 502)
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  t.equal((await signInThere(lab)).status, 200)
})

t.test('a token other than the requested one is refused', async t => {
  const wrong: readonly (readonly [string, Token])[] = [
    ['none', () => ({})],
    ['garbage', () => ({ id_token: 'a.b.c' })],
    ['of another issuer', claims => ({ id_token: signed({ ...claims, iss: 'https://evil.example' }) })],
    ['for another client', claims => ({ id_token: signed({ ...claims, aud: 'somebody-else' }) })],
    ['for another sign-in', claims => ({ id_token: signed({ ...claims, nonce: 'another' }) })],
    ['without a nonce', claims => ({ id_token: signed({ ...claims, nonce: undefined }) })],
    ['of yesterday', claims => ({ id_token: signed({ ...claims, exp: 1_000_000_000 }) })],
    [
      'without a signature',
      claims => ({ id_token: `${signed(claims, { alg: 'none' }).split('.').slice(0, 2).join('.')}.` }),
    ],
    ['without a person', claims => ({ id_token: signed({ ...claims, oid: undefined }) })],
    ['with an empty person', claims => ({ id_token: signed({ ...claims, oid: '' }) })],
  ]
  const { lab, gives } = await labWithTokens(t)
  for (const [what, token] of wrong) {
    gives(token)
    const { status, browser } = await signInThere(lab)
    t.equal(status, 502, what)
    t.equal(browser.cookie('127.0.0.1', 'altgate'), undefined, what)
  }
})

t.test('a clock that is five minutes off, the provider’s or ours, does not prevent signing in', async t => {
  const now = () => Math.floor(Date.now() / 1000)
  const times: readonly (readonly [string, number, () => object])[] = [
    ['the provider is ahead', 200, () => ({ iat: now() + 300, nbf: now() + 300, exp: now() + 3900 })],
    ['the provider is behind', 200, () => ({ iat: now() - 600, nbf: now() - 600, exp: now() - 300 })],
    ['an hour ahead', 502, () => ({ nbf: now() + 3600, exp: now() + 7200 })],
    ['an hour behind', 502, () => ({ exp: now() - 3600 })],
  ]
  const { lab, gives } = await labWithTokens(t)
  for (const [what, expected, claimed] of times) {
    gives(claims => ({ id_token: signed({ ...claims, ...claimed() }) }))
    t.equal((await signInThere(lab)).status, expected, what)
  }
})

t.test('the directory in the token decides, whatever the address of the person is', async t => {
  const { lab, gives } = await labWithTokens(t)
  for (const tid of [northwind, '9188040d-6c67-4c5b-b112-36a304b66dad', undefined, 7, [contoso]]) {
    gives(claims => ({ id_token: signed({ ...claims, tid }) }))
    const { status, heading, browser } = await signInThere(lab)
    t.equal(status, 403, String(tid))
    t.equal(heading, 'You signed in with a different account')
    t.equal(browser.cookie('127.0.0.1', 'altgate'), undefined)
  }
})

t.test('an address that can be no user name is not made one', async t => {
  const names = [
    'anna',
    'a:b@example.com',
    'a@b@c',
    'an na@example.com',
    '',
    7,
    'a\u0000@example.com',
    `${'a'.repeat(400)}@x`,
  ]
  const { lab, gives } = await labWithTokens(t)
  for (const preferred_username of names) {
    gives(claims => ({ id_token: signed({ ...claims, preferred_username }) }))
    const { status, text } = await signInThere(lab)
    t.equal(status, 200)
    t.match(text, 'Your operator must set the password', String(preferred_username).slice(0, 20))
    t.notMatch(text, 'action="/_altgate/credential"')
  }
})

t.test('who has no user name any more can still revoke passwords', async t => {
  const oid = '11111111-2222-4333-8444-555555555555'
  const { issuer } = await provider(
    t,
    honestBut(claims => ({ id_token: signed({ ...claims, preferred_username: 'none' }) })),
  )
  const lab = await labAt(t, issuer)
  const { registry, generated } = lab.services
  const username = foldUsername('anna@example.com')
  const { password, ...proof } = generated.make()
  const whose = { username, owner: oid as Owner }
  await registry.addPassword('test', contoso, whose, { ...proof, name: 'build-7', readOnly: false })
  t.equal(await lab.opens('contoso', username, password.reveal()), 200)
  const { browser, text } = await signInThere(lab)
  t.notMatch(text, 'action="/_altgate/password"')
  const seen = { text, status: 200, headers: new Headers(), url: lab.page('contoso') }
  t.match((await browser.send(seen, '/revoke')).text, 'Revoked everywhere.')
  t.equal(await lab.opens('contoso', username, password.reveal()), 401)
})

t.test('a token that the provider has not signed is refused', async t => {
  const foreignKey = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const forgeries: Readonly<Record<string, (claims: object) => string>> = {
    'signed with another key': claims => {
      const text = `${part({ alg: 'RS256', kid: 'k' })}.${part(claims)}`
      return `${text}.${sign('sha256', Buffer.from(text), foreignKey).toString('base64url')}`
    },
    'changed after it was signed': claims => {
      const [header, , signature] = signed(claims).split('.')
      return `${header}.${part({ ...claims, oid: 'somebody-else' })}.${signature}`
    },
    'not signed': claims => `${part({ alg: 'none' })}.${part(claims)}.`,
    'signed with the secret of the client': claims => {
      const text = `${part({ alg: 'HS256' })}.${part(claims)}`
      return `${text}.${createHmac('sha256', client.clientSecret.reveal()).update(text).digest('base64url')}`
    },
  }
  const { lab, gives } = await labWithTokens(t)
  for (const [how, forge] of Object.entries(forgeries)) {
    gives(claims => ({ id_token: forge(claims) }))
    const { status, heading, browser } = await signInThere(lab)
    t.equal(status, 502, how)
    t.equal(heading, 'Sign-in is temporarily unavailable', how)
    t.equal(browser.cookie('127.0.0.1', 'altgate'), undefined, how)
  }
})

t.test('a user name is what the authority vouches for, and nothing else', async t => {
  const ceo = 'ceo@fabrikam.example'
  const { lab, gives } = await labWithTokens(t)
  const { registry } = lab.services
  for (const [claims, expected] of [
    [{ preferred_username: 'mallory', email: ceo, email_verified: false }, undefined],
    [{ preferred_username: 'mallory', email: ceo }, undefined],
    [{ preferred_username: 'mallory', email: ceo, email_verified: 'false', xms_edov: 0 }, undefined],
    [{ preferred_username: undefined, email: ceo, xms_edov: false }, undefined],
    [{ preferred_username: 'mallory@contoso.example', email: ceo }, 'mallory@contoso.example'],
    [
      { preferred_username: 'mallory@contoso.example', email: ceo, email_verified: true },
      'mallory@contoso.example',
    ],
    [{ preferred_username: ceo, idp: 'https://sts.windows.net/elsewhere/' }, undefined],
    [{ preferred_username: ceo, idp: 'live.com', email: ceo, email_verified: false }, undefined],
    [{ preferred_username: ceo, idp: 'live.com', email: ceo, xms_edov: true }, ceo],
    [{ preferred_username: ceo, acct: 1 }, undefined],
    [{ preferred_username: ceo, acct: '1' }, undefined],
    [{ preferred_username: ceo, acct: 1, email: ceo, email_verified: false }, undefined],
    [{ preferred_username: ceo, acct: 1, email: ceo, xms_edov: true }, ceo],
    [{ preferred_username: ceo, acct: 2 }, undefined],
    [{ preferred_username: ceo, acct: 0, idp: 'live.com' }, undefined],
    [{ preferred_username: 'mallory@contoso.example', acct: 0, email: ceo }, 'mallory@contoso.example'],
    [{ preferred_username: 'mallory@contoso.example', acct: '0' }, 'mallory@contoso.example'],
    [{ upn: 'mallory@contoso.example', preferred_username: ceo, email: ceo }, 'mallory@contoso.example'],
    [
      { upn: 'mal_fabrikam.example#EXT#@contoso.example', preferred_username: ceo, idp: 'live.com' },
      'mal_fabrikam.example#ext#@contoso.example',
    ],
    [{ preferred_username: 'mallory', email: ceo, email_verified: true }, ceo],
    [{ preferred_username: 'mallory', email: ceo, xms_edov: 1 }, ceo],
    [{ preferred_username: 'mallory', email: [ceo], email_verified: true }, undefined],
  ] as const) {
    // Another person each time, and nothing is left of the one before.
    const oid = randomUUID()
    gives(honest => ({ id_token: signed({ ...honest, oid, ...claims }) }))
    await registry.addMembers('test', named('contoso'), contoso, [foldUsername(ceo)])
    const browser = new Browser()
    const page = await browser.go(`${lab.url}/_altgate/sign-in?account=contoso`)
    if (page.text.includes('action="/_altgate/credential"')) await browser.send(page, '/credential', generate)
    const [credential] = await registry.credentials(contoso)
    t.equal(credential?.username, expected, JSON.stringify(claims))
    const [member] = await registry.members(named('contoso'))
    t.equal(member?.waiting, expected !== ceo, 'a membership waits for a name that is vouched for')
    if (credential !== undefined) await registry.removeCredential('test', contoso, credential.username)
    await registry.removeMembers('test', named('contoso'), [foldUsername(ceo)])
    t.strictSame([await registry.credentials(contoso), await registry.members(named('contoso'))], [[], []])
  }
})

t.test('of a Microsoft account only a verified address is a name', async t => {
  const microsoft = '9188040d-6c67-4c5b-b112-36a304b66dad'
  const ceo = 'ceo@fabrikam.example'
  let token: Token = () => ({})
  const { issuer } = await provider(
    t,
    honestBut(claims => token(claims)),
  )
  const lab = await aLab(t, { signIn: { msa: { ...client, issuer } } })
  for (const [claims, expected] of [
    [{ preferred_username: ceo, email: ceo }, undefined],
    [{ upn: ceo, preferred_username: ceo, email: ceo, email_verified: false }, undefined],
    [{ preferred_username: 'other@example.com', email: ceo, email_verified: true }, ceo],
    [{ preferred_username: 'other@example.com', email: ceo, xms_edov: '1' }, ceo],
  ] as const) {
    const sub = randomUUID()
    token = honest => ({ id_token: signed({ ...honest, oid: sub, sub, tid: microsoft, ...claims }) })
    const browser = new Browser()
    const page = await browser.go(`${lab.url}/_altgate/sign-in?account=fabrikam`)
    t.equal(page.status, 200)
    if (page.text.includes('action="/_altgate/credential"')) await browser.send(page, '/credential', generate)
    const [credential] = await lab.services.registry.credentials(msaScope)
    t.equal(credential?.username, expected, JSON.stringify(claims))
    if (credential !== undefined)
      await lab.services.registry.removeCredential('test', msaScope, credential.username)
  }
})

t.test('two users with one name are both told, and neither gets the other’s credential', async t => {
  let oid = '11111111-2222-4333-8444-555555555555'
  const { issuer } = await provider(
    t,
    honestBut(claims => ({ id_token: signed({ ...claims, oid }) })),
  )
  const lab = await labAt(t, issuer)
  const signedIn = async () => {
    const browser = new Browser()
    return { browser, page: await browser.go(`${lab.url}/_altgate/sign-in?account=contoso`) }
  }
  const owner = await signedIn()
  await owner.browser.send(owner.page, '/credential', choose('the password of the first'))
  t.notMatch((await signedIn()).page.text, 'under your user name', 'one person, twice, is no two')

  oid = '99999999-2222-4333-8444-555555555555'
  const other = await signedIn()
  t.match(other.page.text, 'Your user name is taken')
  for (const form of ['credential', 'claim']) t.notMatch(other.page.text, `action="/_altgate/${form}"`)
  t.match(lab.notices.at(-1), { what: 'contested', username: 'anna@example.com', scope: contoso })

  // The forms, sent nevertheless: not even whether the password is right is told.
  const { hidden } = formIn(other.page.text, '/sign-out')
  const answers = []
  for (const current of ['the password of the first', 'a wrong one']) {
    const claimed = posting({ ...hidden, account: 'contoso', current })
    const { status, text } = await other.browser.ask(`${lab.url}/_altgate/claim`, claimed)
    answers.push([status, text.replace(/[0-9a-f]{24}/g, '')])
  }
  t.equal(answers[0]?.[0], 409)
  t.strictSame(answers[0], answers[1])
  const set = posting({ ...hidden, ...generate, account: 'contoso', seen: '0' })
  t.equal((await other.browser.ask(`${lab.url}/_altgate/credential`, set)).status, 409)

  const again = await owner.browser.go(lab.page('contoso'))
  t.match(again.text, 'Another person signed in with your user name')
  t.equal(await lab.opens('contoso', 'anna@example.com', 'the password of the first'), 200)
})

t.test('nothing that a provider repeats gets into the log', async t => {
  const secret = 'canary-of-the-provider'
  const answers: readonly Respond[] = [
    (_, response) =>
      response
        .writeHead(400, { 'content-type': 'application/json' })
        .end(JSON.stringify({ error: secret, error_description: secret, error_uri: secret })),
    (_, response) => response.setHeader('content-type', 'application/json').end(secret),
    (_, response) => response.setHeader('content-type', 'application/json').end(`"${secret}`),
    (_, response) =>
      response
        .writeHead(401, { 'www-authenticate': `Bearer error="${secret}", realm="${secret}"` })
        .end(secret),
    (_, response) => response.writeHead(307, { location: `http://127.0.0.1:1/${secret}` }).end(),
  ]
  const honest = honestBut(() => ({}))
  let answer = honest
  const { issuer } = await provider(t, (request, response, issuer) =>
    (request.url === '/token' ? answer : honest)(request, response, issuer),
  )
  const lab = await labAt(t, issuer)
  for (const [at, each] of answers.entries()) {
    answer = each
    t.equal((await signInThere(lab)).status, 502)
    t.equal(lab.failures.length, at + 1)
    t.notMatch(lab.failures[at]?.detail, 'canary')
  }
})

t.test('what a browser returns with gets into the log as a code at most', async t => {
  const { issuer } = await provider(
    t,
    honestBut(() => ({})),
  )
  const lab = await labAt(t, issuer)
  const browser = new Browser()
  const away = await browser.ask(`${lab.url}/_altgate/sign-in?account=contoso`)
  const state = new URL(away.headers.get('location') ?? '').searchParams.get('state') ?? ''
  const query = new URLSearchParams({ error: 'invalid_scope', error_description: 'canary', state })
  await browser.ask(`${lab.url}/_altgate/callback?${query.toString()}`)
  t.match(lab.failures[0]?.detail, 'invalid_scope')
  t.notMatch(lab.failures[0]?.detail, 'canary')
})
