import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join, resolve } from 'node:path'
import type { AxeResults } from 'axe-core'
import { chromium, type BrowserContext, type Page } from 'playwright-core'
import type { Test } from 'tap'
import { checkout } from './program.ts'
import { deadlineMs } from './until.ts'

/** Chromium without the parts that have windows, where Debian puts it: it starts and runs with a third less of a processor. */
const program = '/usr/bin/chromium-headless-shell'

/** It asks nobody but the pages it is sent to. */
const args = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--in-process-gpu',
  // One process for all pages: with one for each tab and site, much of the work would be to start them. Cookies, policies and
  // storage know sites apart all the same.
  '--disable-site-isolation-trials',
  '--renderer-process-limit=1',
  '--js-flags=--no-opt,--no-maglev', // no script here runs for as long as it would take to make it fast
]

export interface PersonOptions {
  readonly javaScript?: boolean
  readonly colorScheme?: 'light' | 'dark'
  readonly viewport?: { readonly width: number; readonly height: number }
}

/** A real Chromium. */
export interface TestBrowser {
  /** Somebody with cookies of their own; every page of theirs is a tab. */
  person(options?: PersonOptions): Promise<BrowserContext>
  /** The first tab of a new person. */
  page(options?: PersonOptions): Promise<Page>
}

export const phone = { width: 390, height: 844 }
export const desktop = { width: 1280, height: 900 }
/** The narrowest that WCAG asks for (1.4.10). */
export const narrow = { width: 320, height: 640 }

/** Starts it; it ends with the test. */
export async function startBrowser(t: Test): Promise<TestBrowser> {
  if (!existsSync(program))
    throw new Error(`${program} is missing: install the package chromium-headless-shell`)
  const browser = await chromium.launch({ executablePath: program, args })
  t.teardown(() => browser.close())

  async function person({
    javaScript = true,
    colorScheme = 'light',
    viewport = desktop,
  }: PersonOptions = {}) {
    const context = await browser.newContext({
      javaScriptEnabled: javaScript,
      colorScheme,
      viewport,
      locale: 'en-GB',
      timezoneId: 'UTC',
      permissions: ['clipboard-read', 'clipboard-write'],
    })
    context.setDefaultTimeout(deadlineMs)
    return context
  }
  return { person, page: async options => (await person(options)).newPage() }
}

/** The folder for pictures, to look at: where `ALTGATE_SCREENSHOTS` says. They take longer than the tests themselves. */
const screenshots = process.env['ALTGATE_SCREENSHOTS']

/** Keeps a picture of the whole page as `<name>.png`, if pictures are wanted. */
export async function screenshot(page: Page, name: string): Promise<void> {
  if (screenshots === undefined) return
  const folder = resolve(checkout, screenshots)
  mkdirSync(folder, { recursive: true })
  await page.screenshot({ path: join(folder, `${name}.png`), fullPage: true })
}

/** The same, of a phone and of a desktop, whose size the page has afterwards as before. */
export async function pictures(page: Page, name: string, colorScheme: string): Promise<void> {
  if (screenshots === undefined) return
  for (const [device, size] of Object.entries({ phone, desktop })) {
    await page.setViewportSize(size)
    await screenshot(page, `${name}-${device}-${colorScheme}`)
  }
}

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

/** Those whose pages have axe from their beginning: to send it to each page takes as long as a check. */
const withAxe = new WeakSet<BrowserContext>()

/** WCAG 2.2 at level AA and below, and what axe calls best practices. */
const everything = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']

/** The rules that depend on colours and places. Others depend on what is there alone. */
export const looks = ['color-contrast', 'link-in-text-block', 'target-size', 'scrollable-region-focusable']

/** What axe finds by these rules, or groups of rules. */
export async function accessibilityFaults(page: Page, runOnly = everything): Promise<readonly string[]> {
  const person = page.context()
  if (!withAxe.has(person)) {
    withAxe.add(person)
    await person.addInitScript({ content: axe })
    await page.evaluate(axe)
  }
  // What is right is neither described nor sent here: that would take longer than the check.
  const violations = await page.evaluate(async runOnly => {
    const { axe } = globalThis as unknown as typeof globalThis & {
      axe: { run(options: object): Promise<AxeResults> }
    } // the script above
    const results = await axe.run({ runOnly, resultTypes: ['violations'] })
    return results.violations
  }, runOnly)
  return violations.flatMap(({ id, help, nodes }) =>
    nodes.map(({ html, failureSummary }) => `${id}: ${help}\n${html}\n${failureSummary ?? ''}`),
  )
}
