import type { Page } from 'playwright-core'
import t, { type Test } from 'tap'
import { people } from '../../src/demo/identity-pages.ts'
import { passwords } from '../../src/demo/people.ts'
import { startBrowser, type TestBrowser } from '../support/browser.ts'
import { fillIn, save, signIn, textOf } from './people.ts'
import { startStage, type Stage } from './stage.ts'

const anna = 'anna@example.com'
const password = 'brave-otter-under-the-bridge'
const another = 'quiet-heron-behind-the-mill'

const lab = { stage: await startStage(t), browser: await startBrowser(t) }

t.test('what is too old or has been used counts for nothing', async t => {
  await t.test('a sign-in that takes too long begins anew', tooLong(lab))
  await t.test(
    'the way back from the provider works once, and in the browser where it began',
    onceAndHere(lab),
  )
  await t.test('signed out in one tab is signed out in the other', signedOut(lab))
  await t.test('a change needs a fresh sign-in', freshSignIn(lab))
  await t.test('after an hour the page shows nothing', anHour(lab))
  await t.test('a user of another directory is refused, with what to do next', wrongDirectory(lab))
})

t.test('several tabs and the way through the history change nothing by mistake', async t => {
  await t.test('two tabs sign in at two places at once', twoTabs(lab))
  await t.test('the back button and a reload change nothing', backAndReload(lab))
  await t.test('a form that was open in another tab is too old once the other has saved', otherTab(lab))
})

interface Lab {
  readonly stage: Stage
  readonly browser: TestBrowser
}

function tooLong({ stage, browser }: Lab) {
  return async (t: Test) => {
    const page = await browser.page()
    await page.goto(stage.page('northwind'))
    await page.getByRole('link', { name: 'Sign in', exact: true }).click()
    // After ten minutes the browser has dropped what it kept; self-service/signing-in has the gateway's own clock.
    const kept = (await page.context().cookies()).filter(({ name }) => name.startsWith('altgate-sign-in-'))
    t.equal(kept.length, 1)
    t.ok(Math.abs((kept[0]?.expires ?? 0) - Date.now() / 1000 - 600) < 120, 'kept for ten minutes')
    await page.context().clearCookies({ name: /^altgate-sign-in-/ })
    await fillIn(page)
    t.match(await textOf(page), /^This sign-in cannot be completed\s+It took too long/)
    await page.goto(stage.page('northwind'))
    t.match(await textOf(page), 'First, sign in')
  }
}

function onceAndHere({ stage, browser }: Lab) {
  return async (t: Test) => {
    const page = await browser.page()
    await page.goto(`${stage.url}/_altgate/sign-in?account=northwind`)
    const link = await wayBack(page, stage)
    const elsewhere = await browser.page()
    await elsewhere.goto(`${stage.url}/_altgate/sign-in?account=northwind`)
    await elsewhere.goto(link)
    t.match(
      await textOf(elsewhere),
      'This sign-in cannot be completed',
      'another browser with the link is not signed in',
    )
    await page.goto(link)
    t.equal(page.url(), stage.page('northwind'), 'and has not used it up')
    await page.goto(link)
    t.match(await textOf(page), 'This sign-in cannot be completed', 'it works once')
  }
}

/** Two tabs of one person who has signed in, both with the page. */
async function openTabs(stage: Lab['stage'], browser: Lab['browser']) {
  const person = await browser.person()
  const [one, other] = [await person.newPage(), await person.newPage()]
  await signIn(one, stage, 'northwind')
  await other.goto(stage.page('northwind'))
  return [one, other] as const
}

function signedOut({ stage, browser }: Lab) {
  return async (t: Test) => {
    const [one, other] = await openTabs(stage, browser)
    await other.getByRole('button', { name: 'Sign out' }).click()
    await save(one, password)
    t.match(await textOf(one), /^Your sign-in has ended\s+Nothing was changed/)
    t.equal(await stage.opens(password), 'refused')
    await other.goBack()
    t.match(await textOf(other), 'First, sign in', 'going back shows no credentials')
  }
}

function freshSignIn({ stage, browser }: Lab) {
  return async (t: Test) => {
    const page = await browser.page()
    await signIn(page, stage, 'northwind')
    stage.pass(16)
    await save(page, password)
    t.match(await textOf(page), /^Sign in again\s+Nothing was changed/)
    t.equal(await stage.opens(password), 'refused')
    await page.goto(stage.page('northwind'))
    t.equal(
      await page.getByRole('button', { name: /Save|Switch/ }).count(),
      0,
      'what cannot be done is not offered',
    )

    await page.locator('main').getByRole('link', { name: 'Sign in again' }).click()
    await fillIn(page)
    await save(page, password)
    t.match(
      await textOf(page),
      /^Saved/,
      'the provider has asked for the password although it knew the person',
    )
    t.equal(await stage.opens(password), 'allow')
  }
}

function anHour({ stage, browser }: Lab) {
  return async (t: Test) => {
    const page = await browser.page()
    await signIn(page, stage, 'northwind')
    await page.waitForURL(stage.page('northwind'))
    stage.pass(61)
    await page.reload()
    t.match(await textOf(page), 'First, sign in')
  }
}

function wrongDirectory({ stage, browser }: Lab) {
  return async (t: Test) => {
    const page = await browser.page()
    await signIn(page, stage, 'contoso', 'ben')
    const seen = await textOf(page)
    t.match(seen, 'You signed in with a different account')
    t.match(seen, 'The account contoso requires your account in the directory Contoso')
    t.notMatch(seen, /Northwind|ben@example\.com/i, 'where the person is from is not said')

    await t.test('it starts no session', async t => {
      const tab = await page.context().newPage()
      await tab.goto(stage.page('contoso'))
      t.match(await textOf(tab), 'First, sign in')
      t.equal(await tab.getByRole('button', { name: 'Sign out' }).count(), 0)
    })

    await t.test('the provider asks which account to use although it has a session', async t => {
      await page.getByRole('link', { name: 'Choose another account' }).click()
      await page.waitForURL(`${stage.provider}/**`)
      await fillIn(page, 'anna')
      // The provider signs the other one out by a page that sends itself.
      await page.waitForURL(stage.page('contoso'))
      t.match(await textOf(page), /^Alternate credentials\s+for Contoso/)
    })
  }
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
    await save(page, password)
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
    const [one, other] = await openTabs(stage, browser)
    await save(one, password)
    await save(other, another)
    t.match(await textOf(other), 'Nothing was changed')
    t.strictSame([await stage.opens(password), await stage.opens(another)], ['allow', 'refused'])
    await save(other, another)
    t.strictSame(
      [await stage.opens(password), await stage.opens(another)],
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

/** Signs in at the provider's form and stops before the browser comes back; gives the address that it would go to. */
async function wayBack(page: Page, { url }: Stage): Promise<string> {
  const { request } = page.context()
  const form = { login: anna, password: people.find(({ email }) => email === anna)?.password ?? '' }
  let to = page.url()
  let answer = await request.post(to, { form, maxRedirects: 0 })
  for (;;) {
    to = new URL(answer.headers()['location'] ?? '', to).href
    if (to.startsWith(url)) return to
    answer = await request.get(to, { maxRedirects: 0 })
  }
}
