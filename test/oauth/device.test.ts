import t from 'tap'
import { foldUsername } from '../../src/gateway/names.ts'
import { usualLimits } from '../../src/self-service/throttle.ts'
import { Browser } from '../self-service/browser.ts'
import { aLab, contoso } from '../self-service/lab.ts'
import { type Answered, deviceGrant, openSignedIn, post, refresh, token } from './helper.ts'

const anna = 'anna@example.com'

function ask(
  url: string,
  account = '/contoso',
  fields: Readonly<Record<string, string>> = {},
): Promise<Answered> {
  return post(
    `${url}/_altgate/oauth/device_authorization${account}`,
    { client_id: 'altgate', ...fields },
    { 'user-agent': 'altgate-git-credential/1.0 (linux)' },
  )
}

const poll = (url: string, { body }: Answered, client = 'altgate') =>
  token(url, { grant_type: deviceGrant, device_code: String(body['device_code']), client_id: client })

const page = ({ body }: Answered) => String(body['verification_uri_complete'])

async function answer(asked: Answered, how: 'yes' | 'no', who = 'anna') {
  const browser = new Browser()
  const shown = await openSignedIn(browser, page(asked), who)
  return { shown, done: await browser.send(shown, '/_altgate/device', { answer: how, name: 'build-7' }) }
}

t.test('a device shows a code, and gets a password when its user has agreed elsewhere', async t => {
  const lab = await aLab(t)
  const asked = await ask(lab.url, '/contoso', { device_name: 'laptop\u0000<b>' })
  t.match(asked, {
    status: 200,
    body: {
      device_code: /^[\w-]{40,}$/,
      user_code: /^[B-DF-HJ-NP-TV-XZ]{4}-[B-DF-HJ-NP-TV-XZ]{4}$/,
      verification_uri: `${lab.url}/_altgate/device`,
      expires_in: 600,
      interval: 5,
    },
  })
  t.match(await poll(lab.url, asked), { status: 400, body: { error: 'authorization_pending' } })

  const { shown, done } = await answer(asked, 'yes')
  for (const words of [
    String(asked.body['user_code']),
    'you see this code on your own device',
    '127.0.0.1',
    'altgate-git-credential/1.0',
    'git on laptopb',
    'Contoso',
    anna,
  ])
    t.match(shown.text, words)
  t.match(done, { status: 200, text: /Return to your device/ })

  const got = await poll(lab.url, asked)
  t.match(got, { status: 200, body: { access_token: /^agp_/, refresh_token: /./, username: anna } })
  t.equal(await lab.opens('contoso', anna, String(got.body['access_token'])), 200)
  t.match(await lab.services.registry.passwords(contoso, foldUsername(anna)), [
    { name: 'build-7', client: 'altgate-git-credential' },
  ])
  t.match(await refresh(lab.url, got.body['refresh_token'], 'altgate'), { status: 200 })
  t.match(await poll(lab.url, asked), { status: 400, body: { error: 'invalid_grant' } }, 'once only')
  t.equal(await lab.opens('contoso', anna, String(got.body['access_token'])), 401, 'a second use is a theft')
})

t.test('the user may say no', async t => {
  const lab = await aLab(t)
  const asked = await ask(lab.url)
  const { done } = await answer(asked, 'no')
  t.match(done.text, /You did not allow it/)
  t.match(await poll(lab.url, asked), { status: 400, body: { error: 'access_denied' } })
  const browser = new Browser()
  t.equal((await openSignedIn(browser, page(asked))).status, 404, 'the code is used up')
})

t.test('a device that polls too often is told to slow down, but two at once are one', async t => {
  const lab = await aLab(t)
  const asked = await ask(lab.url)
  const errors: unknown[] = []
  for (let time = 0; time < 4; time += 1) errors.push((await poll(lab.url, asked)).body['error'])
  t.strictSame(errors, ['authorization_pending', 'authorization_pending', 'slow_down', 'slow_down'])
})

