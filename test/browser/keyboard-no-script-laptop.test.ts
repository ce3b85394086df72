import type { Page } from 'playwright-core'
import t, { type Test } from 'tap'
import { people } from '../../src/demo/identity-pages.ts'
import { northwindDirectory } from '../../src/demo/people.ts'
import { screenshot, startBrowser } from '../support/browser.ts'
import { until } from '../support/until.ts'
import { showsFocus } from './in-page.ts'
import { add, save, signIn, textOf } from './people.ts'
import { startStage } from './stage.ts'
import { password as chosen } from './states.ts'

/** A laptop of 1366 by 768, without what a browser has around the page. */
const laptop = { width: 1366, height: 657 }

// The first two are of Anna, the one about the laptop is of Ben.
const anna = 'anna@example.com'

const stage = await startStage(t)
const browser = await startBrowser(t)

t.test('a password is set without a mouse', async t => {
  const page = await browser.page()

  await t.test('to the sign-in and through it', async t => {
    await page.goto(stage.page('northwind'))
    t.strictSame(await tabThrough(t, page, 'Sign in'), ['Skip to the content', 'Altgate', 'Sign in'])
    await page.keyboard.press('Enter')
    await page.waitForURL(`${stage.provider}/**`)
    await focusComes(t, page, 'E-mail address')
    await page.keyboard.type(anna)
    await page.keyboard.press('Tab')
    await page.keyboard.type(people.find(({ email }) => email === anna)?.password ?? '')
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

t.test('all that matters works without JavaScript', async t => {
  const page = await browser.page({ javaScript: false })
  // Whatever the one above has left: she begins without credentials, too.
  await stage.altgate.cli(['credential', 'remove', '--yes', '--scope', northwindDirectory.id, '--user', anna])
  await signIn(page, stage, 'northwind')
  const main = page.locator('main')

  await t.test('errors stand beside their fields', async t => {
    await save(page, 'short')
    t.match(
      await main.locator('.field', { hasText: 'New password' }).first().innerText(),
      'shorter than 10 characters',
    )
  })

  await t.test('a chosen password is saved', async t => {
    await save(page, chosen)
    t.match(await textOf(page), /^Saved/)
    t.equal(await stage.opens(chosen), 'allow')
  })

  await t.test(
    'a password that was made can be read off the page, and no button promises to copy it',
    async t => {
      await page.getByRole('link', { name: 'Back to your credentials' }).click()
      await save(page)
      const made = await page.locator('#made-password').innerText()
      t.equal(await stage.opens(made), 'allow')
      t.equal(await stage.opens(chosen), 'refused')
      t.equal(await page.getByRole('button', { name: 'Copy' }).count(), 0)
    },
  )

  await t.test('a password with a name is added, replaced and revoked', async t => {
    await page.getByRole('link', { name: 'Back to your credentials' }).click()
    await add(page, '')
    t.match(await main.locator('.field', { hasText: 'Name' }).first().innerText(), 'Enter a name')
    await add(page, 'build-7')
    const first = await page.locator('#made-password').innerText()
    t.equal(await stage.opens(first), 'allow')

    await page.getByRole('link', { name: 'Back to your credentials' }).click()
    await page.getByRole('link', { name: 'Replace build-7' }).click()
    await page.getByLabel('Hours for which the old one still works').fill('2')
    await page.getByRole('button', { name: 'Replace password' }).click()
    const second = await page.locator('#made-password').innerText()
    t.equal(await stage.opens(second), 'allow')
    t.equal(await stage.opens(first), 'allow', 'the old one still works')

    await page.getByRole('link', { name: 'Back to your credentials' }).click()
    t.match(await main.getByRole('table').innerText(), 'Replaced')
    t.equal(await page.getByRole('button', { name: 'Revoke all now' }).count(), 0, 'it takes two steps')
    await page.getByText('Revoke all', { exact: true }).click()
    await page.getByRole('button', { name: 'Revoke all now' }).click()
    t.match(await textOf(page), 'All revoked everywhere.')
    t.strictSame([await stage.opens(first), await stage.opens(second)], ['expired', 'expired'])
  })

  await t.test('it is switched off and on', async t => {
    await page.getByRole('button', { name: 'Switch off' }).click()
    t.match(await textOf(page), 'Switched off everywhere.')
    await page.getByRole('button', { name: 'Switch on' }).click()
    t.match(await textOf(page), 'Switched on.')
  })

  await t.test('and signing out works', async t => {
    await page.getByRole('button', { name: 'Sign out' }).click()
    t.match(await textOf(page), 'You are signed out here')
    await page.goto(stage.page('northwind'))
    t.match(await textOf(page), 'First, sign in')
  })
})

t.test('what matters stands in the first view of a laptop', async t => {
  const page = await browser.page({ viewport: laptop })

  const isInView = async (what: string, locator: ReturnType<Page['getByText']>) => {
    await page.waitForLoadState() // with its style sheet
    const box = await locator.first().boundingBox()
    t.ok(box !== null && box.y >= 0 && box.y + box.height <= laptop.height, `${what}: ${JSON.stringify(box)}`)
  }

  await t.test('without credentials: the form for the first password', async () => {
    await signIn(page, stage, 'northwind', 'ben')
    await screenshot(page, 'laptop-empty')
    await isInView('user name', page.getByText('ben@example.com'))
    await isInView('main action', page.getByRole('button', { name: 'Create password' }))
  })

  await t.test('with credentials: state, user name, and the way to a new password', async () => {
    await add(page, 'laptop')
    await page.waitForLoadState() // the script makes the words
    const words = await page.locator('pre span').all()
    const heights = await Promise.all(words.map(async each => (await each.boundingBox())?.height ?? 0))
    t.ok(words.length > 20 && Math.max(...heights) < 30, 'no word of a command is on two lines')
    await page.goto(stage.page('northwind'))
    await save(page, chosen)
    await page.goto(stage.page('northwind'))
    await screenshot(page, 'laptop-profile')
    await isInView('state', page.getByText('Switched on', { exact: true }))
    await isInView('user name', page.getByText('ben@example.com'))
    await isInView('main action', page.getByRole('link', { name: 'Add a new password' }))
    await isInView('switch', page.getByRole('button', { name: 'Switch off' }))
    await page.getByRole('link', { name: 'Add a new password' }).click()
    await isInView('its form', page.getByRole('textbox', { name: 'Name', exact: true }))
  })

  await t.test('switched off by an operator: that, and whom to ask', async () => {
    await stage.altgate.must([
      'credential',
      'disable',
      '--scope',
      northwindDirectory.id,
      '--user',
      'ben@example.com',
    ])
    await page.goto(stage.page('northwind'))
    await isInView('state', page.getByText('Switched off', { exact: true }))
    await isInView('whom to ask', page.getByText('Your operator has switched these credentials off'))
  })

  await t.test('before a claim: whose they are, and the claim', async () => {
    const claimer = await browser.page({ viewport: laptop })
    await signIn(claimer, stage, 'contoso')
    await screenshot(claimer, 'laptop-claim')
    const isThere = async (what: string, locator: ReturnType<Page['getByText']>) => {
      await claimer.waitForLoadState()
      const box = await locator.first().boundingBox()
      t.ok(box !== null && box.y + box.height <= laptop.height, `${what}: ${JSON.stringify(box)}`)
    }
    await isThere('user name', claimer.getByText('anna@example.com'))
    await isThere('main action', claimer.getByRole('button', { name: 'Claim credentials' }))
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
