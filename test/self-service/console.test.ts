import t, { type Test } from 'tap'
import { claimsOf, people, type Person } from '../../src/demo/identity-pages.ts'
import { authorities } from '../../src/demo/identity-pages.ts'
import { foldUsername, msaScope, type Owner } from '../../src/gateway/names.ts'
import { Browser, formIn, headingOf, posting, type Seen } from './browser.ts'
import { aLab, contoso, generate, type Lab, northwind, operatorSets, signIn } from './lab.ts'

const group = '0c2a7f5e-44f0-4a0e-9d5c-6f1d3a7d9b11'
const [carla, dora, emil]: readonly Person[] = [
  {
    email: 'carla@example.com',
    name: 'Carla',
    password: 'carla-demo',
    at: ['contoso'],
    groups: [group, 'x'],
  },
  { email: 'dora@example.com', name: 'Dora', password: 'dora-demo', at: ['contoso'], groups: ['x'] },
  { email: 'emil@example.com', name: 'Emil', password: 'emil-demo', at: ['contoso'], groups: 'too-many' },
]
const all = [...people, carla, dora, emil].filter(each => each !== undefined)
const [, contosoAuthority, northwindAuthority] = authorities
const ben = people[1]
if (contosoAuthority === undefined || northwindAuthority === undefined || ben === undefined)
  throw new Error('the demo has other people')
const benId = claimsOf(ben, northwindAuthority).oid
const named = [
  { directory: contoso, group },
  { directory: northwind, oid: benId },
]
const lab = await aLab(t, { settings: { admin: { people: named } }, identity: { people: all } })
const admin = `${lab.url}/_altgate/admin`
const anna = foldUsername('anna@example.com')

/** Signs in to the console; returns what it then shows. */
async function signInToConsole(
  browser: Browser,
  who: Person | undefined,
  directory: string,
  at = lab,
): Promise<Seen> {
  const form = await browser.go(`${at.url}/_altgate/admin/sign-in?directory=${directory}`)
  if (form.url.startsWith(at.url)) return form
  return await browser.send(form, '/interaction/', { login: who?.email ?? '', password: who?.password ?? '' })
}

async function helper(who: Person | undefined = carla): Promise<Browser> {
  const browser = new Browser()
  t.match(await signInToConsole(browser, who, contoso), { status: 200 })
  return browser
}

t.test('who may use it', async t => {
  await t.test('without a session there is a way to sign in, and nothing else', async t => {
    const browser = new Browser()
    for (const path of ['', '/', '?q=anna@example.com', `/sure?act=block&user=${anna}`]) {
      const seen = await browser.go(admin + path)
      t.equal(headingOf(seen.text), 'Sign in to the console')
      t.notMatch(seen.text, /carla|ben@|oid|group/)
    }
    t.equal((await browser.ask(`${admin}/act`, posting({ act: 'block', user: anna }))).status, 403)
  })

  await t.test('a member of a named group, and a named user', async t => {
    for (const [who, directory] of [
      [carla, contoso],
      [ben, northwind],
    ] as const) {
      const seen = await signInToConsole(new Browser(), who, directory)
      t.equal(headingOf(seen.text), 'Which user needs help?')
      t.equal(new URL(seen.url).pathname, '/_altgate/admin')
    }
  })

  await t.test('others get a plain 403, which says nothing of who is named', async t => {
    for (const [who, directory] of [
      [dora, contoso],
      [people[0], contoso],
      [ben, contoso],
      [people[0], northwind],
      [emil, contoso],
    ] as const) {
      const browser = new Browser()
      const seen = await signInToConsole(browser, who, directory)
      t.equal(seen.status, 403)
      t.equal(headingOf(seen.text), 'You may not use the console')
      t.notMatch(seen.text, /carla|ben@|0c2a7f5e/)
      t.equal(/too many/.test(seen.text), who === emil, 'the reason, if it is that groups are left out')
      t.equal(headingOf((await browser.go(admin)).text), 'Sign in to the console', 'there is no session')
    }
  })

  await t.test('a directory without named people is none', async t => {
    for (const directory of ['msa', 'x', '', '72f988bf-86f1-41af-91ab-2d7cd011db47'])
      t.equal((await new Browser().go(`${admin}/sign-in?directory=${directory}`)).status, 400)
  })

  await t.test('a session of the page is none of the console, and the other way round', async t => {
    const browser = new Browser()
    await signIn(lab, browser, 'northwind', 'ben')
    t.equal(headingOf((await browser.go(admin)).text), 'Sign in to the console')
    const id = browser.cookie('127.0.0.1', 'altgate') ?? ''
    browser.plant('127.0.0.1', 'altgate-console', id)
    t.equal(headingOf((await browser.go(admin)).text), 'Sign in to the console')
    const desk = await helper()
    desk.plant('127.0.0.1', 'altgate', desk.cookie('127.0.0.1', 'altgate-console') ?? '')
    t.match((await desk.go(lab.page('contoso'))).text, /First, sign in/)
  })

  await t.test('a sign-in that was begun for the page does not end at the console', async t => {
    const browser = new Browser()
    const seen = await signIn(lab, browser, 'northwind', 'ben')
    t.match(seen.url, /\/_altgate\/\?account=northwind/)
    t.equal(browser.cookie('127.0.0.1', 'altgate-console'), undefined)
  })
})

