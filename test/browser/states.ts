import type { Page } from 'playwright-core'
import { northwindDirectory } from '../../src/demo/people.ts'
import { add, fillIn, save, signIn } from './people.ts'
import { broken, type Stage } from './stage.ts'

/** People with a tab each: Anna has several credentials, Ben has none. */
export interface Visitors {
  readonly anna: Page
  readonly ben: Page
  /** Not signed in. */
  readonly stranger: Page
}

/** One state of the page that people can see. */
export interface State {
  readonly name: string
  /** What the window is called then. */
  readonly title: string
  /** Leads a visitor there; returns their tab. */
  readonly reach: (visitors: Visitors, stage: Stage) => Promise<Page>
}

export const password = 'brave-otter-under-the-bridge'

const ofAnna = ['--scope', northwindDirectory.id, '--user', 'anna@example.com']

/** Every state, in an order in which each can be reached from the one before. */
export const states: readonly State[] = [
  {
    name: 'which-account',
    title: 'Which account?',
    reach: async ({ stranger }, { url }) => await at(stranger, `${url}/_altgate/`),
  },
  {
    name: 'unknown-account',
    title: 'Error: there is no such account',
    reach: async ({ stranger }, stage) => await at(stranger, stage.page('nort.wind')),
  },
  {
    name: 'welcome',
    title: 'Sign in to set credentials for northwind',
    reach: async ({ stranger }, stage) => await at(stranger, stage.page('northwind')),
  },
  {
    name: 'provider',
    title: 'Sign in to Northwind',
    async reach({ stranger }) {
      await stranger.getByRole('link', { name: 'Sign in', exact: true }).click()
      return stranger
    },
  },
  {
    name: 'declined',
    title: 'You are not signed in',
    async reach({ stranger }) {
      await stranger.getByRole('button', { name: 'Cancel' }).click()
      return stranger
    },
  },
  {
    name: 'wrong-directory',
    title: 'You signed in with a different account',
    async reach({ ben }, stage) {
      await signIn(ben, stage, 'contoso', 'ben')
      return ben
    },
  },
  {
    name: 'expired',
    title: 'This sign-in cannot be completed',
    reach: async ({ stranger }, { url }) => await at(stranger, `${url}/_altgate/callback?code=x&state=x`),
  },
  {
    name: 'unavailable',
    title: 'Sign-in is temporarily unavailable',
    reach: async ({ stranger }, { url }) =>
      await at(stranger, `${url}/_altgate/sign-in?account=${broken.unavailable}`),
  },
  {
    name: 'not-set-up',
    title: 'Sign-in is not configured',
    reach: async ({ stranger }, stage) => await at(stranger, stage.page(broken.notSetUp)),
  },
  {
    name: 'not-understood',
    title: 'This request was not understood',
    reach: async ({ stranger }, { url }) => await at(stranger, `${url}/_altgate/?account=%ff`),
  },
  {
    name: 'no-such-page',
    title: 'Page not found',
    reach: async ({ stranger }, { url }) => await at(stranger, `${url}/_altgate/nothing`),
  },
  {
    name: 'profile-empty',
    title: 'Alternate credentials for Northwind',
    async reach({ ben }, stage) {
      await signIn(ben, stage, 'northwind', 'ben')
      return ben
    },
  },
  {
    name: 'error-beside-field',
    title: 'Error: Alternate credentials for Northwind',
    async reach({ ben }) {
      await ben.getByLabel('Secondary user name').fill('ben@example.com')
      await save(ben, 'password')
      return ben
    },
  },
  {
    name: 'named-saved',
    title: 'Saved: copy your new password',
    async reach({ ben }, stage) {
      await ben.goto(stage.page('northwind'))
      await add(ben, 'build-7')
      return ben
    },
  },
  {
    name: 'named-error',
    title: 'Error: Alternate credentials for Northwind',
    async reach({ ben }, stage) {
      await ben.goto(stage.page('northwind'))
      await add(ben, 'build-7')
      return ben
    },
  },
  {
    name: 'named-replace',
    title: 'Alternate credentials for Northwind',
    async reach({ ben }, stage) {
      await ben.goto(stage.page('northwind'))
      await ben.getByRole('link', { name: 'Replace build-7' }).click()
      return ben
    },
  },
  {
    name: 'named-replaced',
    title: 'Saved: copy your new password',
    async reach({ ben }) {
      await ben.getByLabel('Hours for which the old one still works').fill('2')
      await ben.getByRole('button', { name: 'Replace password' }).click()
      return ben
    },
  },
  {
    name: 'named-table',
    title: 'Alternate credentials for Northwind',
    async reach({ ben }, stage) {
      for (const name of [
        'laptop',
        'a-mirror-of-everything-with-a-name-that-is-long-and-has-no-space',
        'old',
      ]) {
        await ben.goto(stage.page('northwind'))
        await add(ben, name, name === 'laptop' ? 'Read and write' : 'Read only')
      }
      stage.age('build-7', 1, 0.08)
      stage.age('laptop', -60, 5)
      stage.age('old', -600, -1)
      return await at(ben, stage.page('northwind'))
    },
  },
  {
    name: 'named-sure',
    title: 'Alternate credentials for Northwind',
    async reach({ ben }) {
      await ben.getByText('Revoke laptop', { exact: true }).click()
      await ben.getByText('Revoke all', { exact: true }).click()
      await ben.getByText('Passwords that no longer work').click()
      return ben
    },
  },
  {
    name: 'named-revoked',
    title: 'Revoked everywhere. Alternate credentials for Northwind',
    async reach({ ben }) {
      await ben.getByRole('button', { name: 'Revoke laptop now' }).click()
      return ben
    },
  },
  {
    name: 'claim',
    title: 'Alternate credentials for Contoso',
    async reach({ anna }, stage) {
      await signIn(anna, stage, 'contoso')
      return anna
    },
  },
  {
    name: 'sign-in-too',
    title: 'Sign in for Northwind as well',
    async reach({ anna }) {
      await anna.getByLabel('Sign in for another account as well').fill('northwind')
      await anna.getByRole('button', { name: 'Continue' }).click()
      return anna
    },
  },
  {
    name: 'saved-chosen',
    title: 'Saved: your new password',
    async reach({ anna }) {
      await anna.getByRole('link', { name: 'Continue' }).click()
      await fillIn(anna)
      await save(anna, password)
      return anna
    },
  },
  {
    name: 'profile-with-credential',
    title: 'Alternate credentials for Northwind',
    async reach({ anna }, stage) {
      stage.use('192.0.2.17')
      return await at(anna, stage.page('northwind'))
    },
  },
  {
    name: 'switched-off',
    title: 'Switched off everywhere. Alternate credentials for Northwind',
    async reach({ anna }) {
      await anna.getByRole('button', { name: 'Switch off' }).click()
      return anna
    },
  },
  {
    name: 'switched-on',
    title: 'Switched on. Alternate credentials for Northwind',
    async reach({ anna }) {
      await anna.getByRole('button', { name: 'Switch on' }).click()
      return anna
    },
  },
  {
    name: 'switched-off-by-the-operator',
    title: 'Alternate credentials for Northwind',
    async reach({ anna }, stage) {
      await stage.altgate.must(['credential', 'disable', ...ofAnna])
      return await at(anna, stage.page('northwind'))
    },
  },
  {
    name: 'linked',
    title: 'Your sign-ins are linked. Alternate credentials for Northwind',
    async reach({ anna }, stage) {
      await stage.altgate.must(['credential', 'enable', ...ofAnna])
      await anna.getByRole('button', { name: 'This is also me (Contoso)' }).click()
      return anna
    },
  },
  {
    name: 'unlink-sure',
    title: 'Alternate credentials for Northwind',
    async reach({ anna }, stage) {
      await at(anna, stage.page('northwind'))
      await anna.getByText('Unlink Contoso', { exact: true }).click()
      return anna
    },
  },
  {
    name: 'unlinked',
    title: 'Unlinked everywhere. Alternate credentials for Northwind',
    async reach({ anna }) {
      await anna.getByRole('button', { name: 'Unlink Contoso now' }).click()
      return anna
    },
  },
  {
    name: 'saved-generated',
    title: 'Saved: copy your new password',
    async reach({ anna }) {
      await save(anna)
      return anna
    },
  },
  {
    name: 'already-done',
    title: 'Alternate credentials for Northwind',
    async reach({ anna }) {
      await anna.reload()
      return anna
    },
  },
  {
    name: 'stale-change',
    title: 'Sign in again',
    async reach({ anna }, stage) {
      stage.pass(16)
      await anna.getByRole('button', { name: 'Save' }).click()
      return anna
    },
  },
  {
    name: 'stale',
    title: 'Alternate credentials for Northwind',
    reach: async ({ anna }, stage) => await at(anna, stage.page('northwind')),
  },
  {
    name: 'signed-out',
    title: 'Signed out',
    async reach({ anna }) {
      await anna.getByRole('button', { name: 'Sign out' }).click()
      return anna
    },
  },
  {
    name: 'planned-move',
    title: 'Sign in to set credentials for fabrikam',
    async reach({ stranger }, stage) {
      await stage.altgate.must([
        'move',
        'plan',
        'fabrikam',
        '--to',
        northwindDirectory.id,
        '--on',
        '2096-11-24',
      ])
      return await at(stranger, stage.page('fabrikam'))
    },
  },
  {
    name: 'planned-move-for-the-coming-scope',
    title: 'Sign in to set credentials for fabrikam',
    reach: async ({ stranger }, stage) =>
      await at(stranger, `${stage.page('fabrikam')}&scope=${northwindDirectory.id}`),
  },
  {
    name: 'not-prepared',
    title: 'Alternate credentials for Microsoft accounts',
    async reach({ anna }, stage) {
      await signIn(anna, stage, 'fabrikam')
      return anna
    },
  },
  {
    name: 'preparing',
    title: 'Alternate credentials for Northwind',
    async reach({ anna }) {
      await anna.getByRole('button', { name: 'Prepare for the move' }).click()
      // She is still signed in at that provider.
      await anna.getByRole('link', { name: 'Continue', exact: true }).click()
      return anna
    },
  },
  {
    name: 'prepared',
    title: 'Saved: copy your new password',
    async reach({ anna }) {
      await save(anna)
      return anna
    },
  },
  {
    name: 'ready-for-the-move',
    title: 'Alternate credentials for Microsoft accounts',
    async reach({ anna }, stage) {
      await at(anna, stage.page('fabrikam'))
      await anna.getByText('You are ready').waitFor()
      return anna
    },
  },
  {
    name: 'plan-cancelled',
    title: 'This account has changed',
    async reach({ anna }, stage) {
      await at(anna, `${stage.page('fabrikam')}&scope=${northwindDirectory.id}`)
      await stage.altgate.must(['move', 'cancel', 'fabrikam'])
      await save(anna)
      return anna
    },
  },
]

async function at(page: Page, url: string): Promise<Page> {
  await page.goto(url)
  return page
}
