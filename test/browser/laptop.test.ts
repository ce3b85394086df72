import type { Page } from 'playwright-core'
import t from 'tap'
import { northwindDirectory } from '../../src/demo/people.ts'
import { screenshot, startBrowser } from '../support/browser.ts'
import { add, save, signIn } from './people.ts'
import { startStage } from './stage.ts'
import { password } from './states.ts'

/** A laptop of 1366 by 768, without what a browser has around the page. */
const laptop = { width: 1366, height: 657 }

t.test('what matters stands in the first view of a laptop', async t => {
  const stage = await startStage(t)
  const browser = await startBrowser(t)
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
    await save(page, password)
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
    const anna = await browser.page({ viewport: laptop })
    await signIn(anna, stage, 'contoso')
    await screenshot(anna, 'laptop-claim')
    const isThere = async (what: string, locator: ReturnType<Page['getByText']>) => {
      await anna.waitForLoadState()
      const box = await locator.first().boundingBox()
      t.ok(box !== null && box.y + box.height <= laptop.height, `${what}: ${JSON.stringify(box)}`)
    }
    await isThere('user name', anna.getByText('anna@example.com'))
    await isThere('main action', anna.getByRole('button', { name: 'Claim credentials' }))
  })
})
