import type { Page } from 'playwright-core'
import t from 'tap'
import { authorities, claimsOf, people } from '../../src/demo/identity-pages.ts'
import { northwindDirectory } from '../../src/demo/people.ts'
import { startBrowser } from '../support/browser.ts'
import { until } from '../support/until.ts'
import { isAccessible } from './accessible.ts'
import { showsFocus } from './in-page.ts'
import { fillIn, save, signIn } from './people.ts'
import { startStage } from './stage.ts'

const northwind = northwindDirectory.id

t.test('a help desk at work: every state of the console is accessible, and needs no script', async t => {
  const [ben, authority] = [people[1], authorities[2]]
  if (ben === undefined || authority === undefined) throw new Error('the demo has other people')
  const named = [{ directory: northwind, oid: claimsOf(ben, authority).oid }]
  const stage = await startStage(t, { admin: { people: named } })
  const browser = await startBrowser(t)
  // axe runs in the page; the pages themselves load one script, without which everything works as well.
  const [page, other, user] = [
    await browser.page(),
    await browser.page(),
    await browser.page({ javaScript: false }),
  ]
  const admin = `${stage.url}/_altgate/admin`
  await signIn(user, stage, 'northwind')
  await save(user)
  const refused = await fetch(`${stage.url}/northwind/welcome.git/info/refs?service=git-upload-pack`, {
    headers: { authorization: `Basic ${Buffer.from('anna@example.com:wrong').toString('base64')}` },
  })
  const reference = refused.headers.get('x-request-id') ?? ''
  const at = async (where: Page, address: string) => void (await where.goto(address))

  await at(page, admin)
  await isAccessible(t, page, 'console-sign-in', 'Sign in to the console')
  await at(other, admin)
  await other.getByRole('link', { name: 'Sign in with Northwind' }).click()
  await fillIn(other, 'anna')
  await isAccessible(t, other, 'console-not-named', 'You may not use the console')

  await page.getByRole('link', { name: 'Sign in with Northwind' }).click()
  await fillIn(page, 'ben')
  await isAccessible(t, page, 'console-start', 'Console')

  await page.getByLabel('User name, account, or reference').fill('anna@example.com')
  await page.keyboard.press('Enter')
  await isAccessible(t, page, 'console-user', 'User anna@example.com')
  await page.getByRole('link', { name: 'Start a reset' }).last().focus()
  t.ok(await showsFocus(page), 'what is focused can be seen')
  await page.keyboard.press('Enter')
  await isAccessible(t, page, 'console-sure', 'End this password?')
  await page.getByRole('button', { name: 'Yes, do it' }).focus()
  await page.keyboard.press('Enter')
  await isAccessible(t, page, 'console-done', 'Done')
  t.match(await page.locator('main').innerText(), /What to tell the user/)

  await at(page, `${admin}?q=northwind`)
  await isAccessible(t, page, 'console-account', 'Account northwind')
  await at(page, `${admin}?q=nothing-of-that-name@example.com`)
  await isAccessible(t, page, 'console-nothing', 'Nothing was found')
  await page.getByRole('link', { name: 'Block nothing-of-that-name@example.com' }).click()
  await page.getByRole('button', { name: 'Yes, do it' }).click()
  await page.getByRole('link', { name: 'Show nothing-of-that-name@example.com' }).click()
  await isAccessible(t, page, 'console-blocked', 'User nothing-of-that-name@example.com')
  await at(page, `${admin}/sure?act=disable&user=nobody@example.com&scope=${northwind}`)
  await page.getByRole('button', { name: 'Yes, do it' }).click()
  await isAccessible(t, page, 'console-not-possible', 'That was not possible')
  await seen(page, `${admin}?q=${reference}`)
  await isAccessible(t, page, 'console-reference', `Reference ${reference}`)
  await page.getByRole('button', { name: 'Sign out' }).click()
  await isAccessible(t, page, 'console-goodbye', 'Signed out')
})

/** Refusals are written some seconds after they happened. */
async function seen(page: Page, address: string): Promise<void> {
  await until(async () => (await page.goto(address))?.status() === 200, 250, 250)
}
