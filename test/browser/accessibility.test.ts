import t from 'tap'
import { accessibilityFaults, narrow, startBrowser } from '../support/browser.ts'
import { isAccessible, smallTargets } from './accessible.ts'
import { widthOf } from './in-page.ts'
import { addBroken, startStage } from './stage.ts'
import { states } from './states.ts'
import { watch } from './watched.ts'

t.test('every state of the page is accessible, and complies with its own policy', async t => {
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
