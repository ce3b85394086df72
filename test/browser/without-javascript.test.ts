import t from 'tap'
import { startBrowser } from '../support/browser.ts'
import { add, save, signIn, textOf } from './people.ts'
import { startStage } from './stage.ts'

const chosen = 'brave-otter-under-the-bridge'

t.test('all that matters works without JavaScript', async t => {
  const stage = await startStage(t)
  const page = await (await startBrowser(t)).page({ javaScript: false })
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
