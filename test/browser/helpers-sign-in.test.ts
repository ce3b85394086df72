import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Page } from 'playwright-core'
import t, { type Test } from 'tap'
import { authorizeAt, deviceGrant, exchange, post, token } from '../oauth/helper.ts'
import { startBrowser } from '../support/browser.ts'
import { until } from '../support/until.ts'
import { isAccessible } from './accessible.ts'
import { fillIn, textOf } from './people.ts'
import { startStage, type Stage } from './stage.ts'

/** The server of a helper on the user's machine; `came` has what the browser brought. */
async function waitingHelper(t: Test) {
  const came: URL[] = []
  const server = createServer((request, response) => {
    came.push(new URL(request.url ?? '', 'http://127.0.0.1'))
    response.setHeader('content-type', 'text/html').end('<title>The helper</title>Done')
  })
  await new Promise<void>(resolve => void server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => void server.close())
  return { redirect_uri: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, came }
}

function askForDevice({ url }: Stage, fields: Readonly<Record<string, string>> = {}) {
  return post(`${url}/_altgate/oauth/device_authorization/northwind`, {
    client_id: 'altgate',
    device_name: 'build-7',
    ...fields,
  })
}

const press = (page: Page, name: string) => page.getByRole('button', { name, exact: true }).click()

const stage = await startStage(t)
const browser = await startBrowser(t)

// Ben's: what he switches off is not Anna's.
t.test('every page that helpers open is accessible, and leads back to them', async t => {
  const page = await browser.page()
  const helper = await waitingHelper(t)
  const { redirect_uri } = helper
  const state = (name: string, title: string) =>
    t.test(name, t => isAccessible(t, page, `oauth-${name}`, title))

  const asked = authorizeAt(stage.url, 'northwind', { redirect_uri })
  await page.goto(authorizeAt(stage.url, 'northwind', { client_id: 'unknown' }).url)
  await state('unknown-helper', 'This request is not valid')
  await page.goto(authorizeAt(stage.url, '', { redirect_uri }).url)
  await state('which-account', 'Which account?')
  await page.getByLabel('Account').fill('no thing')
  await press(page, 'Continue')
  await state('no-such-account', 'Error: there is no such account')

  await page.goto(asked.url)
  await state('sign-in-first', 'Sign in for northwind')
  await page.getByRole('link', { name: 'Sign in', exact: true }).click()
  await fillIn(page, 'ben')
  await state('asked', 'Allow Git Credential Manager to use git as you?')
  await page.getByLabel('Name of the password').fill('')
  await press(page, 'Allow')
  await state('name-missing', 'Error: Allow Git Credential Manager to use git as you?')
  await page.getByLabel('Name of the password').fill('laptop')
  await press(page, 'Allow')
  await until(async () => (await page.title()) === 'The helper')
  const code = helper.came.find(({ pathname }) => pathname === '/')?.searchParams.get('code') ?? ''
  t.equal((await exchange(stage.url, asked, code)).status, 200, 'the helper got its code by the browser')

  await page.goto(`${stage.url}/_altgate/device`)
  await state('enter-code', 'Enter the code from your device')
  await page.getByLabel('Code').fill('BBBB-BBBB')
  await press(page, 'Continue')
  await state('wrong-code', 'Error: this code is not valid')
  const device = await askForDevice(stage)
  await page.getByLabel('Code').fill(String(device.body['user_code']))
  await press(page, 'Continue')
  await state('asked-by-device', 'Allow another device to use git as you?')
  await press(page, 'Allow')
  await state('device-allowed', 'Return to your device')
  const other = await askForDevice(stage)
  await page.goto(String(other.body['verification_uri_complete']))
  await press(page, 'Do not allow')
  await state('device-refused', 'You did not allow it')

  await page.goto(stage.page('northwind'))
  for (const summary of ['Git Credential Manager', 'git-credential-oauth'])
    await page.locator('summary', { hasText: summary }).click()
  await state('settings', 'Alternate credentials for Northwind')
  t.match(await textOf(page), `[credential "${stage.url}"]`)
  t.match(await textOf(page), 'oauthAuthorizeEndpoint = /_altgate/oauth/authorize/northwind')
  await press(page, 'Switch off')
  await page.goto(asked.url)
  await state('cannot', 'Git Credential Manager cannot get a password yet')
})

t.test('all of it works without JavaScript, and by the keyboard', async t => {
  const page = await browser.page({ javaScript: false })
  const { redirect_uri, came } = await waitingHelper(t)

  await t.test('the browser goes back to the helper by itself', async t => {
    const asked = authorizeAt(stage.url, 'northwind', { redirect_uri })
    await page.goto(asked.url)
    await page.getByRole('link', { name: 'Sign in', exact: true }).click()
    await fillIn(page)
    await page.getByLabel('Name of the password').focus()
    await page.keyboard.press('Tab')
    await page.keyboard.press('Enter')
    await until(async () => (await page.title()) === 'The helper')
    const code = came.find(({ pathname }) => pathname === '/')?.searchParams.get('code') ?? ''
    t.equal((await exchange(stage.url, asked, code)).status, 200)
  })

  await t.test('also when the user does not allow it', async t => {
    came.length = 0
    await page.goto(authorizeAt(stage.url, 'northwind', { redirect_uri }).url)
    await press(page, 'Do not allow')
    await until(async () => (await page.title()) === 'The helper')
    t.equal(came.find(({ pathname }) => pathname === '/')?.searchParams.get('error'), 'access_denied')
  })

  await t.test('a device gets its password', async t => {
    const { body } = await askForDevice(stage)
    await page.goto(String(body['verification_uri_complete']))
    t.match(await textOf(page), String(body['user_code']))
    await press(page, 'Allow')
    const got = await token(stage.url, {
      grant_type: deviceGrant,
      device_code: String(body['device_code']),
      client_id: 'altgate',
    })
    t.equal(got.status, 200)
    t.equal(await stage.opens(String(got.body['access_token'])), 'allow')
  })
})
