import type { Page } from 'playwright-core'
import t from 'tap'
import { startBrowser } from '../support/browser.ts'
import { type DelegatedWorld, startDelegatedWorld } from '../support/delegated-world.ts'
import { isAccessible } from './accessible.ts'
import { fillIn, signIn, textOf } from './people.ts'

const profile = 'Alternate credentials for Northwind'

/** The states that pages have where requests act as their users, each reached from the one before. */
const states: readonly {
  readonly name: string
  readonly title: string
  readonly reach: (page: Page, world: DelegatedWorld) => Promise<unknown>
}[] = [
  {
    name: 'acting-welcome',
    title: 'Sign in to set credentials for northwind',
    reach: (page, world) => page.goto(world.page('northwind')),
  },
  {
    name: 'acting-approval-required',
    title: 'Approval required by Northwind',
    async reach(page, world) {
      world.identity.conditions.consent = 'administrator'
      await page.getByRole('link', { name: 'Sign in', exact: true }).click()
      await fillIn(page)
    },
  },
  {
    name: 'acting-declined',
    title: 'You are not signed in',
    reach: page => page.getByRole('button', { name: 'Cancel' }).click(),
  },
  {
    name: 'acting-sign-in-needed',
    title: profile,
    async reach(page) {
      await page.getByRole('link', { name: 'sign in only to set your password' }).click()
      await fillIn(page)
    },
  },
  {
    name: 'acting-consent',
    title: 'Permissions requested by Northwind',
    async reach(page, world) {
      world.identity.conditions.consent = 'user'
      await page.getByRole('link', { name: 'Sign in to Azure DevOps' }).click()
    },
  },
  {
    name: 'acting-connected',
    title: profile,
    reach: page => page.getByRole('button', { name: 'Accept' }).click(),
  },
  {
    name: 'acting-not-connected',
    title: 'You are signed in, but not connected',
    async reach(page, world) {
      world.identity.conditions.refreshTokens = false
      await page.goto(`${world.url}/_altgate/sign-in?account=northwind`)
    },
  },
  {
    name: 'acting-disconnected',
    title: `Disconnected everywhere. ${profile}`,
    async reach(page, world) {
      world.identity.conditions.refreshTokens = true
      await page.getByRole('link', { name: 'Continue to your credentials' }).click()
      await page.getByRole('button', { name: 'Disconnect' }).click()
    },
  },
  {
    name: 'acting-second-sign-in',
    title: 'Sign in for Microsoft accounts as well',
    async reach(page) {
      await page.getByLabel('Sign in for another account as well').fill('fabrikam')
      await page.getByRole('button', { name: 'Continue' }).click()
    },
  },
]

const world = await startDelegatedWorld(t)
await world.move()
await world.altgate.must(['account', 'add', 'fabrikam', '--upstream', world.azure.url])
const browser = await startBrowser(t)

t.test('where requests act as their users, every state of the page is accessible', async t => {
  const page = await browser.page()
  for (const { name, title, reach } of states)
    await t.test(name, async t => {
      await reach(page, world)
      await isAccessible(t, page, name, title)
    })
})

t.test('connecting and disconnecting work without JavaScript', async t => {
  const page = await browser.page({ javaScript: false })
  Object.assign(world.identity.conditions, { consent: 'user', refreshTokens: true })
  await signIn(page, world, 'northwind', 'ben') // whose sign-ins the other test has nothing of
  await page.getByRole('button', { name: 'Accept' }).click()
  t.match(
    await textOf(page),
    /Acts as ben@example\.com on Azure DevOps since \d+ \w+ \d+, \d\d:\d\d UTC, renewed \d+ \w+ \d+, \d\d:\d\d UTC\./,
  )
  await page.getByRole('button', { name: 'Disconnect' }).click()
  t.match(await textOf(page), 'Disconnected everywhere.')
  await page.getByRole('link', { name: 'Sign in to Azure DevOps' }).click()
  t.match(await textOf(page), 'Connected')
})
