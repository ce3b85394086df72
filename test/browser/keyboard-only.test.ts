import type { Page } from 'playwright-core'
import t, { type Test } from 'tap'
import { people } from '../../src/demo/identity-pages.ts'
import { startBrowser } from '../support/browser.ts'
import { until } from '../support/until.ts'
import { showsFocus } from './in-page.ts'
import { startStage } from './stage.ts'

const chosen = 'brave-otter-under-the-bridge'

t.test('a password is set without a mouse', async t => {
  const stage = await startStage(t)
  const page = await (await startBrowser(t)).page()

  await t.test('to the sign-in and through it', async t => {
    await page.goto(stage.page('northwind'))
    t.strictSame(await tabThrough(t, page, 'Sign in'), ['Skip to the content', 'Altgate', 'Sign in'])
    await page.keyboard.press('Enter')
    await page.waitForURL(`${stage.provider}/**`)
    await focusComes(t, page, 'E-mail address')
    const anna = people.find(({ email }) => email === 'anna@example.com')
    await page.keyboard.type(anna?.email ?? '')
    await page.keyboard.press('Tab')
    await page.keyboard.type(anna?.password ?? '')
    await page.keyboard.press('Enter')
    await page.waitForURL(stage.page('northwind'))
  })

  await t.test('the skip link leads past what every page has', async t => {
    await page.keyboard.press('Tab')
    await page.keyboard.press('Enter')
    t.strictSame(await tabThrough(t, page, 'Save'), [
      'Name',
      'Last day', // its month, its day, its year, and its calendar
      'Last day',
      'Last day',
      'Last day',
      'Read and write',
      'Create password',
      'User name',
      'Secondary user name (optional)',
      'Generate a strong password',
      'Save',
    ])
  })

  await t.test('the fields of an own password come only once it is wished for', async t => {
    await page.keyboard.press('Shift+Tab')
    await page.keyboard.press('ArrowDown')
    t.strictSame(await tabThrough(t, page, 'Save'), [
      'New password',
      'Show: New password',
      'Confirm new password',
      'Show: Confirm new password',
      'Save',
    ])
  })

  await t.test('errors take the focus, and each leads to its field', async t => {
    await page.keyboard.press('Enter')
    await page.getByRole('alert').waitFor()
    await focusComes(t, page, 'Nothing has been saved yet')
    t.strictSame(await tabThrough(t, page, 'Enter a password.'), ['Enter a password.'])
    await page.keyboard.press('Enter')
    t.equal(await focused(page), 'New password')
    const describedBy = await page.locator(':focus').getAttribute('aria-describedby')
    t.equal(describedBy, 'password-hint password-error', 'a screen reader reads the rules and what is wrong')
  })

  await t.test('a typed password can be looked at, and Enter saves', async t => {
    await page.keyboard.type(chosen)
    await page.keyboard.press('Tab')
    await page.keyboard.press('Space')
    t.equal(await page.locator('#password').getAttribute('type'), 'text')
    t.equal(await focused(page), 'Hide: New password')
    await page.keyboard.press('Tab')
    await page.keyboard.type(chosen)
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { name: 'Saved' }).waitFor()
  })

  await t.test('the commands are copied, and the way leads back', async t => {
    const names = await tabThrough(t, page, 'Back to your credentials')
    t.equal(
      names.filter(name => !/^(?:Skip|Altgate|Sign out|Copy|Back)/.test(name)).length,
      6,
      'each command',
    )
    t.strictSame(
      names.filter(name => /^(?:Skip|Altgate|Sign out|Copy|Back)/.test(name)),
      [
        'Skip to the content',
        'Altgate',
        'Sign out',
        'Copy the fetch',
        'Copy the clone',
        'Copy the lines for git',
        'Copy the lines for the credential helper',
        'Copy the tf command',
        'Copy the setting',
        'Back to your credentials',
      ],
    )
    await page.keyboard.press('Enter')
    await page.waitForURL(stage.page('northwind'))
  })

  await t.test('a password with a name is created, and revoked in two steps', async t => {
    await tabThrough(t, page, 'Name')
    await page.keyboard.type('build-7')
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { name: 'Saved' }).waitFor()
    await tabThrough(t, page, 'Back to your credentials')
    await page.keyboard.press('Enter')
    await page.waitForURL(stage.page('northwind'))
    t.strictSame((await tabThrough(t, page, 'Revoke build-7')).slice(-2), [
      'Replace build-7',
      'Revoke build-7',
    ])
    await page.keyboard.press('Space')
    await tabThrough(t, page, 'Revoke build-7 now')
    await page.keyboard.press('Enter')
    await page.getByText('Revoked everywhere.').waitFor()
  })

  await t.test('switching off is one more button', async t => {
    await tabThrough(t, page, 'Switch off')
    await page.keyboard.press('Space')
    await page.getByText('Switched off everywhere.').waitFor()
  })
})

/** Presses Tab until something is reached; gives the names of all that was. Each must show that it has the focus. */
async function tabThrough(t: Test, page: Page, last: string): Promise<readonly string[]> {
  await page.waitForLoadState() // the style sheet, too: without it there are no rings
  const names: string[] = []
  while (names.at(-1) !== last && names.length < 20) {
    await page.keyboard.press('Tab')
    names.push(await focused(page))
    t.ok(await showsFocus(page), `one sees that the focus is on "${names.at(-1)}"`)
  }
  return names
}

/** With the first picture of the page, which may come after it is loaded. */
async function focusComes(t: Test, page: Page, name: string): Promise<void> {
  await until(async () => (await focused(page)) === name)
  t.pass(`the focus is on "${name}"`)
}

/** What has the focus once the page has loaded, as a screen reader calls it. */
async function focused(page: Page): Promise<string> {
  await page.waitForLoadState()
  const [line = ''] = (await page.locator(':focus-within').last().ariaSnapshot()).split('\n')
  return /"(.*)"/.exec(line)?.[1] ?? line.replace(/^- text: /, '') // a disclosure has no role there
}
