import t from 'tap'
import { msaScope, type Scope } from '../../src/gateway/names.ts'
import { Browser, formIn, headingOf, posting, type Seen } from './browser.ts'
import {
  aLab,
  choose,
  contoso,
  fillIn,
  generate,
  type Lab,
  named,
  northwind,
  signIn,
  signInToo,
  visitor,
} from './lab.ts'

// An account that is about to move has a page for the coming scope, too. What is set there belongs to that scope, as it would
// after the move, and opens nothing before it.

const password = 'seven quiet rivers'
const anna = 'anna@example.com'
const on = '2096-11-24'
/** The same, as the page says it. */
const onPage = '24 November 2096'
const fabrikam = named('fabrikam')

async function planned(lab: Lab, to: Scope = contoso): Promise<void> {
  t.equal(await lab.services.registry.planMove('test', fabrikam, to, on), undefined)
}

/** Signs in on the page for the coming scope. */
async function prepare(lab: Lab, browser: Browser, who = 'anna'): Promise<Seen> {
  const seen = await browser.go(`${lab.url}/_altgate/sign-in?account=fabrikam&scope=${contoso}`)
  return seen.url.includes('/interaction/') ? await fillIn(browser, seen, who) : seen
}

async function credentialsIn(lab: Lab, scope: Scope) {
  return (await lab.services.registry.credentials(scope)).map(({ username }) => username)
}

t.test('from the plan on, the page of the account leads to the page for the coming scope', async t => {
  const lab = await aLab(t)
  const before = await new Browser().go(lab.page('fabrikam'))
  t.notMatch(before.text, 'moves on')
  await planned(lab)

  const { browser, page: present } = await visitor(lab, 'fabrikam')
  t.equal((await browser.send(present, '/credential', choose(password))).status, 200)
  const stranger = await new Browser().go(lab.page('fabrikam'))
  t.notMatch(stranger.text, /moves on|Contoso/, 'which only users hear')
  const user = await browser.go(lab.page('fabrikam'))
  t.match(user.text, `fabrikam moves on ${onPage}`)
  t.match(user.text, 'plans to move <b>fabrikam</b> on that day (UTC)')
  t.match(user.text, 'Until your operator moves it, everything stays as it is.')
  const { browser: elsewhere } = await visitor(lab, 'northwind')
  const other = await elsewhere.go(lab.page('fabrikam'))
  t.match(other.text, `/_altgate/sign-in?account=fabrikam&amp;scope=${contoso}`)
  t.match(other.text, '/_altgate/sign-in?account=fabrikam"', 'and the present one, as ever')

  const alone = new Browser()
  const page = await prepare(lab, alone)
  t.equal(headingOf(page.text), 'Alternate credentials for Contoso')
  t.match(page.text, `You are preparing for the move of <b>fabrikam</b>, which is planned for ${onPage}`)
  t.match(page.text, '<li>fabrikam, after its move</li>')
  t.notMatch(page.text, 'id="helpers"', 'a helper would be refused')
  const saved = await alone.send(page, '/credential', generate)
  t.equal(saved.status, 200)
  t.match(saved.text, 'Keep it for the move')
  t.notMatch(saved.text, 'git credential approve')
  t.match(saved.text, `/_altgate/?account=fabrikam&amp;scope=${contoso}`)
  const made = /<code id="made-password">([^<]+)</.exec(saved.text)?.[1] ?? ''
  const added = await alone.send(await alone.go(`${lab.page('fabrikam')}&scope=${contoso}`), '/password', {
    name: 'build',
    ends: '',
    access: 'write',
  })
  t.equal(added.status, 422, 'its forms find their page again')
  t.match(added.text, 'You are preparing')
  t.match((await alone.go(`${lab.url}/_altgate/`)).text, `account=fabrikam&amp;scope=${contoso}">Contoso`)

  t.equal(await lab.opens('fabrikam', anna, made), 401, 'it opens nothing before the move')
  t.equal(await lab.opens('fabrikam', anna, password), 200, 'and the present one goes on')
  t.equal(await lab.opens('contoso', anna, made), 200, 'where it belongs it works at once')
  t.equal(
    await lab.services.registry.connect('test', fabrikam, contoso as never),
    undefined,
    'the day has come',
  )
  t.equal(await lab.opens('fabrikam', anna, made), 200)
  t.equal(await lab.opens('fabrikam', anna, password), 401)
  const after = await alone.go(`${lab.page('fabrikam')}&scope=${contoso}`)
  t.equal(after.status, 200, 'the address goes on')
  t.notMatch(after.text, 'You are preparing')
  t.strictSame(lab.bugs, [])
})

