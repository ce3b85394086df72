import { readFileSync } from 'node:fs'
import { extname, join } from 'node:path'
import type { BrowserContext, Page as Tab } from 'playwright-core'
import t from 'tap'
import { palette } from '../../src/common/palette.ts'
import { framed, Html, html, type Page } from '../../src/self-service/html.ts'
import { de } from '../../src/self-service/messages/de.ts'
import { everyPage } from '../self-service/every-page.ts'
import { accessibilityFaults, looks, narrow, startBrowser } from '../support/browser.ts'
import { checkout } from '../support/program.ts'
import { until } from '../support/until.ts'
import { isAccessible, isAccessibleIn, smallTargets } from './accessible.ts'
import { smuggle, tooWide, widthOf } from './in-page.ts'
import { addBroken, startStage } from './stage.ts'
import { states } from './states.ts'
import { watch } from './watched.ts'

const browser = await startBrowser(t)

t.test('every state of the page is accessible, and complies with its own policy', async t => {
  const stage = await startStage(t)
  await addBroken(stage)
  const person = {
    anna: await browser.person(),
    ben: await browser.person(),
    stranger: await browser.person(),
  }
  const noticed = Object.values(person).map(watch)
  const visitors = {
    anna: await person.anna.newPage(),
    ben: await person.ben.newPage(),
    stranger: await person.stranger.newPage(),
  }
  const complaints = () => noticed.flatMap(each => each.complaints.splice(0))
  for (const { name, title, reach } of states) {
    await t.test(name, async t => {
      const page = await reach(visitors, stage)
      await page.waitForLoadState()
      t.strictSame(complaints(), [], 'the browser has nothing to complain of')
      await isAccessible(t, page, name, title)
    })
  }
  await t.test('browsers have sent requests only to the gateway and the provider', async t => {
    const asked = new Set(noticed.flatMap(each => [...each.asked]))
    t.strictSame([...asked].sort(), [stage.url, stage.provider].sort())
  })
  await t.test('the policy of the page is enforced', async t => {
    const person = await browser.person()
    const { complaints } = watch(person)
    const page = await person.newPage()

    await t.test('injected content has no effect', async t => {
      await page.goto(stage.page('northwind'))
      await smuggle(page, stage.provider)
      t.equal(page.url(), stage.page('northwind'))
      t.not(await page.title(), 'Smuggled')
      await until(() => complaints.join('\n').includes('form-action'))
      for (const directive of ['script-src', 'img-src']) t.match(complaints.join('\n'), directive)
    })

    await t.test('no other page can show it in a frame', async t => {
      await page.goto(`${stage.provider}/`)
      await page.setContent(`<iframe src="${stage.page('northwind')}"></iframe>`)
      await until(() => complaints.join('\n').includes("frame-ancestors 'none'"))
      t.equal(await page.frameLocator('iframe').getByRole('heading').count(), 0)
    })
  })
})

/** Of each kind one, all of which other tests show in English: axe takes its time. */
const closely = [
  'only generated',
  'to claim again',
  'prepared 0 false',
  'linked',
  'helpers',
  'passwords',
  'replacing',
  'connected',
  'sign-in needed',
  'saved, chosen',
  'a helper asks, wrong name',
  'a device asks',
] as const

t.test('German words are longer: every page fits, and is accessible', async t => {
  const person = await browser.person({ viewport: narrow })
  const { complaints } = watch(person)
  const show = await servingPages(person)
  const page = await person.newPage()
  await t.test('at 320 pixels, also what is folded up', async t => {
    const parts = Object.entries(everyPage).map(([name, { main }]) => {
      const part = main instanceof Html ? main : main(de)
      return html`<section data-name="${name}">${part}</section>`
    })
    await show(page, { status: 200, title: 'All', main: () => html`${parts}` })
    await page.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true })")
    t.strictSame(await tooWide(page), [])
    t.equal(await widthOf(page), narrow.width)
  })
  for (const name of closely)
    await t.test(name, async t => {
      const shown = everyPage[name]
      if (shown === undefined) throw new Error(`there is no page ${name}`)
      await show(page, shown)
      const title = typeof shown.title === 'string' ? shown.title : shown.title(de)
      await isAccessibleIn('de', t, page, `german-${name.replace(/\W+/g, '-')}`, title)
    })
  const time = await page.locator('time').first().innerText()
  t.match(time, /^28\. Nov\. 2026, 01:06 UTC$/, 'the script keeps to the language, and names the zone')
  t.strictSame(complaints, [], 'the browser has nothing to complain of')
})

/** Serves a page in German as the gateway does, without one. */
async function servingPages(person: BrowserContext) {
  const types = { css: 'text/css', js: 'text/javascript', svg: 'image/svg+xml' }
  const folder = join(checkout, 'src', 'self-service', 'assets')
  let body = ''
  await person.route('**/*', async route => {
    const name = new URL(route.request().url()).pathname.replace('/_altgate/', '')
    if (name === '') return await route.fulfill({ contentType: 'text/html; charset=utf-8', body })
    const file = readFileSync(join(folder, name), 'utf8')
    const contentType = types[extname(name).slice(1) as keyof typeof types] // the page asks for no others
    await route.fulfill({ contentType, body: name === 'style.css' ? palette + file : file })
  })
  return async (tab: Tab, page: Page) => {
    body = framed(page, { requestId: '0', language: 'de', brand: { support: 'mailto:hilfe@example.com' } })
    await tab.goto('http://german.test/_altgate/')
  }
}

t.test('the check finds what is wrong', async t => {
  const page = await browser.page({ viewport: narrow })
  await page.setContent(
    '<p style="width: 500px; color: #999">Faint</p><button style="height: 9px">x</button>',
  )
  const faults = (await accessibilityFaults(page)).join('\n')
  for (const id of ['color-contrast', 'html-has-lang', 'document-title']) t.match(faults, id)
  t.match(await accessibilityFaults(page, looks), [/^color-contrast/], 'also by the rules of looks alone')
  t.not(await widthOf(page), narrow.width)
  t.equal((await smallTargets(page)).length, 1)
})
