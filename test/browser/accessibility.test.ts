import t from 'tap'
import { accessibilityFaults, narrow, startBrowser } from '../support/browser.ts'
import { isAccessible, smallTargets } from './accessible.ts'
import { widthOf } from './in-page.ts'
import { addBroken, startStage } from './stage.ts'
import { states } from './states.ts'

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
      await isAccessible(t, await reach(visitors, stage), name, title)
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
