import type { Page } from 'playwright-core'
import t, { type Test } from 'tap'
import { passwords } from '../../src/demo/cast.ts'
import { people } from '../../src/demo/identity-people.ts'
import { ask } from '../support/ask.ts'
import { startBrowser, type TestBrowser } from '../support/browser.ts'
import { fillIn, save, signIn, startStage, type Stage } from './stage.ts'

const anna = 'anna@example.com'
const first = 'brave-otter-under-the-bridge'
const second = 'quiet-heron-behind-the-mill'

t.test('whatever gets mixed up, nothing is changed by mistake', async t => {
  const stage = await startStage(t)
  const browser = await startBrowser(t)
  const lab = { stage, browser, opens: opensNorthwind(stage) }
  await t.test('a sign-in that takes too long begins anew', tooLong(lab))
  await t.test(
    'the way back from the provider works once, and in the browser where it began',
    onceAndHere(lab),
  )
  await t.test('two tabs sign in at two places at once', twoTabs(lab))
  await t.test('the back button and a reload change nothing', backAndReload(lab))
  await t.test('a form that was open in another tab is too old once the other has saved', otherTab(lab))
  await t.test('signed out in one tab is signed out in the other', signedOut(lab))
  await t.test('a change needs a fresh sign-in', freshSignIn(lab))
  await t.test('after an hour the page shows nothing', anHour(lab))
})

interface Lab {
  readonly stage: Stage
  readonly browser: TestBrowser
  /** What northwind answers to Anna with this password. */
  readonly opens: (password: string) => Promise<string>
}

function tooLong({ stage, browser }: Lab) {
  return async (t: Test) => {
    const page = await browser.page()
    await page.goto(stage.page('northwind'))
    await page.getByRole('link', { name: 'Sign in', exact: true }).click()
    stage.pass(11)
    await fillIn(page)
    t.match(await main(page), /^This sign-in cannot go on\s+It took too long/)
    await page.goto(stage.page('northwind'))
    t.match(await main(page), 'First, show who you are')
  }
}

function onceAndHere({ stage, browser }: Lab) {
  return async (t: Test) => {
    const page = await browser.page()
    await page.goto(`${stage.url}/_altgate/sign-in?account=northwind`)
    const link = await wayBack(page, stage)
    const elsewhere = await browser.page()
    await elsewhere.goto(link)
    t.match(
      await main(elsewhere),
      'This sign-in cannot go on',
      'somebody who was sent the link is not signed in',
    )
    await page.goto(link)
    t.equal(page.url(), stage.page('northwind'), 'and has not used it up')
    await page.goto(link)
    t.match(await main(page), 'This sign-in cannot go on', 'it works once')
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
    t.match(
      await main(northwind),
      /^Alternate credentials\s+for Northwind[^]*Your sets of credentials\s+Contoso/,
    )

    await claim(contoso)
    t.match(
      await main(contoso),
      'not from here, or no longer valid',
      'its form is from before the other sign-in',
    )
    await contoso.goto(stage.page('contoso'))
    await claim(contoso)
    t.match(await main(contoso), /for Contoso\s+They are yours now\./, 'both are signed in')
  }
}

function backAndReload({ stage, browser, opens }: Lab) {
  return async (t: Test) => {
    const page = await browser.page()
    await signIn(page, stage, 'northwind')
    await save(page, first)
    await page.goBack()
    t.match(
      await main(page),
      'What you have now',
      'going back shows what is there now, not what was there before',
    )

    await save(page)
    const made = await page.locator('#made-password').innerText()
    await page.reload()
    t.match(await main(page), 'Nothing was changed this time: this form had been sent already')
    t.notMatch(await page.content(), made)
    await page.goBack()
    t.notMatch(await page.content(), made, 'nobody finds the password by going back')
    t.equal(await opens(made), 'allow')
  }
}

function otherTab({ stage, browser, opens }: Lab) {
  return async (t: Test) => {
    const person = await browser.person()
    const [one, other] = [await person.newPage(), await person.newPage()]
    await signIn(one, stage, 'northwind')
    await other.goto(stage.page('northwind'))
    await save(one, first)
    await save(other, second)
    t.match(await main(other), 'Nothing was changed this time')
    t.strictSame([await opens(first), await opens(second)], ['allow', 'refused'])
    await save(other, second)
    t.strictSame(
      [await opens(first), await opens(second)],
      ['refused', 'allow'],
      'the page that came knows better',
    )
  }
}

function signedOut({ stage, browser, opens }: Lab) {
  return async (t: Test) => {
    const person = await browser.person()
    const [one, other] = [await person.newPage(), await person.newPage()]
    await signIn(one, stage, 'northwind')
    await other.goto(stage.page('northwind'))
    await other.getByRole('button', { name: 'Sign out' }).click()
    await save(one, first)
    t.match(await main(one), /^Your sign-in has ended\s+Nothing was changed/)
    t.equal(await opens(first), 'refused')
    await other.goBack()
    t.match(await main(other), 'First, show who you are', 'going back shows nothing of anybody')
  }
}

function freshSignIn({ stage, browser, opens }: Lab) {
  return async (t: Test) => {
    const page = await browser.page()
    await signIn(page, stage, 'northwind')
    stage.pass(16)
    await save(page, first)
    t.match(await main(page), /^Sign in once more\s+Nothing was changed/)
    t.equal(await opens(first), 'refused')
    await page.goto(stage.page('northwind'))
    t.equal(
      await page.getByRole('button', { name: /Save|Switch/ }).count(),
      0,
      'what cannot be done is not offered',
    )

    await page.locator('main').getByRole('link', { name: 'Sign in again' }).click()
    await fillIn(page)
    await save(page, first)
    t.match(await main(page), /^Saved/, 'the provider has asked for the password although it knew the person')
    t.equal(await opens(first), 'allow')
  }
}

function anHour({ stage, browser }: Lab) {
  return async (t: Test) => {
    const page = await browser.page()
    await signIn(page, stage, 'northwind')
    stage.pass(61)
    await page.reload()
    t.match(await main(page), 'First, show who you are')
  }
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

/** Takes over what the operator made. */
async function claim(page: Page): Promise<void> {
  await page.getByLabel('Present alternate password', { exact: true }).fill(passwords.contoso)
  await page.getByRole('button', { name: 'Make them mine' }).click()
}

async function main(page: Page): Promise<string> {
  await page.waitForLoadState()
  return await page.locator('main').innerText()
}

function opensNorthwind({ url }: Stage): Lab['opens'] {
  const repository = `${url}/northwind/welcome.git/info/refs?service=git-upload-pack`
  return async password => (await ask(repository, { as: [anna, password] })).outcome
}
