import t from 'tap'
import { northwindDirectory } from '../../src/demo/people.ts'
import { Browser, formIn, headingOf, posting, query, titleOf } from './browser.ts'
import { aLab, client, fillIn, generate, named, northwind, signIn, toTheForm, visitor } from './lab.ts'

const lab = await aLab(t)

t.test('the link from git names the account, and asks for a sign-in', async t => {
  const seen = await new Browser().go(lab.page('northwind'))
  t.equal(seen.status, 200)
  t.match(seen.text, 'northwind')
  t.match(seen.text, 'href="/_altgate/sign-in?account=northwind"')
  t.notMatch(seen.text, 'action="/_altgate/credential"')
  t.equal(seen.headers.get('set-cookie'), null, 'a visit without a sign-in sets no cookie')
})

t.test('after signing in one stands on the page of the account, signed in by what is stable', async t => {
  const { page, browser } = await visitor(lab, 'northwind')
  t.equal(page.url, lab.page('northwind'))
  t.equal(headingOf(page.text), 'Alternate credentials for Northwind')
  const saved = await browser.send(page, '/credential', generate)
  t.equal(saved.status, 200)
  const [kept] = await lab.services.registry.credentials(northwind)
  t.equal(kept?.username, 'anna@example.com')
  t.match(kept?.owner, /^[0-9a-f-]{36}$/, 'the object id, not the address')
})

t.test('Microsoft accounts sign in with the authority of theirs', async t => {
  const browser = new Browser()
  const form = await toTheForm(lab, browser, 'fabrikam')
  t.ok(form.url.startsWith(`${lab.identity.url}/msa/`))
  const page = await fillIn(browser, form)
  t.equal(headingOf(page.text), 'Alternate credentials for Microsoft accounts')
})

t.test('the request to the authority has PKCE, state and nonce, and comes back to one address', async t => {
  const { headers } = await new Browser().ask(`${lab.url}/_altgate/sign-in?account=contoso`)
  const asked = new URL(headers.get('location') ?? '').searchParams
  t.equal(asked.get('response_type'), 'code')
  t.equal(asked.get('code_challenge_method'), 'S256')
  t.match(asked.get('code_challenge'), /^[\w-]{43}$/)
  t.match(asked.get('state'), /^[\w-]{43}$/)
  t.match(asked.get('nonce'), /^[\w-]{43}$/)
  t.equal(asked.get('redirect_uri'), `${lab.url}/_altgate/callback`)
})

t.test('a user of another directory is told which one is required, and is not signed in', async t => {
  for (const [account, person] of [
    ['contoso', 'your account in the directory Contoso'],
    ['fabrikam', 'your personal Microsoft account'],
  ] as const) {
    const browser = new Browser()
    const seen = await signIn(lab, browser, account, 'ben')
    t.equal(seen.status, 403)
    t.match(seen.text, person)
    t.match(seen.text, 'ask=other')
    t.equal(browser.cookie('127.0.0.1', 'altgate'), undefined)
    t.match(headingOf((await browser.go(lab.page(account))).text), `Alternate credentials for ${account}`)
  }
})

t.test('a sign-in for one directory is none for another', async t => {
  const { browser } = await visitor(lab, 'contoso')
  t.match((await browser.go(lab.page('contoso-labs'))).text, 'action="/_altgate/credential"')
  t.notMatch((await browser.go(lab.page('northwind'))).text, 'action="/_altgate/credential"')
})

t.test('a cancelled sign-in is reported, without the provider’s words from the address', async t => {
  const browser = new Browser()
  const form = await toTheForm(lab, browser, 'contoso')
  const seen = await browser.send(form, '/interaction/', { cancel: 'yes' })
  t.equal(seen.status, 403)
  t.equal(headingOf(seen.text), 'You are not signed in')
  t.notMatch(seen.text, 'access_denied')
})

