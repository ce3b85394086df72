import t from 'tap'
import type { Scope } from '../../src/gateway/names.ts'
import { hashed, type Session } from '../../src/self-service/session.ts'
import { formIn, type Browser } from './browser.ts'
import { aLab, contoso, northwind, signIn, visitor } from './lab.ts'

const lab = await aLab(t)

async function links() {
  return await lab.services.registry.links(contoso, northwind)
}

t.test('whoever has signed in for one scope only is not asked', async t => {
  const { page } = await visitor(lab, 'northwind')
  t.notMatch(page.text, 'Are you one person?')
})

t.test('whoever has signed in to both in one session may say so, and then is known in both', async t => {
  const { browser } = await visitor(lab, 'contoso')
  const page = await signIn(lab, browser, 'northwind')
  t.match(page.text, 'Are you one person?')
  t.equal((await links()).size, 0, 'signing in alone links nobody')
  const done = await browser.send(page, '/link')
  t.equal(done.status, 200)
  t.match(done.text, 'Linked: both are you.')
  t.match(done.text, 'known to be you')
  t.notMatch(done.text, 'action="/_altgate/link"')

  const [[mine, other] = []] = await links()
  const owner = /^[0-9a-f-]{36}$/
  t.match(mine, owner)
  t.match(other, owner)
  t.match((await lab.changes()).at(-1), { action: 'identities-linked', actor: `page:${other}` })
  t.match(lab.notices.at(-1), { what: 'linked', scope: northwind, username: 'anna@example.com' })

  const seenFromThere = await browser.go(lab.page('contoso'))
  t.match(seenFromThere.text, 'known to be you')
  const again = await browser.send(page, '/link')
  t.match(again.text, 'That was known already.')
})

t.test('a sign-in that is not recent is no proof', async t => {
  const { browser } = await visitor(lab, 'contoso')
  const page = await signIn(lab, browser, 'fabrikam')
  t.match(page.text, 'action="/_altgate/link"')
  await age(browser, contoso, 16)
  const stale = await browser.go(lab.page('fabrikam'))
  t.notMatch(stale.text, 'action="/_altgate/link"')
  t.match(stale.text, 'href="/_altgate/sign-in?account=contoso&amp;ask=again"')
  const before = (await lab.changes()).length
  const sent = await browser.send(page, '/link')
  t.match(sent.text, 'Sign in to both once more')
  t.equal((await lab.changes()).length, before)
})

t.test('nobody is linked to a scope for which they have not signed in, whatever the form says', async t => {
  const { browser } = await visitor(lab, 'fabrikam')
  const page = await signIn(lab, browser, 'contoso')
  const before = (await lab.changes()).length
  for (const scope of [northwind, contoso, 'nonsense', '']) {
    const text = page.text.replace(/name="with" value="[^"]*"/, `name="with" value="${scope}"`)
    const sent = await browser.send({ ...page, text }, '/link')
    t.match(sent.text, 'Nothing was changed this time.', scope)
  }
  t.equal((await lab.changes()).length, before)
})

t.test('a form without the token of the session links nobody', async t => {
  const { browser } = await visitor(lab, 'fabrikam')
  const page = await signIn(lab, browser, 'contoso')
  const { hidden } = formIn(page.text, '/link')
  const before = (await lab.changes()).length
  const forged = { ...page, text: page.text.replaceAll(hidden['csrf'] ?? '', 'guess') }
  t.equal((await browser.send(forged, '/link')).status, 403)
  t.equal((await lab.changes()).length, before)
})

/** Makes the sign-in for one scope so many minutes older. */
async function age(browser: Browser, scope: Scope, minutes: number): Promise<void> {
  const { sessions } = lab.services
  const name = hashed('session', browser.cookie('127.0.0.1', 'altgate') ?? '')
  const session = JSON.parse((await sessions.get(name)) ?? '') as Session
  const identities = session.identities.map(each =>
    each.scope === scope ? { ...each, at: each.at - minutes * 60_000 } : each,
  )
  await sessions.set(name, JSON.stringify({ ...session, identities }), Date.now() + 60 * 60_000)
}
