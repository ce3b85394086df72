import t from 'tap'
import type { Scope } from '../../src/gateway/names.ts'
import { hashed, type Session } from '../../src/self-service/session.ts'
import { Browser, formIn, posting } from './browser.ts'
import { aLab, contoso, northwind, fillIn, signIn, signInToo, toTheForm, visitor } from './lab.ts'

const lab = await aLab(t)

async function links() {
  return await lab.services.registry.links(contoso, northwind)
}

t.test('a user with one identity is not asked to link', async t => {
  const { page } = await visitor(lab, 'northwind')
  t.notMatch(page.text, 'Link your sign-ins')
})

t.test('a user with two identities in one session can link them, in both directions', async t => {
  const { browser, page: first } = await visitor(lab, 'contoso')
  const page = await signInToo(lab, browser, first, 'northwind')
  t.match(page.text, 'Link your sign-ins')
  t.equal((await links()).size, 0, 'signing in alone links nothing')
  const done = await browser.send(page, '/link')
  t.equal(done.status, 200)
  t.match(done.text, 'Your sign-ins are linked.')
  t.match(done.text, ', linked')
  t.notMatch(done.text, 'action="/_altgate/link"')

  const [[mine, other] = []] = await links()
  const owner = /^[0-9a-f-]{36}$/
  t.match(mine, owner)
  t.match(other, owner)
  t.match((await lab.changes()).at(-1), { action: 'identities-linked', actor: `page:${other}` })
  t.match(lab.notices.at(-1), { what: 'linked', scope: northwind, username: 'anna@example.com' })

  const seenFromThere = await browser.go(lab.page('contoso'))
  t.match(seenFromThere.text, ', linked')
  const again = await browser.send(page, '/link')
  t.match(again.text, 'They were already linked.')
})

