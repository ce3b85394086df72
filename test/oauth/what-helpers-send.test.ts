import { createHash, randomBytes } from 'node:crypto'
import t from 'tap'
import { Browser } from '../self-service/browser.ts'
import { aLab, fillIn, type Lab } from '../self-service/lab.ts'
import { type Answered, deviceGrant, leadsTo, linkIn, openSignedIn, post } from './helper.ts'

const anna = 'anna@example.com'

/** Agrees on the page that a helper has opened; gives the address that the helper's own server is asked for. */
async function agree(address: string): Promise<URL> {
  const browser = new Browser()
  const page = await openSignedIn(browser, address)
  return leadsTo(await browser.send(page, '/oauth/consent', { answer: 'yes', name: 'laptop' }))
}

async function works(lab: Lab, { body }: Answered): Promise<boolean> {
  return (await lab.opens('contoso', String(body['username']), String(body['access_token']))) === 200
}

/**
 * Git Credential Manager, src/shared/Core/Authentication/OAuth/OAuth2Client.cs: `UriBuilder.Query` replaces the query of the
 * setting, the secret is sent empty, and `redirect_uri` is `Uri.ToString()`, also with a refresh token.
 */
t.test('Git Credential Manager', async t => {
  const lab = await aLab(t)
  const accept = { accept: 'application/json' }
  const endpoint = `${lab.url}/_altgate/oauth/token`
  const verifier = randomBytes(96).toString('base64url')
  const redirectUri = 'http://127.0.0.1:37805/'
  const client = { client_id: 'git-credential-manager', client_secret: '' }

  await t.test('by the browser, and by the refresh token when git has erased the password', async t => {
    const query = new URLSearchParams({
      response_type: 'code',
      client_id: 'git-credential-manager',
      state: randomBytes(16).toString('hex'),
      code_challenge_method: 'S256',
      code_challenge: createHash('sha256').update(verifier).digest('base64url'),
      redirect_uri: redirectUri,
    })
    const back = await agree(`${lab.url}/_altgate/oauth/authorize/contoso?${query.toString()}`)
    t.equal(back.origin, 'http://127.0.0.1:37805')
    t.equal(back.searchParams.get('state'), query.get('state'))
    const code = back.searchParams.get('code') ?? ''
    const got = await post(
      endpoint,
      {
        grant_type: 'authorization_code',
        code,
        code_verifier: verifier,
        ...client,
        redirect_uri: redirectUri,
      },
      accept,
    )
    t.equal(got.status, 200)
    t.equal(await works(lab, got), true)
    const renewed = await post(
      endpoint,
      {
        grant_type: 'refresh_token',
        refresh_token: String(got.body['refresh_token']),
        ...client,
        redirect_uri: redirectUri,
      },
      accept,
    )
    t.equal(renewed.status, 200)
    t.not(renewed.body['refresh_token'], got.body['refresh_token'])
    t.equal(await works(lab, renewed), true)
  })

  await t.test('by a code for another device', async t => {
    const asked = await post(
      `${lab.url}/_altgate/oauth/device_authorization/contoso`,
      { client_id: 'git-credential-manager' },
      accept,
    )
    t.match(asked, { status: 200, body: { expires_in: Number, interval: Number, verification_uri: /^http/ } })
    const poll = () =>
      post(
        endpoint,
        {
          grant_type: deviceGrant,
          device_code: String(asked.body['device_code']),
          client_id: 'git-credential-manager',
        },
        accept,
      )
    t.match((await poll()).body, { error: 'authorization_pending' })
    const browser = new Browser()
    const page = await openSignedIn(browser, String(asked.body['verification_uri_complete']))
    await browser.send(page, '/_altgate/device', { answer: 'yes', name: 'headless' })
    t.equal(await works(lab, await poll()), true)
  })
})

/**
 * git-credential-oauth, main.go, and Go's golang.org/x/oauth2: `redirect_uri` without a slash, the client id first in an
 * Authorization header with an empty secret, then in the form; `oauthScopes` as one text.
 */