t.test('how long', async t => {
  await t.test(
    'after some minutes, the directory says again who the user is and in which groups',
    async t => {
      const own = await aLab(t, { settings: { admin: { people: named } }, identity: { people: all } })
      const browser = new Browser()
      await signInToConsole(browser, carla, contoso, own)
      own.pass(14)
      t.equal(headingOf((await browser.go(`${own.url}/_altgate/admin`)).text), 'Which user needs help?')
      own.pass(2)
      t.equal(headingOf((await browser.go(`${own.url}/_altgate/admin`)).text), 'Sign in to the console')
    },
  )

  await t.test('session revoke ends it at once', async t => {
    const browser = await helper()
    await lab.services.registry.revokeSessions('cli:root', {
      people: [],
      username: foldUsername('carla@example.com'),
    })
    t.equal(headingOf((await browser.go(admin)).text), 'Sign in to the console')
  })

  await t.test('a user whom the settings no longer name is out at the next request', async t => {
    const people = [...named]
    const own = await aLab(t, {
      settings: { admin: { people } },
      identity: { people: all },
      change: ({ console }) => ({ console: console && { ...console, people } }),
    })
    const browser = new Browser()
    await signInToConsole(browser, carla, contoso, own)
    people.shift()
    const seen = await browser.go(`${own.url}/_altgate/admin?q=anna@example.com`)
    t.equal(seen.status, 403)
    t.equal(headingOf(seen.text), 'You may not use the console')
  })

  await t.test('a helper who is blocked is out at the next request, until the block ends', async t => {
    const browser = await helper()
    const { registry } = lab.services
    const page = await browser.go(`${admin}/sure?act=unblock&user=carla@example.com`)
    await registry.blockPerson('cli:root', foldUsername('carla@example.com'), true, () => {})
    for (const seen of [await browser.go(admin), await browser.send(page, '/admin/act')])
      t.match([seen.status, headingOf(seen.text)], [403, 'You are blocked'])
    t.same(await registry.blockedNames(), ['carla@example.com'], 'helpers do not unblock themselves')
    t.equal(headingOf((await signInToConsole(new Browser(), carla, contoso)).text), 'You are blocked')
    await registry.blockPerson('cli:root', foldUsername('carla@example.com'), false, () => {})
    t.equal(headingOf((await browser.go(admin)).text), 'Which user needs help?')
  })

  await t.test('signing out ends it', async t => {
    const browser = await helper()
    const page = await browser.go(admin)
    t.equal(
      headingOf((await browser.send(page, '/admin/sign-out')).text),
      'You are signed out of the console',
    )
    t.equal(headingOf((await browser.go(admin)).text), 'Sign in to the console')
  })
})

