import t from 'tap'
import { foldUsername } from '../../src/gateway/names.ts'
import { aLab, choose, generate, northwind, visitor } from './lab.ts'

const anna = foldUsername('anna@example.com')
const words = 'a long enough one'

t.test('what an operator has switched off stays off, whatever its user does on the page', async t => {
  const lab = await aLab(t)
  const { registry } = lab.services
  const { browser, page } = await visitor(lab, 'northwind')
  await browser.send(page, '/credential', choose(words))
  // Opened before the block, in another tab.
  const off = await browser.send(await browser.go(lab.page('northwind')), '/switch')
  t.match(off.text, 'Switched off everywhere.')
  t.equal(await registry.switchCredential('cli:root', northwind, anna, false), undefined)

  const shown = await browser.go(lab.page('northwind'))
  t.match(shown.text, 'Your operator has switched these credentials off.')
  t.match(shown.text, 'ask your operator')
  t.notMatch(shown.text, 'action="/_altgate/switch"', 'there is nothing to press')
  const refused = await browser.send(off, '/switch', { on: '1' })
  t.match(refused.text, 'Your operator has switched these credentials off, and only your operator can')
  t.equal(await lab.opens('northwind', anna, words), 403)

  const saved = await browser.send(shown, '/credential', choose('another long one'))
  t.match(saved.text, 'Your operator has switched them off: ask your operator.')
  t.equal(await lab.opens('northwind', anna, 'another long one'), 403, 'a new password does not end it')

  await registry.switchCredential('cli:root', northwind, anna, true)
  t.equal(await lab.opens('northwind', anna, 'another long one'), 403, 'the user’s own switch is still off')
  const theirs = await browser.send(await browser.go(lab.page('northwind')), '/switch')
  t.match(theirs.text, 'Switched on.')
  t.equal(await lab.opens('northwind', anna, 'another long one'), 200)
})

t.test('a person who is blocked gets no working password in any scope', async t => {
  const lab = await aLab(t)
  t.equal(await lab.services.registry.blockPerson('cli:root', anna, true, () => {}), undefined)
  const { browser, page } = await visitor(lab, 'northwind')
  const saved = await browser.send(page, '/credential', generate)
  t.match(saved.text, 'Your operator has switched them off: ask your operator.')
  const [record] = await lab.services.registry.credentials(northwind)
  t.match(record, { username: anna, enabled: false, disabledBy: ['operator'] })
})

t.test('a session that is revoked has to sign in again', async t => {
  const lab = await aLab(t)
  const { registry } = lab.services
  const { browser, page } = await visitor(lab, 'northwind')
  t.match(page.text, 'Alternate credentials')
  const before = await browser.go(lab.page('northwind'))
  const whose = { people: [], username: anna }
  t.equal(await registry.revokeSessions('cli:root', { ...whose, username: foldUsername('b@example.com') }), 0)
  t.equal(await registry.revokeSessions('cli:root', whose), 1)
  t.match((await browser.go(lab.page('northwind'))).text, 'First, sign in')
  t.equal((await browser.send(before, '/credential', choose(words))).status, 403)
  t.strictSame(await registry.credentials(northwind), [])
})
