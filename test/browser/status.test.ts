import { hostname } from 'node:os'
import type { BrowserContext, Page } from 'playwright-core'
import t from 'tap'
import { startAltgate } from '../support/altgate.ts'
import { ask } from '../support/ask.ts'
import { startBrowser } from '../support/browser.ts'
import { makeCertificate } from '../support/certificate.ts'
import { temporaryDirectory } from '../support/directory.ts'
import { recordingUpstream } from '../support/recording-upstream.ts'
import { until } from '../support/until.ts'
import { isAccessible } from './accessible.ts'

const anna = 'anna@example.com'
const right = 'canary-right'

t.test('operators see in a browser how the gateway is', async t => {
  const upstream = await recordingUpstream(t)
  const { certFile } = await makeCertificate(temporaryDirectory(t))
  const altgate = await startAltgate(t, { settings: { upstream: { caFile: certFile } } })
  await altgate.arrange({
    accounts: { fabrikam: upstream.url, broken: 'http://127.0.0.1:9' },
    passwords: { [anna]: right },
  })
  const send = async (account: string, password: string) => {
    const { headers } = await ask(`${altgate.url}/${account}/x`, { as: [anna, password] })
    return String(headers['x-request-id'])
  }
  await send('fabrikam', right)
  const first = await send('fabrikam', 'canary-wrong')
  await send('broken', right)
  const browser = await startBrowser(t)
  const address = `${altgate.operationsUrl}/status`

  const person = await browser.person()
  const noticed = watch(person)
  const page = await person.newPage()
  await page.goto(address)

  await t.test('it keeps up with what happens, and says nothing of whom', async t => {
    await shows(page, '#refusals', first)
    const again = await send('fabrikam', 'canary-other')
    await shows(page, '#refusals', again)
    await shows(page, '#parts', 'that of 1 account does not answer')
    await shows(page, '#certificates', 'ends in 1 day')
    await shows(page, '#traffic', 'refused')
    t.match(await page.locator('#gateways').textContent(), `${hostname()}`)
    t.notMatch(await page.content(), /anna|fabrikam|broken|canary|mismatch|127\.0\.0\.1/)
  })

  await t.test('what is selected stays, as long as it says the same', async t => {
    await page.evaluate('document.getElementById("certificates").marked = true')
    const before = await page.locator('#fresh').textContent()
    await until(async () => (await page.locator('#fresh').textContent()) !== before)
    t.equal(await page.evaluate('document.getElementById("certificates").marked'), true)
  })

  await t.test('it can be stopped', async t => {
    await page.getByRole('button', { name: 'Pause' }).click()
    const later = await send('fabrikam', 'canary-third')
    await until(async () => (await altgate.tell('/status.json')).includes(later))
    await page.waitForRequest(address, { timeout: 2500 }).then(
      () => t.fail('it asks all the same'),
      () => t.pass(),
    )
    await page.getByRole('button', { name: 'Resume' }).click()
    await shows(page, '#refusals', later)
  })

  await t.test('it is accessible', async t => {
    await isAccessible(t, page, 'status', `Ready: ${hostname()}`)
  })

  await t.test('without a script it is a page like any other', async t => {
    const plain = await browser.page({ javaScript: false })
    await plain.goto(address)
    await shows(plain, '#refusals', first)
    t.equal(await plain.getByRole('button').count(), 0)
    await plain.getByRole('link', { name: 'Update' }).click()
    t.equal(await plain.getByRole('heading', { level: 1 }).textContent(), `Altgate on ${hostname()}`)
  })

  await t.test('it complies with its policy, and asks nobody else', async t => {
    t.strictSame(noticed.complaints, [])
    t.strictSame([...noticed.asked], [altgate.operationsUrl])
    const injected =
      'document.body.appendChild(Object.assign(document.createElement("script"), { textContent: "document.title = 1" }))'
    await page.evaluate(injected)
    await until(() => noticed.complaints.join('\n').includes('script-src'))
    t.match(await page.title(), 'Ready')
  })

  await t.test('it says that the gateway is gone', async () => {
    await altgate.stop()
    await shows(page, '#fresh', /No answer since .* Trying again/)
  })
})

async function shows(page: Page, place: string, text: string | RegExp): Promise<void> {
  await until(async () => {
    const shown = (await page.locator(place).textContent()) ?? ''
    return typeof text === 'string' ? shown.includes(text) : text.test(shown)
  })
}

/** What a browser complains of, and which origins it has asked. */
function watch(person: BrowserContext) {
  const complaints: string[] = []
  const asked = new Set<string>()
  person.on('console', message => void (message.type() === 'error' && complaints.push(message.text())))
  person.on('weberror', error => void complaints.push(String(error.error())))
  person.on('request', request => void asked.add(new URL(request.url()).origin))
  return { complaints, asked }
}
