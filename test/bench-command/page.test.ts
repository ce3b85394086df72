import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Page } from 'playwright-core'
import t from 'tap'
import { createLedgers, latencies, note, type Outcome } from '../../src/bench/ledger.ts'
import { type Caller, type Load, schedule } from '../../src/bench/load.ts'
import { pageOf } from '../../src/bench/page.ts'
import { type Report, reportOn } from '../../src/bench/report.ts'
import { stretchAt } from '../../src/bench/timeline.ts'
import { accessibilityFaults, phone, screenshot, startBrowser } from '../support/browser.ts'
import { temporaryDirectory } from '../support/directory.ts'
import { anna, git, load, mistaken, stranger } from './callers.ts'

const callers = [
  { ...anna, weight: 6 },
  { ...git, weight: 3 },
  { ...mistaken, name: 'mis<b>taken' },
  { ...stranger, name: 'strangers' },
]

/** A minute of all kinds of callers, in which the gateway was put to the test from second 30 to 40. */
function aReport(
  its: Load = { ...load, ratesPerSecond: [100, 200], durationSeconds: 30 },
  lasted = 60_000,
): Report {
  const ledgers = createLedgers(stretchAt(its))
  const startedLate = latencies(3)
  for (const arrival of schedule(its, callers, Math.random)) {
    const { at, caller } = arrival
    const trouble = at > 30_000 && at < 40_000
    const latency =
      (trouble ? 80 : 8) * (caller.kind === 'anonymous' ? 0.2 : 1) * (1 + ((at * 7919) % 97) / 30)
    if (at < lasted) ledgers.enter({ arrival, result: answerTo(caller, trouble && at % 3 < 1), latency })
    note(startedLate, 1)
  }
  const generator = { loopDelayMs: { p50: 0.1, p99: 31, max: 44 }, utilization: 0.4, bottleneck: true }
  const target = { name: 'here', url: 'https://here.example/<b>/' }
  const startedAt = new Date('2026-11-23T12:00:00Z')
  const measured = { ledgers, startedLate, generator, startedAt, lasted, endedEarly: false, unfinished: 0 }
  return reportOn({ target, callers, load: its, thresholds: { p99Ms: 20 } }, measured)
}

function answerTo({ kind }: Caller, putOff: boolean): { readonly status: number; readonly outcome: Outcome } {
  if (kind === 'anonymous') return { status: 401, outcome: 'challenge' }
  if (kind === 'good') return { status: 200, outcome: 'allow' }
  return putOff ? { status: 429, outcome: 'throttled' } : { status: 401, outcome: 'refused' }
}

/** How many different colours a plot shows: an empty one has those of its axes only. */
function coloursOf(page: Page, plot: string): Promise<number> {
  return page.locator(`#${plot} canvas`).evaluate(element => {
    // The locator finds a canvas; the tests are compiled without the types of browsers.
    const canvas = element as unknown as Canvas
    const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height)
    const seen = new Set<string>()
    for (let at = 0; at < data.length; at += 4)
      if (data[at + 3] === 255) seen.add(data.slice(at, at + 3).join())
    return seen.size
  })
}

interface Canvas {
  readonly width: number
  readonly height: number
  getContext(kind: '2d'): { getImageData(...box: readonly number[]): { readonly data: Uint8ClampedArray } }
}

t.test('the report as a page', async t => {
  const browser = await startBrowser(t)
  const file = join(temporaryDirectory(t), 'report.html')
  const url = pathToFileURL(file).href
  writeFileSync(file, pageOf(aReport()))

  for (const colorScheme of ['light', 'dark'] as const)
    await t.test(`its plots are drawn without a complaint, in ${colorScheme}`, async t => {
      const page = await browser.page({ colorScheme })
      const complaints: string[] = []
      const requests: string[] = []
      page.on('console', message => complaints.push(message.text()))
      page.on('pageerror', error => complaints.push(error.message))
      page.on('request', request => requests.push(request.url()))
      await page.goto(url)
      for (const plot of ['latency', 'distribution', 'outcomes'])
        t.ok((await coloursOf(page, plot)) >= 4, `${plot} shows lines or layers`)
      await page.selectOption('#caller', 'anna')
      t.equal(await page.locator('canvas').count(), 3, 'drawn again, not twice')
      t.strictSame(await accessibilityFaults(page), [])
      t.strictSame(complaints, [])
      t.strictSame(requests, [url], 'it asks nobody for anything')
      await screenshot(page, `bench-report-${colorScheme}`)
    })

  await t.test('it says first what was wrong, and what to doubt', async t => {
    const page = await browser.page()
    await page.goto(url)
    t.match(await page.locator('.verdict').allInnerTexts(), [
      /^Failed\s+anna \(good\) had a p99 of/,
      /^Read this first\s+This load generator was itself too slow/,
    ])
  })

  await t.test('it fits a telephone', async t => {
    const page = await browser.page({ viewport: phone })
    await page.goto(url)
    t.equal(await page.locator('canvas').count(), 3)
    t.equal(await page.evaluate('document.documentElement.scrollWidth'), phone.width)
    await screenshot(page, 'bench-report-phone')
  })

  await t.test('its tables need no script', async t => {
    const page = await browser.page({ javaScript: false })
    await page.goto(url)
    t.match(await page.locator('table').first().innerText(), /anna\s+good\s+\d/)
    t.match(await page.locator('body').innerText(), 'mis<b>taken', 'what people named is text')
  })

  await t.test('a test that was ended before anything was measured makes a page, too', async t => {
    writeFileSync(file, pageOf(aReport({ ...load, warmUpSeconds: 5 }, 1000)))
    const page = await browser.page()
    const complaints: string[] = []
    page.on('pageerror', error => complaints.push(error.message))
    await page.goto(url)
    t.equal(await page.locator('canvas').count(), 3)
    t.strictSame(complaints, [])
  })
})
