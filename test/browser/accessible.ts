import type { Page } from 'playwright-core'
import type { Test } from 'tap'
import { accessibilityFaults, desktop, narrow, pictures } from '../support/browser.ts'
import { until } from '../support/until.ts'
import { widthOf } from './in-page.ts'

/** Smallest width and height of what can be pressed, in CSS pixels: WCAG 2.5.8. */
const smallestTarget = 24

/** Checks one state of the page in light and dark, and at 320 pixels; keeps pictures of it under its name. */
export async function isAccessible(
  t: Test,
  page: Page,
  name: string,
  title: string,
  language = 'en',
): Promise<void> {
  await shows(t, page, title, language)
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme })
    await pictures(page, name, colorScheme)
    if (colorScheme === 'dark') await page.setViewportSize(narrow)
    t.strictSame(await accessibilityFaults(page), [], `nothing is wrong in ${colorScheme}`)
  }
  t.equal(await widthOf(page), narrow.width, 'there is no horizontal scrolling at 320 pixels')
  t.strictSame(await smallTargets(page), [], 'everything is large enough to be pressed')
  await page.setViewportSize(desktop)
}

async function shows(t: Test, page: Page, title: string, language: string): Promise<void> {
  await until(async () => (await page.title()).replace(/ – Altgate$/, '') === title)
  await page.waitForLoadState()
  t.equal(await page.locator('html').getAttribute('lang'), language, 'it says its language')
  t.equal(await page.getByRole('heading', { level: 1 }).count(), 1, 'it has one heading of the first level')
}

/** Buttons, fields, and links that stand by themselves. Of a choice its label counts: that can be pressed, too. */
export async function smallTargets(page: Page): Promise<readonly string[]> {
  const targets = await page.locator('button, input:not([type=radio]), .choice, .button, .brand').all()
  const boxes = await Promise.all(targets.map(each => each.boundingBox()))
  return boxes
    .filter(box => box !== null)
    .filter(({ width, height }) => width > 1 && Math.min(width, height) < smallestTarget) // one pixel: for screen readers
    .map(box => JSON.stringify(box))
}
