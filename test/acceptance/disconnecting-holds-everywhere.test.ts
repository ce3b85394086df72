import t from 'tap'
import { Browser, type Seen } from '../self-service/browser.ts'
import { choose, generate } from '../self-service/lab.ts'
import { ask } from '../support/ask.ts'
import { type DelegatedWorld, startDelegatedWorld } from '../support/delegated-world.ts'

const anna = 'anna@example.com'
const password = 'brave-otter-under-the-bridge'

t.test('a user who has disconnected is asked to sign in by every gateway, and not before', async t => {
  const world = await startDelegatedWorld(t)
  await world.move()
  const { url } = await world.another()
  const browser = new Browser()
  const page = await connect(world, browser)
  await browser.send(page, '/credential', { ...generate, ...choose(password) })
  const outcomes = async () => {
    const path = '/northwind/welcome.git/info/refs?service=git-upload-pack'
    const both = [world.url, url].map(each => ask(each + path, { as: [anna, password] }))
    return (await Promise.all(both)).map(({ status, outcome }) => `${status} ${outcome}`)
  }
  t.strictSame(await outcomes(), ['200 allow', '200 allow'])

  for (let times = 0; times < 3; times += 1) {
    await browser.send(await browser.go(world.page('northwind')), '/disconnect')
    t.strictSame(await outcomes(), ['403 sign-in-needed', '403 sign-in-needed'])
    await connect(world, browser)
    t.strictSame(await outcomes(), ['200 allow', '200 allow'])
  }
})

/** Signs in, and gives the consent the first time. */
async function connect(world: DelegatedWorld, browser: Browser): Promise<Seen> {
  let seen = await browser.go(`${world.url}/_altgate/sign-in?account=northwind`)
  for (const fields of [{ login: anna, password: 'anna-demo' }, { accept: 'yes' }])
    if (!seen.url.startsWith(world.url)) seen = await browser.send(seen, '/interaction/', fields)
  return seen
}
