import type { Page } from 'playwright-core'
import type { Test } from 'tap'
import { accessibilityFaults, desktop, looks, narrow, pictures } from '../support/browser.ts'
import { until } from '../support/until.ts'
import { shownIn, targetsBelow, widthOf } from './in-page.ts'

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
  await page.emulateMedia({ colorScheme: 'light' })
  await pictures(page, name, 'light')
  t.strictSame(await accessibilityFaults(page), [], 'nothing is wrong in light')
  const shown = await shownIn(page)
  await page.emulateMedia({ colorScheme: 'dark' })
  await pictures(page, name, 'dark')
  await page.setViewportSize(narrow)
  // Where the same is shown, a screen reader is told the same, too.
  const rules = (await shownIn(page)) === shown ? looks : undefined
  t.strictSame(await accessibilityFaults(page, rules), [], 'nothing is wrong in dark')
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

/** What can be pressed and is too small for it. */
export function smallTargets(page: Page): Promise<readonly string[]> {
  return targetsBelow(page, smallestTarget)
}
