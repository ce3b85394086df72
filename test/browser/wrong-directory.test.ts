import t from 'tap'
import { startBrowser } from '../support/browser.ts'
import { fillIn, signIn, textOf } from './people.ts'
import { startStage } from './stage.ts'

t.test('a sign-in with a user of another directory is refused, with what to do next', async t => {
  const stage = await startStage(t)
  const page = await (await startBrowser(t)).page()
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
})
