import type { BrowserContext, ConsoleMessage } from 'playwright-core'
import t from 'tap'
import { startBrowser } from '../support/browser.ts'
import { until } from '../support/until.ts'
import { smuggle } from './in-page.ts'
import { addBroken, startStage } from './stage.ts'
import { states } from './states.ts'

t.test('the page complies with its own policy and requests nothing from other sites', async t => {
  const stage = await startStage(t)
  await addBroken(stage)
  const browser = await startBrowser(t)
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

  for (const { name, reach } of states) {
    await t.test(name, async t => {
      const page = await reach(visitors, stage)
      await page.waitForLoadState()
      t.strictSame(complaints(), [])
    })
  }

  await t.test('browsers have sent requests only to the gateway and the provider', async t => {
    const asked = new Set(noticed.flatMap(each => [...each.asked]))
    t.strictSame([...asked].sort(), [stage.url, stage.provider].sort())
  })

  await t.test('injected content has no effect', async t => {
    const { stranger } = visitors
    await stranger.goto(stage.page('northwind'))
    await smuggle(stranger, stage.provider)
    t.equal(stranger.url(), stage.page('northwind'))
    t.not(await stranger.title(), 'Smuggled')
    let said = ''
    await until(() => (said += complaints().join('\n')).includes('form-action'))
    for (const directive of ['script-src', 'img-src']) t.match(said, directive)
  })

  await t.test('no other page can show it in a frame', async t => {
    const { stranger } = visitors
    await stranger.goto(`${stage.provider}/`)
    await stranger.setContent(`<iframe src="${stage.page('northwind')}"></iframe>`)
    await until(() => complaints().join('\n').includes("frame-ancestors 'none'"))
    t.equal(await stranger.frameLocator('iframe').getByRole('heading').count(), 0)
  })
})

/** What a browser reports to developers, and the origins that it requests. */
interface Noticed {
  readonly complaints: string[]
  readonly asked: Set<string>
}

function watch(person: BrowserContext): Noticed {
  const noticed: Noticed = { complaints: [], asked: new Set() }
  person.on('console', message => {
    if (['error', 'warning'].includes(message.type()) && !isStatus(message))
      noticed.complaints.push(message.text())
  })
  person.on('weberror', error => noticed.complaints.push(String(error.error())))
  person.on('request', request => noticed.asked.add(new URL(request.url()).origin))
  return noticed
}

/** Chromium complains of every page whose status is 400 or more. */
function isStatus(message: ConsoleMessage): boolean {
  return (
    message.text().startsWith('Failed to load resource') && message.location().url === message.page()?.url()
  )
}