t.test('finding', async t => {
  const browser = await helper()
  await operatorSets(lab, msaScope, 'ina@example.com', 'x1-plenty-of-words')
  const reference = 'b2'.repeat(12)
  const what = { account: 'fabrikam' as never, user: foldUsername('ina@example.com'), scope: msaScope }
  const how = {
    outcome: 'refused',
    cause: 'mismatch',
    from: '192.0.2.7',
    tool: 'git/2.47',
    method: 'GET',
    kind: 'git-rpc',
  } as const
  await lab.services.refusals.record([{ reference, at: Date.now(), ...how, ...what }], 60_000)
  const asked = async (q: string) => (await browser.go(`${admin}?q=${encodeURIComponent(q)}`)).text
  t.match(await asked(''), reference)
  t.match(
    await asked(reference.toUpperCase()),
    /the password is wrong[^]*Now, if the password is right: allow/,
  )
  t.match(await asked('INA@example.com'), /Credentials for Microsoft accounts[^]*Switched on[^]*b2b2b2/)
  t.match(await asked('fabrikam'), /Account <span class="name">fabrikam[^]*Microsoft accounts/)
  t.match(await asked('no-such-thing'), /There is no user, account or reference/)
  t.match(await asked('f'.repeat(24)), /kept for 7 days/)
  const hostile = '<img src=x onerror=alert(1)>"\''
  t.notMatch(await asked(hostile), /<img src=x/)
  t.notMatch(await asked('ina@example.com'), /\$argon2/)
})

/** Asks, and confirms. */
async function acts(browser: Browser, what: string, user: string, scope?: string): Promise<Seen> {
  const rest = scope === undefined ? '' : `&scope=${scope}`
  const sure = await browser.go(`${admin}/sure?act=${what}&user=${encodeURIComponent(user)}${rest}`)
  return await browser.send(sure, '/admin/act')
}

t.test('acting: each act asks once, holds when it is said, and is in the history with the actor', async t => {
  const browser = await helper()
  const page = await visitorOnPage(t, lab)
  const { password } = page

  await t.test('block and unblock', async t => {
    const sure = await browser.go(`${admin}/sure?act=block&user=${anna}`)
    t.equal(headingOf(sure.text), 'Block this user?')
    t.equal(await lab.opens('northwind', anna, password), 200, 'asking changes nothing')
    t.match((await browser.send(sure, '/admin/act')).text, /is blocked in all scopes, in every gateway/)
    t.equal(await lab.opens('northwind', anna, password), 403)
    t.match((await lab.changes()).at(-1), {
      actor: `console:${contoso}/carla@example.com`,
      action: 'person-blocked',
    })
    t.match((await browser.go(`${admin}?q=${anna}`)).text, /stays blocked[^]*End the block/)
    await acts(browser, 'unblock', anna)
    t.equal(await lab.opens('northwind', anna, password), 200)
  })

  await t.test('switch off and on', async t => {
    await acts(browser, 'disable', anna, northwind)
    t.equal(await lab.opens('northwind', anna, password), 403)
    await acts(browser, 'enable', anna, northwind)
    t.equal(await lab.opens('northwind', anna, password), 200)
  })

  await t.test('sign out: the page asks for a sign-in again', async t => {
    t.match((await acts(browser, 'sign-out', anna)).text, /Sessions that have ended: 1/)
    t.match((await page.browser.go(lab.page('northwind'))).text, /First, sign in/)
  })

  await t.test('a reset: the password ends, and its owner makes a new one on the page', async t => {
    const seen = await acts(browser, 'reset', anna, northwind)
    t.match(
      seen.text,
      /has ended, in every gateway[^]*What to tell the user[^]*_altgate\/\?account=northwind/,
    )
    t.notMatch(seen.text, /agp_/, 'no one is shown a password')
    t.equal(await lab.opens('northwind', anna, password), 401)
    const own = await signIn(lab, page.browser, 'northwind')
    const saved = await page.browser.send(own, '/credential', generate)
    t.equal(await lab.opens('northwind', anna, passwordIn(saved)), 200)
  })

  await t.test(
    'a reset of credentials that no user owns is refused: they could not make a new one',
    async t => {
      await operatorSets(lab, contoso, 'unowned@example.com', 'x1-plenty-of-words')
      const sure = await browser.go(`${admin}/sure?act=reset&user=unowned@example.com&scope=${contoso}`)
      t.match(sure, { status: 409, text: /have no owner yet[^]*altgate credential set/ })
      t.equal(await lab.opens('contoso', 'unowned@example.com', 'x1-plenty-of-words'), 200)
    },
  )

  await t.test('what cannot be is said in the words of the commands', async t => {
    const seen = await acts(browser, 'disable', 'nobody@example.com', northwind)
    t.match(seen, { status: 409, text: /There is no user name nobody@example.com in scope/ })
  })
})