t.test('a sign-in counts once, in its own browser, for ten minutes', async t => {
  const browser = new Browser()
  const form = await toTheForm(lab, browser, 'contoso')
  const back = await callbackOf(browser, form.url, form.text)
  await t.test('not in another browser', async t => {
    const other = new Browser()
    await toTheForm(lab, other, 'contoso')
    for (const elsewhere of [new Browser(), other]) {
      const seen = await elsewhere.go(back)
      t.equal(seen.status, 400)
      t.equal(headingOf(seen.text), 'This sign-in cannot be completed')
      t.equal(elsewhere.cookie('127.0.0.1', 'altgate'), undefined)
    }
  })
  await t.test('not for a program that only looks at links', async t => {
    t.equal((await browser.ask(back, { method: 'HEAD' })).status, 404)
  })
  await t.test('in its own', async t => {
    t.match((await browser.go(back)).text, 'action="/_altgate/credential"')
  })
  await t.test('not again', async t => {
    const seen = await browser.ask(back)
    t.equal(seen.status, 400)
    t.equal(headingOf(seen.text), 'This sign-in cannot be completed')
  })
  await t.test('nor with the cookie that it had', async t => {
    const again = new Browser()
    const form = await toTheForm(lab, again, 'contoso')
    const itsBack = await callbackOf(again, form.url, form.text)
    const kept = signInCookies(again)
    t.match((await again.go(itsBack)).text, 'action="/_altgate/credential"')
    t.equal(signInCookies(again).length, 0, 'the browser does not keep it')
    const session = again.cookie('127.0.0.1', 'altgate')
    for (const [name, value] of kept) again.plant('127.0.0.1', name, value)
    t.equal(headingOf((await again.ask(itsBack)).text), 'This sign-in cannot be completed')
    t.equal(again.cookie('127.0.0.1', 'altgate'), session, 'and the session stays as it is')
  })
  await t.test('not of two who come back at once', async t => {
    const twice = new Browser()
    const form = await toTheForm(lab, twice, 'contoso')
    const itsBack = await callbackOf(twice, form.url, form.text)
    const seen = await Promise.all([twice.ask(itsBack), twice.ask(itsBack)])
    t.strictSame(
      seen.map(({ status }) => status).toSorted((one, other) => one - other),
      [303, 400],
    )
  })
  await t.test('not with a cookie that was changed, or is that of another sign-in', async t => {
    const other = new Browser()
    const one = await toTheForm(lab, other, 'contoso')
    await toTheForm(lab, other, 'fabrikam')
    const itsBack = await callbackOf(other, one.url, one.text)
    const [[name, value] = ['', ''], [, another] = ['', '']] = signInCookies(other)
    const [end = '', sealed = ''] = value.split('.')
    const changed = [
      another,
      `${Number(end) + 60_000}.${sealed}`,
      `${end}.${sealed.slice(0, 40)}${sealed[40] === 'A' ? 'B' : 'A'}${sealed.slice(41)}`,
      `${end}.`,
      `${end}`,
      sealed,
      '.',
      'NaN.',
      `Infinity.${sealed}`,
    ]
    for (const each of changed) {
      other.plant('127.0.0.1', name, each)
      t.equal(
        headingOf((await other.ask(itsBack)).text),
        'This sign-in cannot be completed',
        each.slice(0, 20),
      )
    }
    other.plant('127.0.0.1', name, value)
    t.equal((await other.ask(itsBack)).status, 303, 'the cookie as it was is good')
  })
  await t.test('not when it was begun too long ago', async t => {
    const late = await aLab(t)
    late.pass(-11)
    const slow = new Browser()
    const { url, text } = await toTheForm(late, slow, 'contoso')
    late.pass(11)
    const seen = await slow.ask(await callbackOf(slow, url, text))
    t.equal(headingOf(seen.text), 'This sign-in cannot be completed')
  })
})

t.test('the code of one sign-in is no use for another', async t => {
  const browser = new Browser()
  const one = await toTheForm(lab, browser, 'contoso')
  const other = await toTheForm(lab, browser, 'fabrikam')
  const code = new URL(await callbackOf(browser, one.url, one.text))
  const state = new URL(await callbackOf(browser, other.url, other.text))
  code.searchParams.set('state', state.searchParams.get('state') ?? '')
  const seen = await browser.ask(code.href)
  t.equal(seen.status, 502)
  t.equal(browser.cookie('127.0.0.1', 'altgate'), undefined)
})

