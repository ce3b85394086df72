import t from 'tap'
import { startBrowser } from '../support/browser.ts'
import { until } from '../support/until.ts'
import { smuggle } from './in-page.ts'
import { startStage } from './stage.ts'
import { watch } from './watched.ts'

// That no state of the page breaks its own policy is seen where all of them are reached: accessibility.test.ts.

t.test('the policy of the page is enforced', async t => {
  const stage = await startStage(t)
  const person = await (await startBrowser(t)).person()
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