t.test('preparing in the session of the present scope keeps both, and says who is ready', async t => {
  const lab = await aLab(t)
  await planned(lab)
  const { browser, page } = await visitor(lab, 'fabrikam')
  t.match(page.text, 'Not prepared yet')
  const on = await browser.send(page, 'sign-in-too', formIn(page.text, '/sign-in-too').hidden)
  t.match(on.text, 'Sign in for Contoso as well')
  const link = /class="button" href="([^"]+)"/.exec(on.text)?.[1]?.replaceAll('&amp;', '&') ?? ''
  const seen = await browser.go(link)
  const there = seen.url.startsWith(lab.url) ? seen : await fillIn(browser, seen)
  t.equal(headingOf(there.text), 'Alternate credentials for Contoso')
  t.match(there.text, 'Link your sign-ins')
  t.equal((await browser.send(there, '/credential', choose(password))).status, 200)
  const again = await browser.go(lab.page('fabrikam'))
  t.equal(headingOf(again.text), 'Alternate credentials for Microsoft accounts')
  t.match(again.text, 'You are ready')
  t.match(again.text, 'use the credentials of <b>anna@example.com</b> for Contoso')

  t.equal((await browser.send(there, '/link')).status, 200)
  const elsewhere = await visitor(lab, 'fabrikam')
  t.match(elsewhere.page.text, 'You are ready', 'known by the link in any session')
  t.strictSame(lab.bugs, [])
})

t.test('who may prepare is decided as after the move, and as without a plan where there is none', async t => {
  const lab = await aLab(t)
  /** What becomes of a user of each directory who wants to set a credential of Contoso on that page. */
  const outcomes = async () => {
    const found: Record<string, string> = {}
    for (const [what, visit] of Object.entries({
      'signed in for Contoso': () => prepare(lab, new Browser()),
      'signed in for nothing': () => new Browser().go(`${lab.page('fabrikam')}&scope=${contoso}`),
      'signed in for Northwind': async () => {
        const { browser } = await visitor(lab, 'northwind')
        return await browser.go(`${lab.page('fabrikam')}&scope=${contoso}`)
      },
    })) {
      const page = await visit()
      found[what] = `${page.status} ${page.text.includes('action="/_altgate/credential"')}`
    }
    const { browser, page } = await visitor(lab, 'northwind')
    const { hidden } = formIn(page.text, '/credential')
    const forged = { ...hidden, account: 'fabrikam', scope: contoso, ...generate }
    found['forged'] = `${(await browser.ask(`${lab.url}/_altgate/credential`, posting(forged))).status}`
    return found
  }
  const unplanned = await outcomes()
  t.match(unplanned, {
    'signed in for nothing': '200 false', // as for every name, known or not
    'signed in for Northwind': '409 false',
    'signed in for Contoso': '200 false', // a session for nothing: the page of the account
    forged: '409',
  })
  await planned(lab)
  const during = await outcomes()
  t.match(during, { 'signed in for Contoso': '200 true', 'signed in for nothing': '200 false' })
  const { browser: signedIn } = await visitor(lab, 'northwind')
  for (const scope of [northwind, 'msa%20', '', contoso.toUpperCase(), `${contoso}&scope=msa`]) {
    const seen = await signedIn.go(`${lab.page('fabrikam')}&scope=${scope}`)
    t.ok(seen.status === 409 || seen.status === 400, `${scope}: ${seen.status}`)
  }
  await lab.services.registry.connect('test', fabrikam, contoso as never)
  t.strictSame(await outcomes(), during)
  t.strictSame(await credentialsIn(lab, contoso), [], 'looking made nothing')
})

t.test('a plan that is cancelled or changed meanwhile changes nothing, in whichever scope', async t => {
  const lab = await aLab(t)
  await planned(lab)
  const browser = new Browser()
  await signIn(lab, browser, 'fabrikam')
  await signInToo(lab, browser, await browser.go(lab.page('fabrikam')), 'contoso')
  const present = await browser.go(lab.page('fabrikam'))
  const coming = await browser.go(`${lab.page('fabrikam')}&scope=${contoso}`)
  t.match(coming.text, 'You are preparing')
  const underWay = await new Browser().go(`${lab.url}/_altgate/sign-in?account=fabrikam&scope=${contoso}`)
  t.match(underWay.url, '/interaction/')

  await lab.services.registry.cancelMove('test', fabrikam)
  const refused = await browser.send(coming, '/credential', choose(password))
  t.equal(refused.status, 409)
  t.equal(headingOf(refused.text), 'This account has changed')
  t.strictSame([await credentialsIn(lab, msaScope), await credentialsIn(lab, contoso)], [[], []])

  await planned(lab)
  await lab.services.registry.connect('test', fabrikam, contoso as never)
  const late = await browser.send(present, '/credential', choose(password))
  t.equal(late.status, 409, 'the form was for Microsoft accounts, and both identities are signed in')
  t.strictSame([await credentialsIn(lab, msaScope), await credentialsIn(lab, contoso)], [[], []])
  t.equal((await browser.send(coming, '/credential', choose(password))).status, 200, 'this one is right now')
  t.strictSame(await credentialsIn(lab, contoso), [anna])
})

t.test('a sign-in that returns after the plan was cancelled leads to the page of the account', async t => {
  const lab = await aLab(t)
  await planned(lab)
  const browser = new Browser()
  const form = await browser.go(`${lab.url}/_altgate/sign-in?account=fabrikam&scope=${contoso}`)
  await lab.services.registry.cancelMove('test', fabrikam)
  const seen = await fillIn(browser, form)
  t.equal(seen.url, lab.page('fabrikam'))
  t.match(seen.text, 'First, sign in')
})