t.test('two tabs can sign in at once, and the later sign-in is the session', async t => {
  const browser = new Browser()
  const [one, other] = [await toTheForm(lab, browser, 'contoso'), await toTheForm(lab, browser, 'fabrikam')]
  const first = await fillIn(browser, one)
  t.match(headingOf(first.text), 'Contoso')
  t.match(headingOf((await fillIn(browser, other)).text), 'Microsoft accounts')
  t.notMatch((await browser.go(lab.page('contoso'))).text, 'action="/_altgate/credential"')
  t.equal(
    (await browser.send(first, '/credential', generate)).status,
    403,
    'a form of the first has ended with it',
  )
})

t.test('starting a sign-in writes nothing, and neither does an unsolicited answer', async t => {
  const written: string[] = []
  const own = await aLab(t, {
    change: ({ sessions }) => ({
      sessions: {
        get: id => sessions.get(id),
        set: (...each) => (written.push('set'), sessions.set(...each)),
        add: (...each) => (written.push('add'), sessions.add(...each)),
        delete: id => (written.push('delete'), sessions.delete(id)),
      },
    }),
  })
  const browser = new Browser()
  for (let at = 0; at < 10; at++) {
    const { headers } = await browser.ask(`${own.url}/_altgate/sign-in?account=contoso`)
    const state = new URL(headers.get('location') ?? '').searchParams.get('state') ?? ''
    await browser.ask(`${own.url}/_altgate/callback?${query({ state, code: 'guessed' })}`)
    await browser.ask(`${own.url}/_altgate/callback?${query({ state, error: 'access_denied' })}`)
    await browser.ask(`${own.url}/_altgate/callback?${query({ state: `${state}x`, code: 'guessed' })}`)
  }
  t.strictSame(written, [])
  await signIn(own, browser, 'contoso')
  t.ok(written.length > 0, 'a signed-in user has a session')
})

t.test(
  'a sign-in may come back to another gateway of the same store, and counts there once as well',
  async t => {
    const one = await aLab(t)
    const other = await one.another()
    const browser = new Browser()
    const form = await toTheForm(one, browser, 'contoso')
    const back = new URL(await callbackOf(browser, form.url, form.text))
    const elsewhere = other + back.pathname + back.search
    const kept = signInCookies(browser)
    t.equal((await browser.ask(elsewhere)).status, 303)
    t.match((await browser.go(one.page('contoso'))).text, 'action="/_altgate/credential"')
    for (const [name, value] of kept) browser.plant('127.0.0.1', name, value)
    for (const again of [elsewhere, back.href]) t.not((await browser.ask(again)).status, 303)
  },
)

t.test('a browser has few sign-ins under way, those begun last', async t => {
  const own = await aLab(t)
  const browser = new Browser()
  const forms = []
  for (let at = 0; at < 9; at++) forms.push(await toTheForm(own, browser, 'contoso'))
  t.equal(signInCookies(browser).length, 6)
  const size = signInCookies(browser).reduce((sum, [name, value]) => sum + name.length + value.length, 0)
  t.ok(size < 6 * 1024, `${size} bytes in every request`)
  const [first, last] = [forms.at(0), forms.at(-1)]
  if (first === undefined || last === undefined) return t.fail()
  t.match(
    headingOf((await fillIn(browser, first)).text),
    /^(?:Sign-in failed|This sign-in cannot be completed)$/,
  ) // the provider’s page, or ours
  t.match((await fillIn(browser, last)).text, 'action="/_altgate/credential"')
})

t.test('a session id from before the sign-in is worth nothing after it', async t => {
  const browser = new Browser()
  const planted = 'A'.repeat(43)
  browser.plant('127.0.0.1', 'altgate', planted)
  await signIn(lab, browser, 'contoso')
  const first = browser.cookie('127.0.0.1', 'altgate')
  t.not(first, planted)
  await signIn(lab, browser, 'fabrikam')
  const second = browser.cookie('127.0.0.1', 'altgate')
  t.not(second, first, 'every sign-in renews it')
  for (const id of [planted, first ?? '']) {
    const thief = new Browser()
    thief.plant('127.0.0.1', 'altgate', id)
    t.notMatch((await thief.go(lab.page('contoso'))).text, 'action="/_altgate/credential"')
  }
})

