import t from 'tap'
import { startBrowser } from '../support/browser.ts'
import { fillIn, signIn, textOf } from './people.ts'
import { startStage } from './stage.ts'

t.test('whoever signs in as somebody of another directory gets nowhere, and is told what to do', async t => {
  const stage = await startStage(t)
  const page = await (await startBrowser(t)).page()
  await signIn(page, stage, 'contoso', 'ben')
  const seen = await textOf(page)
  t.match(seen, 'That was another account')
  t.match(seen, 'The account contoso needs your account in the directory Contoso')
  t.notMatch(seen, /Northwind|ben@example\.com/i, 'where the person is from is not said')

  await t.test('nobody is signed in by it', async t => {
    const tab = await page.context().newPage()
    await tab.goto(stage.page('contoso'))
    t.match(await textOf(tab), 'First, show who you are')
    t.equal(await tab.getByRole('button', { name: 'Sign out' }).count(), 0)
  })

  await t.test('although the provider knows the person now, it asks who is meant', async t => {
    await page.getByRole('link', { name: 'Choose another account' }).click()
    await page.waitForURL(`${stage.provider}/**`)
    await fillIn(page, 'anna')
    // The provider signs the other one out by a page that sends itself.
    await page.waitForURL(stage.page('contoso'))
    t.match(await textOf(page), /^Alternate credentials\s+for Contoso/)
  })
})
