import t from 'tap'
import { Browser } from '../self-service/browser.ts'
import { aLab } from '../self-service/lab.ts'
import {
  type Answered,
  authorizeAt,
  codeFor,
  deviceGrant,
  exchange,
  openSignedIn,
  post,
  refresh,
  token,
  tokensFor,
} from './helper.ts'

const anna = 'anna@example.com'
const later = { status: 503, body: { error: 'temporarily_unavailable' } }

/** What the store may lose: its table of the authorization server, or that of passwords. */
const tables = ['oauth', 'passwords'] as const

for (const table of tables)
  t.test(`while the store has lost "${table}", nothing is used up`, async t => {
    const lab = await aLab(t)
    const asked = authorizeAt(lab.url, 'contoso')
    const code = await codeFor(lab, asked)
    const failed = await lab.without(table, () => exchange(lab.url, asked, code))
    t.match(failed, later)
    t.ok(Number(failed.headers.get('retry-after')) > 0)
    const first = await exchange(lab.url, asked, code)
    t.equal(first.status, 200, 'the code works after the outage')

    for (let time = 0; time < 2; time += 1)
      t.match(await lab.without(table, () => refresh(lab.url, first.body['refresh_token'])), later)
    const second = await refresh(lab.url, first.body['refresh_token'])
    t.equal(second.status, 200, 'the refresh token works after the outage')
    t.equal(await lab.opens('contoso', anna, String(second.body['access_token'])), 200)

    const revoke = () =>
      post(`${lab.url}/_altgate/oauth/revoke`, {
        token: String(second.body['refresh_token']),
        client_id: 'git-credential-manager',
      })
    t.match(await lab.without(table, revoke), later)
    t.match(await revoke(), { status: 200 })
    t.equal(await lab.opens('contoso', anna, String(second.body['access_token'])), 401)
    t.strictSame(lab.bugs, [])
  })

t.test('a device goes on polling through an outage', async t => {
  const lab = await aLab(t)
  const ask = () => post(`${lab.url}/_altgate/oauth/device_authorization/contoso`, { client_id: 'altgate' })
  t.match(await lab.without('oauth', ask), later)
  const asked = await ask()
  const poll = (): Promise<Answered> =>
    token(lab.url, {
      grant_type: deviceGrant,
      device_code: String(asked.body['device_code']),
      client_id: 'altgate',
    })
  const failed = await lab.without('oauth', poll)
  t.match(failed, { status: 503, body: { error: 'slow_down' } }, 'helpers end on anything else')
  t.ok(Number(failed.headers.get('retry-after')) > 0)
  t.match(await poll(), { status: 400, body: { error: 'authorization_pending' } })
  const browser = new Browser()
  const shown = await openSignedIn(browser, String(asked.body['verification_uri_complete']))
  const allow = () => browser.send(shown, '/_altgate/device', { answer: 'yes', name: 'x' })
  t.match(await lab.without('oauth', allow), { status: 503 })
  t.match(await allow(), { status: 200 })
  t.match(await lab.without('passwords', poll), { status: 503, body: { error: 'slow_down' } })
  t.equal((await poll()).status, 200)
})

t.test('the page says so as well, and the question may be answered later', async t => {
  const lab = await aLab(t)
  await tokensFor(lab, 'contoso')
  const browser = new Browser()
  const { url } = authorizeAt(lab.url, 'contoso')
  const page = await openSignedIn(browser, url)
  t.match(await lab.without('oauth', () => browser.go(url)), { status: 503 })
  const allow = () => browser.send(page, '/oauth/consent', { answer: 'yes', name: 'x' })
  t.match(await lab.without('oauth', allow), { status: 503, text: /temporarily unavailable/ })
  t.match(await allow(), { status: 200 })
})