t.test('forms that are none of the console change nothing', async t => {
  const browser = await helper()
  const sure = await browser.go(`${admin}/sure?act=block&user=victim@example.com`)
  const { hidden } = formIn(sure.text, '/admin/act')
  const blocked = async () => await lab.services.registry.blockedNames()
  const send = async (fields: Record<string, string>, headers: Record<string, string> = {}) => {
    const sent = posting(fields)
    return await browser.ask(`${admin}/act`, { ...sent, headers: { ...sent.headers, ...headers } })
  }
  for (const csrf of [
    '',
    'x',
    formIn((await (await helper()).go(`${admin}/sure?act=block&user=x@y`)).text, '/admin/act').hidden[
      'csrf'
    ] ?? '',
  ])
    t.equal((await send({ ...hidden, csrf })).status, 403)
  for (const headers of [
    { origin: 'https://evil.example' },
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site' },
    { 'sec-fetch-site': 'same-origin', 'sec-fetch-mode': 'cors' },
  ])
    t.equal((await send(hidden, headers)).status, 403, JSON.stringify(headers))
  t.equal((await send(hidden, { 'content-type': 'text/plain' })).status, 415)
  for (const act of ['', 'remove', '__proto__', 'constructor'])
    t.equal((await send({ ...hidden, act })).status, 400, act)
  t.equal((await send({ ...hidden, user: 'a:b' })).status, 400)
  t.equal((await browser.go(`${admin}/act`)).status, 200, 'reading it is going to the start')
  t.strictSame(await blocked(), [])
  const seen = await send(hidden)
  t.match(seen.text, /victim@example.com is blocked/)
})

t.test('an outage is a 503 that says that nothing was changed', async t => {
  const browser = await helper()
  const sure = await browser.go(`${admin}/sure?act=block&user=late@example.com`)
  await lab.without('blocked_people', async () => {
    const seen = await browser.send(sure, '/admin/act')
    t.match(seen, { status: 503, text: /Nothing was changed/ })
  })
  t.strictSame(lab.bugs, [])
})

t.test('without admin.people there is no console', async t => {
  const own = await aLab(t)
  t.equal((await new Browser().go(`${own.url}/_altgate/admin`)).status, 404)
  t.equal((await new Browser().go(`${own.url}/_altgate/admin/sign-in?directory=${contoso}`)).status, 404)
})

/** Anna on the page, with a generated password for northwind. */
async function visitorOnPage(t: Test, lab: Lab) {
  const browser = new Browser()
  const page = await signIn(lab, browser, 'northwind')
  const saved = await browser.send(page, '/credential', generate)
  const password = passwordIn(saved)
  t.equal(await lab.opens('northwind', anna, password), 200)
  const owner = claimsOf(people[0] as Person, northwindAuthority as never).oid as Owner
  t.equal(await lab.services.registry.ownerOf(northwind, anna), owner)
  return { browser, password }
}

function passwordIn({ text }: Seen): string {
  const found = /agp_[0-9A-Za-z]+/.exec(text)?.[0]
  if (found === undefined) throw new Error(`no password is shown: ${headingOf(text)}`)
  return found
}