t.test('a link is ended on the page, by its user alone, from any session', async t => {
  await t.test('not by another user, and not with a form that is no longer valid', async t => {
    const { browser, page } = await visitor(lab, 'contoso')
    t.match(formIn(page.text, '/unlink').hidden, { from: northwind }, 'without a sign-in there')
    t.match(page.text, 'Northwind<br><span class="hint">linked</span>')
    const { browser: other, page: others } = await visitor(lab, 'northwind', 'ben')
    t.notMatch(others.text, 'action="/_altgate/unlink"')
    const before = (await lab.changes()).length
    const own = formIn(others.text, '/password').hidden
    const body = { csrf: own['csrf'] ?? '', account: 'northwind', from: contoso }
    const sent = await other.ask(`${lab.url}/_altgate/unlink`, posting(body))
    t.match(sent.text, 'They were not linked any more. Nothing was changed.')
    const forged = { ...page, text: page.text.replace(/name="csrf" value="[^"]*"/g, 'name="csrf" value="x"') }
    t.equal((await browser.send(forged, '/unlink')).status, 403)
    await age(browser, contoso, 16)
    t.equal((await browser.send(page, '/unlink')).status, 403, 'it needs a recent sign-in')
    t.notMatch((await browser.go(lab.page('contoso'))).text, 'action="/_altgate/unlink"')
    t.equal((await lab.changes()).length, before)
    t.equal((await links()).size, 1)
  })

  const { browser, page } = await visitor(lab, 'contoso')
  const done = await browser.send(page, '/unlink')
  t.equal(done.status, 200)
  t.match(done.text, 'Unlinked everywhere.')
  t.notMatch(done.text, 'Link your sign-ins')
  t.equal((await links()).size, 0)
  t.match((await lab.changes()).at(-1), { action: 'identities-unlinked', actor: /^page:[0-9a-f-]{36}$/ })
  t.match(lab.notices.at(-1), { what: 'unlinked', scope: contoso, username: 'anna@example.com' })
  const again = await browser.send(page, '/unlink')
  t.match(again.text, 'They were not linked any more. Nothing was changed.')
  t.equal((await browser.ask(`${lab.url}/_altgate/unlink`)).headers.get('location'), '/_altgate/')
})

t.test('a sign-in that is not recent is no proof', async t => {
  const { browser, page: first } = await visitor(lab, 'contoso')
  const page = await signInToo(lab, browser, first, 'fabrikam')
  t.match(page.text, 'action="/_altgate/link"')
  await age(browser, contoso, 16)
  const stale = await browser.go(lab.page('fabrikam'))
  t.notMatch(stale.text, 'action="/_altgate/link"')
  t.match(formIn(stale.text, '/sign-in-too').hidden, { also: 'contoso' }, 'it can be renewed from here')
  const before = (await lab.changes()).length
  const sent = await browser.send(page, '/link')
  t.match(sent.text, 'Sign in again here')
  t.equal((await lab.changes()).length, before)
})

t.test('a form cannot link a scope without a sign-in for it', async t => {
  const { browser, page: first } = await visitor(lab, 'fabrikam')
  const page = await signInToo(lab, browser, first, 'contoso')
  const before = (await lab.changes()).length
  for (const scope of [northwind, contoso, 'nonsense', '']) {
    const text = page.text.replace(/name="with" value="[^"]*"/, `name="with" value="${scope}"`)
    const sent = await browser.send({ ...page, text }, '/link')
    t.match(sent.text, 'Nothing was changed.', scope)
  }
  t.equal((await lab.changes()).length, before)
})

t.test('a form without the token of the session links nothing', async t => {
  const { browser, page: first } = await visitor(lab, 'fabrikam')
  const page = await signInToo(lab, browser, first, 'contoso')
  const { hidden } = formIn(page.text, '/link')
  const before = (await lab.changes()).length
  const forged = { ...page, text: page.text.replaceAll(hidden['csrf'] ?? '', 'guess') }
  t.equal((await browser.send(forged, '/link')).status, 403)
  t.equal((await lab.changes()).length, before)
})

t.test('a sign-in that no form of the session requested keeps no other identity', async t => {
  // An attacker's session, with all of its cookies, in the browser of a victim.
  const { browser: planter, page: planted } = await visitor(lab, 'fabrikam')
  await toTheForm(lab, planter, 'contoso')
  const plant = (isPlanted: (name: string) => boolean) => {
    const browser = new Browser()
    for (const [name, value] of planter.cookies('127.0.0.1'))
      if (isPlanted(name)) browser.plant('127.0.0.1', name, value)
    return browser
  }
  const ofThePage = (name: string) => name.startsWith('altgate')
  t.equal(plant(ofThePage).cookies('127.0.0.1').size, 2, 'its session, and a sign-in under way')
  for (const isPlanted of [(name: string) => name === 'altgate', ofThePage]) {
    const victim = plant(isPlanted)
    const page = await signIn(lab, victim, 'contoso')
    t.match(page.text, 'Alternate credentials')
    t.notMatch(page.text, 'Link your sign-ins')
    t.notMatch(page.text, 'Microsoft accounts</a>')
    t.notMatch(
      (await victim.go(lab.page('fabrikam'))).text,
      'Sign out',
      'nor is the planter signed in any more',
    )
  }

  await t.test('nor one that was requested in another session', async t => {
    const { browser: other, page } = await visitor(lab, 'fabrikam')
    const on = await other.send(page, '/sign-in-too', { also: 'contoso' })
    const link = /class="button" href="([^"]+)"/.exec(on.text)?.[1]?.replaceAll('&amp;', '&') ?? ''
    const victim = new Browser()
    for (const [name, value] of other.cookies('127.0.0.1'))
      if (name.startsWith('altgate-')) victim.plant('127.0.0.1', name, value)
    const seen = await fillIn(victim, await victim.go(link))
    t.notMatch(seen.text, 'Link your sign-ins')
  })

  await t.test('nor one that was asked for in another network, with all cookies planted', async t => {
    let from = '192.0.2.1'
    const lab = await aLab(t, { change: () => ({ senderOf: () => ({ from, secure: false, host: '' }) }) })
    for (const [network, isKept] of [
      ['192.0.2.1', true],
      ['198.51.100.1', false],
      ['2001:db8::1', false],
    ] as const) {
      from = '192.0.2.1'
      const { browser: other, page } = await visitor(lab, 'fabrikam')
      const on = await other.send(page, '/sign-in-too', { also: 'contoso' })
      const link = /class="button" href="([^"]+)"/.exec(on.text)?.[1]?.replaceAll('&amp;', '&') ?? ''
      const victim = new Browser()
      for (const [name, value] of other.cookies('127.0.0.1'))
        if (ofThePage(name)) victim.plant('127.0.0.1', name, value)
      from = network
      const seen = await fillIn(victim, await victim.go(link))
      t.equal(seen.text.includes('Link your sign-ins'), isKept, network)
      t.match(seen.text, 'Alternate credentials')
    }
  })

  await t.test('and no other site can ask for it', async t => {
    const { hidden } = formIn(planted.text, '/sign-in-too')
    for (const headers of [{ 'sec-fetch-site': 'cross-site' }, { origin: 'https://evil.example' }]) {
      const sent = posting({ ...hidden, also: 'contoso' })
      const seen = await plant(name => name === 'altgate').ask(`${lab.url}/_altgate/sign-in-too`, {
        ...sent,
        headers: { ...sent.headers, ...headers },
      })
      t.equal(seen.status, 403)
    }
    const { browser, page } = await visitor(lab, 'fabrikam')
    const forged = {
      ...page,
      text: page.text.replaceAll(formIn(page.text, '/sign-in-too').hidden['csrf'] ?? '', 'x'),
    }
    t.equal((await browser.send(forged, '/sign-in-too', { also: 'contoso' })).status, 403)
  })
})

t.test('one more sign-in names an account that there is, of another scope', async t => {
  const { browser, page } = await visitor(lab, 'contoso')
  t.match(
    (await browser.send(page, '/sign-in-too', { also: 'contoso-labs' })).text,
    'You do not need another sign-in',
  )
  t.equal((await browser.send(page, '/sign-in-too', { also: 'nobody' })).status, 404)
  t.equal((await browser.send(page, '/sign-in-too', { also: '../x' })).status, 400)
  const away = await browser.ask(`${lab.url}/_altgate/sign-in-too`)
  t.equal(away.headers.get('location'), '/_altgate/')
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