t.test('a code has an end, and belongs to one client', async t => {
  const lab = await aLab(t)
  const asked = await ask(lab.url)
  t.match(await poll(lab.url, asked, 'git-credential-oauth'), {
    status: 400,
    body: { error: 'invalid_grant' },
  })
  t.match(await ask(lab.url, '/contoso', { client_id: 'nobody' }), {
    status: 401,
    body: { error: 'invalid_client' },
  })
  t.match(await poll(lab.url, { ...asked, body: { device_code: 'x' } }), { body: { error: 'invalid_grant' } })
  lab.ageOAuth(11)
  t.match(await poll(lab.url, asked), { status: 400, body: { error: 'expired_token' } })
  t.equal((await new Browser().go(page(asked))).status, 404)
})

t.test('the code may be typed in any spelling, and the account chosen on the page', async t => {
  const lab = await aLab(t)
  for (const account of ['', '/no-such-account']) {
    const asked = await ask(lab.url, account)
    const code = String(asked.body['user_code']).replace('-', ' ').toLowerCase()
    const browser = new Browser()
    const empty = await browser.go(`${lab.url}/_altgate/device`)
    t.match(empty, { status: 200, text: /Enter only a code that you see/ })
    const which = await browser.go(`${lab.url}/_altgate/device?user_code=${encodeURIComponent(code)}`)
    const other = /href="([^"]*)">Choose another one/.exec(which.text)?.[1]?.replaceAll('&amp;', '&')
    t.equal(
      other !== undefined,
      account !== '',
      'an unknown account looks as if it were known, before a sign-in',
    )
    const asks = other === undefined ? which : await browser.go(lab.url + other)
    t.match(asks, { status: 200, text: 'Which account is it for?' })
    const query = new URLSearchParams({ user_code: code, account: 'contoso' })
    const shown = await openSignedIn(browser, `${lab.url}/_altgate/device?${query.toString()}`)
    t.match(await browser.send(shown, '/_altgate/device', { answer: 'yes', name: 'x' }), { status: 200 })
    t.equal((await poll(lab.url, asked)).status, 200)
  }
})

t.test('codes cannot be guessed', async t => {
  const lab = await aLab(t, { limits: { ...usualLimits, codes: { points: 3, seconds: 60 } } })
  const statuses: number[] = []
  for (const code of ['BBBB-BBBB', 'BBBB-BBBC', 'BBBB-BBBD', 'BBBB-BBBF', ''])
    statuses.push((await fetch(`${lab.url}/_altgate/device?user_code=${code}`)).status)
  t.strictSame(statuses, [404, 404, 404, 429, 429])
})

t.test('neither devices nor token requests can fill or wear out the store', async t => {
  const limits = {
    ...usualLimits,
    devices: { points: 2, seconds: 60 },
    tokens: { points: 6, seconds: 60 },
  }
  const lab = await aLab(t, { limits })
  for (let time = 0; time < 2; time += 1) t.equal((await ask(lab.url)).status, 200)
  const third = await ask(lab.url)
  t.match(third, { status: 429, body: { error: 'temporarily_unavailable' } })
  t.ok(Number(third.headers.get('retry-after')) > 0)
  for (let time = 0; time < 3; time += 1) await refresh(lab.url, 'x')
  t.match(await refresh(lab.url, 'x'), { status: 429, body: { error: 'temporarily_unavailable' } })
})

t.test('where device codes are switched off, codes of browsers still work', async t => {
  const lab = await aLab(t, { settings: { oauth: { deviceCodes: false } } })
  t.match(await ask(lab.url), { status: 400, body: { error: 'unauthorized_client' } })
  t.equal((await fetch(`${lab.url}/_altgate/device`)).status, 404)
  const metadata = (await (await fetch(`${lab.url}/_altgate/oauth/metadata`)).json()) as object
  t.notOk('device_authorization_endpoint' in metadata)
})

t.test('where all of it is switched off, nothing is there', async t => {
  const lab = await aLab(t, { settings: { oauth: { enabled: false } } })
  for (const path of ['oauth/authorize/contoso?client_id=altgate', 'device', 'oauth/metadata', 'oauth/token'])
    t.equal((await fetch(`${lab.url}/_altgate/${path}`)).status, 404, path)
})
