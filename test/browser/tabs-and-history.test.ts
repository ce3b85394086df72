import type { Page } from 'playwright-core'
import t, { type Test } from 'tap'
import { passwords } from '../../src/demo/people.ts'
import { startBrowser, type TestBrowser } from '../support/browser.ts'
import { fillIn, save, signIn, textOf } from './people.ts'
import { startStage, type Stage } from './stage.ts'

const first = 'brave-otter-under-the-bridge'
const second = 'quiet-heron-behind-the-mill'

t.test('several tabs and the way through the history change nothing by mistake', async t => {
  const lab = { stage: await startStage(t), browser: await startBrowser(t) }
  await t.test('two tabs sign in at two places at once', twoTabs(lab))
  await t.test('the back button and a reload change nothing', backAndReload(lab))
  await t.test('a form that was open in another tab is too old once the other has saved', otherTab(lab))
})

interface Lab {
  readonly stage: Stage
  readonly browser: TestBrowser
}

function twoTabs({ stage, browser }: Lab) {
  return async (t: Test) => {
    const person = await browser.person()
    const [northwind, contoso] = [await person.newPage(), await person.newPage()]
    for (const [page, account] of [
      [northwind, 'northwind'],
      [contoso, 'contoso'],
    ] as const) {
      await page.goto(stage.page(account))
      await page.getByRole('link', { name: 'Sign in', exact: true }).click()
    }
    await fillIn(contoso)
    await fillIn(northwind)
    t.match(await textOf(northwind), /^Alternate credentials\s+for Northwind/)
    t.notMatch(await textOf(northwind), 'Your sets of credentials', 'a sign-in keeps nothing of another one')

    await claim(contoso)
    t.match(
      await textOf(contoso),
      'not valid, or no longer valid',
      'its form is from before the other sign-in',
    )
    await contoso.goto(stage.page('northwind'))
    await contoso.getByLabel('Sign in for another account as well').fill('contoso')
    await contoso.getByRole('button', { name: 'Continue' }).click()
    await contoso.getByRole('link', { name: 'Continue' }).click()
    t.match(
      await textOf(contoso),
      /for Contoso[^]*Link your sign-ins[^]*Your sets of credentials\s+Northwind/,
    )
    await claim(contoso)
    t.match(await textOf(contoso), /for Contoso\s+The credentials are now yours\./, 'both are signed in')
  }
}

function backAndReload({ stage, browser }: Lab) {
  return async (t: Test) => {
    const page = await browser.page()
    await signIn(page, stage, 'northwind')
    await save(page, first)
    await page.goBack()
    t.match(
      await textOf(page),
      'Your current credentials',
      'going back shows what is there now, not what was there before',
    )

    await save(page)
    const made = await page.locator('#made-password').innerText()
    await page.reload()
    t.match(await textOf(page), 'Nothing was changed: this form was already submitted')
    t.notMatch(await page.content(), made)
    await page.goBack()
    t.notMatch(await page.content(), made, 'going back does not show the password')
    t.equal(await stage.opens(made), 'allow')
  }
}

function otherTab({ stage, browser }: Lab) {
  return async (t: Test) => {
    const person = await browser.person()
    const [one, other] = [await person.newPage(), await person.newPage()]
    await signIn(one, stage, 'northwind')
    await other.goto(stage.page('northwind'))
    await save(one, first)
    await save(other, second)
    t.match(await textOf(other), 'Nothing was changed')
    t.strictSame([await stage.opens(first), await stage.opens(second)], ['allow', 'refused'])
    await save(other, second)
    t.strictSame(
      [await stage.opens(first), await stage.opens(second)],
      ['refused', 'allow'],
      'the page that came knows better',
    )
  }
}

/** Takes over what the operator made. */
async function claim(page: Page): Promise<void> {
  await page.getByLabel('Current alternate password', { exact: true }).fill(passwords.contoso)
  await page.getByRole('button', { name: 'Claim credentials' }).click()
}
