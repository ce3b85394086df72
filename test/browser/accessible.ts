import type { Page } from 'playwright-core'
import type { Test } from 'tap'
import { accessibilityFaults, desktop, looks, narrow, pictures } from '../support/browser.ts'
import { until } from '../support/until.ts'
import { shownIn, targetsBelow, widthOf } from './in-page.ts'

/** Smallest width and height of what can be pressed, in CSS pixels: WCAG 2.5.8. */
const smallestTarget = 24

/** How pages are looked at: on a large screen by day, and on the narrowest by night. */
const views = [
  { size: desktop, colorScheme: 'light' },
  { size: narrow, colorScheme: 'dark' },
] as const

type View = (typeof views)[number]

/**
 * Checks one state of the page in light, and in dark at 320 pixels; keeps pictures of it under its name. It begins with the view
 * that the page has, and leaves it in the other one: each change of the view costs half as much as a check.
 */
export async function isAccessible(t: Test, page: Page, name: string, title: string): Promise<void> {
  await shows(t, page, title, 'en')
  await holdsIn(t, page, name, page.viewportSize()?.width === narrow.width ? views.toReversed() : views)
}

/** The same of a page in another language than English, at 320 pixels alone: its words are others, its colours are not. */
export async function isAccessibleIn(
  language: string,
  t: Test,
  page: Page,
  name: string,
  title: string,
): Promise<void> {
  await shows(t, page, title, language)
  await holdsIn(t, page, name, [views[1]])
}

async function holdsIn(t: Test, page: Page, name: string, inOrder: readonly View[]): Promise<void> {
  let before: string | undefined
  for (const { size, colorScheme } of inOrder) {
    await page.emulateMedia({ colorScheme })
    await pictures(page, name, colorScheme)
    await page.setViewportSize(size)
    const shown = await shownIn(page)
    // Where the same is shown, a screen reader is told the same, too.
    const rules = shown === before ? looks : undefined
    before = shown
    t.strictSame(await accessibilityFaults(page, rules), [], `nothing is wrong in ${colorScheme}`)
    if (size !== narrow) continue
    t.equal(await widthOf(page), narrow.width, 'there is no horizontal scrolling at 320 pixels')
    t.strictSame(await smallTargets(page), [], 'everything is large enough to be pressed')
  }
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
