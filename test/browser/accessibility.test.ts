import type { Page } from 'playwright-core'
import t, { type Test } from 'tap'
import { accessibilityFaults, desktop, narrow, phone, screenshot, startBrowser } from '../support/browser.ts'
import { until } from '../support/until.ts'
import { widthOf } from './in-page.ts'
import { addBroken, startStage } from './stage.ts'
import { states } from './states.ts'

/** Smallest width and height of what can be pressed, in CSS pixels: WCAG 2.5.8. */
const smallestTarget = 24

t.test('every state of the page is accessible', async t => {
  const stage = await startStage(t)
  await addBroken(stage)
  const browser = await startBrowser(t)
  const visitors = {
    anna: await browser.page(),
    ben: await browser.page(),
    stranger: await browser.page(),
  }
  for (const { name, title, reach } of states) {
    await t.test(name, async t => {
      const page = await reach(visitors, stage)
      await shows(t, page, title)
      for (const colorScheme of ['light', 'dark'] as const) {
        await page.emulateMedia({ colorScheme })
        await page.setViewportSize(phone)
        await screenshot(page, `${name}-phone-${colorScheme}`)
        await page.setViewportSize(desktop)
        await screenshot(page, `${name}-desktop-${colorScheme}`)
        if (colorScheme === 'dark') await page.setViewportSize(narrow)
        t.strictSame(await accessibilityFaults(page), [], `nothing is wrong in ${colorScheme}`)
      }
      t.equal(await widthOf(page), narrow.width, 'there is no horizontal scrolling at 320 pixels')
      t.strictSame(await smallTargets(page), [], 'everything is large enough to be pressed')
      await page.setViewportSize(desktop)
    })
  }
})

t.test('the check finds what is wrong', async t => {
  const browser = await startBrowser(t)
  const page = await browser.page({ viewport: narrow })
  await page.setContent(
    '<p style="width: 500px; color: #999">Faint</p><button style="height: 9px">x</button>',
  )
  const faults = (await accessibilityFaults(page)).join('\n')
  for (const id of ['color-contrast', 'html-has-lang', 'document-title']) t.match(faults, id)
  t.not(await widthOf(page), narrow.width)
  t.equal((await smallTargets(page)).length, 1)
})

async function shows(t: Test, page: Page, title: string): Promise<void> {
  await until(async () => (await page.title()).replace(/ – Altgate$/, '') === title)
  await page.waitForLoadState()
  t.equal(await page.locator('html').getAttribute('lang'), 'en', 'it says its language')
  t.equal(await page.getByRole('heading', { level: 1 }).count(), 1, 'it has one heading of the first level')
}

/** Buttons, fields, and links that stand by themselves. Of a choice its label counts: that can be pressed, too. */
async function smallTargets(page: Page): Promise<readonly string[]> {
  const targets = await page.locator('button, input:not([type=radio]), .choice, .button, .brand').all()
  const boxes = await Promise.all(targets.map(each => each.boundingBox()))
  return boxes
    .filter(box => box !== null)
    .filter(({ width, height }) => width > 1 && Math.min(width, height) < smallestTarget) // one pixel: for screen readers
    .map(box => JSON.stringify(box))
}