t.test('nothing in an address says where a sign-in leads', async t => {
  const evil = [
    'https://evil.example',
    '//evil.example',
    String.raw`/\evil.example`,
    '/\t/evil.example',
    'javascript:alert(1)',
  ]
  for (const target of evil) {
    for (const name of ['return', 'returnTo', 'redirect', 'redirect_uri', 'next', 'url', 'rd', 'r']) {
      const browser = new Browser()
      const wish = query({ account: 'contoso', [name]: target })
      const { headers } = await browser.ask(`${lab.url}/_altgate/sign-in?${wish}`)
      t.ok(headers.get('location')?.startsWith(`${lab.identity.url}/contoso/`))
      t.notMatch(decodeURIComponent(headers.get('location') ?? ''), 'evil')
    }
    const seen = await new Browser().ask(`${lab.url}/_altgate/sign-in?${query({ account: target })}`)
    t.equal(seen.status, 400)
    t.equal(seen.headers.get('location'), null)
  }
})

t.test('an account that moves during a sign-in asks for the new authority', async t => {
  const moving = await aLab(t)
  const browser = new Browser()
  const form = await toTheForm(moving, browser, 'fabrikam')
  await moving.services.registry.connect('test', named('fabrikam'), northwindDirectory.id)
  const seen = await fillIn(browser, form)
  t.equal(seen.url, moving.page('fabrikam'))
  t.equal(browser.cookie('127.0.0.1', 'altgate'), undefined)
})

t.test('where no sign-in is configured, the page says so, of every name alike', async t => {
  const bare = await aLab(t, { signIn: { msa: undefined, directories: {} } as object })
  const texts = new Set<string>()
  for (const account of ['fabrikam', 'contoso', 'nobody'])
    for (const address of [bare.page(account), `${bare.url}/_altgate/sign-in?account=${account}`]) {
      const seen = await new Browser().go(address)
      t.equal(seen.status, 503)
      t.match(seen.text, '<code>signIn</code>')
      t.match(seen.text, `altgate account show ${account}`)
      texts.add(seen.text.replaceAll(account, 'NAME'))
    }
  t.equal(texts.size, 1)
})

t.test('one registration can serve all directories, and a directory may bring its own issuer', async t => {
  const shared = await aLab(t, { signIn: { directories: {}, entra: client } })
  const { headers, status } = await new Browser().ask(`${shared.url}/_altgate/sign-in?account=contoso`)
  // No network here: that it goes to Entra shows in the failure.
  t.ok(status === 502 || headers.get('location')?.startsWith('https://login.microsoftonline.com/'))
})

t.test('each state has a title of its own', async t => {
  const browser = new Browser()
  const titles = [
    (await browser.go(`${lab.url}/_altgate/`)).text,
    (await browser.go(lab.page('contoso'))).text,
    (await signIn(lab, browser, 'contoso')).text,
    (await browser.go(lab.page('nobody'))).text,
    (await browser.go(`${lab.url}/_altgate/callback?state=x`)).text,
    (await browser.go(`${lab.url}/_altgate/nothing`)).text,
  ].map(titleOf)
  t.equal(new Set(titles).size, titles.length, titles.join(' | '))
})

function signInCookies(browser: Browser): readonly (readonly [string, string])[] {
  return [...browser.cookies('127.0.0.1')].filter(([name]) => name.startsWith('altgate-sign-in-'))
}

/** Where the provider sends the browser, without going there. */
async function callbackOf(browser: Browser, url: string, text: string): Promise<string> {
  const action = new URL(formIn(text, '/interaction/').action, url).href
  let seen = await browser.ask(action, posting({ login: 'anna@example.com', password: 'anna-demo' }))
  for (let hops = 0; hops < 5; hops++) {
    const next = new URL(seen.headers.get('location') ?? '', seen.url).href
    if (next.includes('/_altgate/callback')) return next
    seen = await browser.ask(next)
  }
  throw new Error('the provider does not redirect back')
}