t.test('git-credential-oauth', async t => {
  const lab = await aLab(t)
  const endpoint = `${lab.url}/_altgate/oauth/token`
  const verifier = randomBytes(32).toString('base64url')
  const redirectUri = 'http://127.0.0.1:33911'
  const basic = { authorization: `Basic ${Buffer.from('git-credential-oauth:').toString('base64')}` }
  const query = new URLSearchParams({
    client_id: 'git-credential-oauth',
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
    redirect_uri: redirectUri,
    response_type: 'code',
    scope: 'read_repository write_repository',
    state: `${randomBytes(16).toString('base64')}+/==`,
  })
  const back = await agree(`${lab.url}/_altgate/oauth/authorize/contoso?${query.toString()}`)
  t.equal(back.searchParams.get('state'), query.get('state'))
  const got = await post(
    endpoint,
    {
      code: back.searchParams.get('code') ?? '',
      code_verifier: verifier,
      grant_type: 'authorization_code',
      redirect_uri: redirectUri,
    },
    basic,
  )
  t.equal(got.status, 200)
  t.equal(await works(lab, got), true)
  const fields = { grant_type: 'refresh_token', refresh_token: String(got.body['refresh_token']) }
  t.equal(await works(lab, await post(endpoint, fields, basic)), true)
})

/** Anything else that speaks OAuth reads the metadata and follows them. */
t.test('a client that reads the metadata', async t => {
  const lab = await aLab(t, {
    settings: { oauth: { clients: [{ id: 'build-tool', name: 'Build <tool>' }] } },
  })
  const {
    discovery,
    None,
    allowInsecureRequests,
    initiateDeviceAuthorization,
    refreshTokenGrant,
    pollDeviceAuthorizationGrant,
  } = await import('openid-client')
  const config = await discovery(new URL(lab.url), 'build-tool', undefined, None(), {
    algorithm: 'oauth2',
    execute: [allowInsecureRequests],
  })
  t.match(config.serverMetadata(), {
    issuer: lab.url,
    code_challenge_methods_supported: ['S256'],
    grant_types_supported: ['authorization_code', 'refresh_token', deviceGrant],
    revocation_endpoint: `${lab.url}/_altgate/oauth/revoke`,
  })
  const asked = await initiateDeviceAuthorization(config, { account: 'contoso', device_name: 'farm' })
  const browser = new Browser()
  const page = await openSignedIn(browser, asked.verification_uri_complete ?? '')
  t.match(page.text, 'Build &lt;tool&gt;')
  await browser.send(page, '/_altgate/device', { answer: 'yes', name: 'farm' })
  const tokens = await pollDeviceAuthorizationGrant(config, { ...asked, interval: 0 })
  t.equal(await lab.opens('contoso', anna, tokens.access_token), 200)
  const renewed = await refreshTokenGrant(config, tokens.refresh_token ?? '')
  t.equal(await lab.opens('contoso', anna, renewed.access_token), 200)
})

t.test('the page leads a user to the sign-in and back, and nowhere else', async t => {
  const lab = await aLab(t)
  const browser = new Browser()
  const page = await browser.go(`${lab.url}/_altgate/oauth/authorize/contoso?client_id=altgate&x=%22%3E`)
  const link = new URL(linkIn(page.text) ?? '', lab.url)
  t.match(link.searchParams.get('next'), /^\/_altgate\/oauth\/authorize\/contoso\?/)
  for (const next of [
    'https://evil.example/',
    '//evil.example/_altgate/device?',
    '/_altgate/device',
    '/_altgate/credential?',
    '/_altgate/device?a\nb',
    '/_altgate/oauth/authorize/../../x?',
    `/_altgate/device?${'x'.repeat(2000)}`,
  ]) {
    link.searchParams.set('next', next)
    const form = await browser.go(link.href)
    const seen = form.url.includes('/interaction/') ? await fillIn(browser, form) : form
    t.equal(seen.url, lab.page('contoso'), next.slice(0, 40))
  }
})
