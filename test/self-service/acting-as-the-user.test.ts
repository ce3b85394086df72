import { randomBytes } from 'node:crypto'
import t from 'tap'
import { authorities, claimsOf, people } from '../../src/demo/identity-pages.ts'
import type { Owner } from '../../src/gateway/names.ts'
import { Browser, formIn, headingOf, posting, query, type Seen } from './browser.ts'
import {
  aLab,
  choose,
  client,
  contoso,
  fillIn,
  generate,
  type Lab,
  type LabOptions,
  operatorSets,
  signInToo,
  toTheForm,
} from './lab.ts'

const azureDevOps = '499b84ac-1321-427f-aa17-267ca6975798/.default'
const password = 'brave-otter-under-the-bridge'

const secrets = { sealingKeys: [{ id: 'first', key: randomBytes(32).toString('base64') }] }
const delegated = { secrets, upstreamAuth: { method: 'delegated' } }

/** A lab in which the requests of all accounts act as their users. */
async function delegatedLab(options: LabOptions = {}): Promise<Lab> {
  return await aLab(t, { settings: delegated, ...options })
}

/** What the provider is asked for when a sign-in begins. */
async function askedBy(lab: Lab, account: string, more = ''): Promise<URLSearchParams> {
  const { headers } = await new Browser().ask(`${lab.url}/_altgate/sign-in?account=${account}${more}`)
  return new URL(headers.get('location') ?? '').searchParams
}

/** Signs in and gives the consent; gives the page that follows. */
async function connect(lab: Lab, browser: Browser, account: string, ask = ''): Promise<Seen> {
  const form = await toTheForm(lab, browser, account, ask)
  return await accept(browser, form.url.startsWith(lab.url) ? form : await fillIn(browser, form))
}

/** Gives the consent if the provider asks for it. */
async function accept(browser: Browser, seen: Seen): Promise<Seen> {
  if (headingOf(seen.text) !== 'Permissions requested') return seen
  return await browser.send(seen, '/interaction/', { accept: 'yes' })
}

function ownerOf(email: string): Owner {
  const person = people.find(each => each.email === email)
  const authority = authorities.find(({ path }) => path === 'contoso')
  if (person === undefined || authority === undefined) throw new Error(`nobody is called ${email}`)
  return claimsOf(person, authority).oid as Owner
}

const owner = ownerOf('anna@example.com')
const grantOf = async (lab: Lab) => await lab.services.grants.of(contoso, owner)

/** How a request with a password ends, and with which token it reaches the upstream. */
async function asks(lab: Lab, account: string, secret: string, url = lab.url) {
  const authorization = `Basic ${Buffer.from(`anna@example.com:${secret}`).toString('base64')}`
  const before = lab.upstream.requests.length
  const answer = await fetch(`${url}/${account}/x`, { headers: { authorization } })
  await answer.text()
  const arrived = lab.upstream.requests[before]
  const outcome = answer.headers.get('x-altgate-outcome')
  return { status: answer.status, outcome, token: arrived?.values('authorization')[0] }
}

function claimsIn(token: string | undefined): Record<string, unknown> {
  const body = Buffer.from(token?.split('.')[1] ?? '', 'base64url').toString()
  return JSON.parse(body === '' ? '{}' : body) as Record<string, unknown> // the token of the test's own provider
}

t.test('where no request acts as its user, a sign-in asks only who the user is', async t => {
  const lab = await aLab(t)
  t.equal((await askedBy(lab, 'contoso')).get('scope'), 'openid profile email')
  t.notMatch((await new Browser().go(lab.page('contoso'))).text, 'What you allow')
  const browser = new Browser()
  const page = await connect(lab, browser, 'contoso')
  t.notMatch(page.text, 'Azure DevOps')
})

t.test('a sign-in asks for offline access and the upstream, and the page says so before', async t => {
  const lab = await delegatedLab()
  const asked = await askedBy(lab, 'contoso')
  t.equal(asked.get('scope'), `openid profile email offline_access ${azureDevOps}`)
  t.equal(asked.get('prompt'), null, 'consent is left to the provider')
  const { text } = await new Browser().go(lab.page('contoso'))
  t.match(text, 'What you allow by signing in')
  t.match(text, 'Access Azure DevOps as you.')
})

t.test('after the sign-in requests reach the upstream as the user', async t => {
  const lab = await delegatedLab()
  const browser = new Browser()
  const page = await connect(lab, browser, 'contoso')
  t.equal(page.url, lab.page('contoso'))
  t.match(page.text, /Acts as <b>anna@example\.com<\/b> on Azure DevOps since <time/)
  t.equal((await browser.send(page, '/credential', { ...generate, ...choose(password) })).status, 200)

  for (const account of ['contoso', 'contoso-labs']) {
    const { status, token } = await asks(lab, account, password)
    t.equal(status, 200)
    t.match(claimsIn(token), { oid: owner, aud: '499b84ac-1321-427f-aa17-267ca6975798' })
  }
  t.match(
    (await lab.changes()).slice(-2),
    ['grant-given', 'credential-set'].map(action => ({ action, actor: `page:${owner}` })),
    'both are in the log of changes',
  )

  await t.test('consent is asked for once', async t => {
    const again = new Browser()
    const seen = await fillIn(again, await toTheForm(lab, again, 'contoso'))
    t.equal(seen.url, lab.page('contoso'))
  })
})

t.test('a user who may not give consent can set a password, and is told what is missing', async t => {
  const lab = await delegatedLab()
  lab.identity.conditions.consent = 'administrator'
  const browser = new Browser()
  const asking = await fillIn(browser, await toTheForm(lab, browser, 'contoso'))
  t.match(asking.text, 'Only an administrator of Contoso can allow this.')
  const declined = await browser.send(asking, '/interaction/', { cancel: 'yes' })
  t.equal(declined.status, 403)
  t.equal(headingOf(declined.text), 'You are not signed in')
  const only = /href="([^"]*grant=no)"/.exec(declined.text)?.[1]?.replaceAll('&amp;', '&') ?? ''
  t.match(only, '/_altgate/sign-in?account=contoso')

  const form = await browser.go(lab.url + only)
  const page = await fillIn(browser, form)
  t.match(page.text, 'Sign-in needed')
  t.match(page.text, 'Access Azure DevOps as you.')
  t.equal((await browser.send(page, '/credential', { ...generate, ...choose(password) })).status, 200)
  t.match(await asks(lab, 'contoso', password), { status: 403, outcome: 'sign-in-needed' })
})

t.test('a provider that refuses what the gateway asks for is told to the log', async t => {
  const lab = await delegatedLab()
  const issuer = lab.identity.issuers.get('contoso') ?? ''
  for (const [error, logged] of [
    ['invalid_scope', 1],
    ['access_denied', 0],
    ['anything', 0],
  ] as const) {
    const browser = new Browser()
    const before = lab.failures.length
    const { headers } = await browser.ask(`${lab.url}/_altgate/sign-in?account=contoso`)
    const state = new URL(headers.get('location') ?? '').searchParams.get('state') ?? ''
    const seen = await browser.go(`${lab.url}/_altgate/callback?${query({ error, state, iss: issuer })}`)
    t.equal(seen.status, 403, error)
    t.match(seen.text, 'grant=no')
    t.equal(lab.failures.length - before, logged, error)
  }
  t.match(lab.failures[0]?.detail, 'invalid_scope')
})

t.test('a sign-in without a refresh token is told to the user and the log', async t => {
  const lab = await delegatedLab()
  lab.identity.conditions.refreshTokens = false
  const browser = new Browser()
  const seen = await connect(lab, browser, 'contoso')
  t.equal(headingOf(seen.text), 'You are signed in, but not connected')
  t.strictSame(lab.told, ['not connected'])
  t.match((await browser.go(lab.page('contoso'))).text, 'Sign-in needed', 'signed in all the same')

  await t.test('one more try asks for consent again', async t => {
    t.match(seen.text, 'ask=consent')
    t.equal((await askedBy(lab, 'contoso', '&ask=consent')).get('prompt'), 'consent')
  })

  await t.test('an earlier grant stays', async t => {
    lab.identity.conditions.refreshTokens = true
    const page = await connect(lab, browser, 'contoso')
    await browser.send(page, '/credential', { ...generate, ...choose(password) })
    const before = await grantOf(lab)
    lab.identity.conditions.refreshTokens = false
    const again = await connect(lab, new Browser(), 'contoso')
    t.match(again.text, 'What you allowed earlier stays in use.')
    t.same(await grantOf(lab), before)
    t.match(await asks(lab, 'contoso', password), { status: 200 })
  })
})

t.test(
  'a provider that gives offline access only with prompt=consent is served by the second try',
  async t => {
    const lab = await delegatedLab()
    lab.identity.conditions.offlineOnlyWithConsent = true
    const browser = new Browser()
    t.equal(headingOf((await connect(lab, browser, 'contoso')).text), 'You are signed in, but not connected')
    const page = await connect(lab, browser, 'contoso', '&ask=consent')
    t.match(page.text, 'Acts as')
  },
)

t.test('a user disconnects', async t => {
  const lab = await delegatedLab()
  const other = await lab.another()
  const browser = new Browser()
  const page = await connect(lab, browser, 'contoso')
  await browser.send(page, '/credential', { ...generate, ...choose(password) })
  for (const url of [lab.url, other]) t.match(await asks(lab, 'contoso', password, url), { status: 200 })
  t.equal(lab.identity.refreshTokens('anna@example.com'), 1)

  await t.test('only with the form of the session', async t => {
    const { hidden } = formIn(page.text, '/disconnect')
    const sent = posting({ ...hidden, csrf: 'x' })
    t.equal((await browser.ask(`${lab.url}/_altgate/disconnect`, sent)).status, 403)
    t.equal((await new Browser().ask(`${lab.url}/_altgate/disconnect`, posting(hidden))).status, 403)
    const elsewhere = {
      ...posting(hidden),
      headers: { ...posting(hidden).headers, origin: 'https://evil.example' },
    }
    t.equal((await browser.ask(`${lab.url}/_altgate/disconnect`, elsewhere)).status, 403)
    t.match(await asks(lab, 'contoso', password), { status: 200 })
  })

  await t.test('everywhere at once, and at the provider', async t => {
    const seen = await browser.send(page, '/disconnect')
    t.match(seen.text, 'Disconnected everywhere.')
    t.match(seen.text, 'You disconnected it')
    for (const url of [lab.url, other])
      t.match(await asks(lab, 'contoso', password, url), { status: 403, outcome: 'sign-in-needed' })
    t.equal(lab.identity.refreshTokens('anna@example.com'), 0)
    t.match((await lab.changes()).at(-1), { action: 'grant-ended', actor: `page:${owner}` })
  })

  await t.test('twice is once', async t => {
    t.match((await browser.send(page, '/disconnect')).text, 'It was not connected any more.')
  })

  await t.test('and connects again, with the same password', async t => {
    await connect(lab, browser, 'contoso')
    t.match(await asks(lab, 'contoso', password), { status: 200 })
  })

  await t.test('not with a sign-in of some time ago', async t => {
    lab.pass(16)
    const stale = await browser.go(lab.page('contoso'))
    t.notMatch(stale.text, 'action="/_altgate/disconnect"')
    t.match(stale.text, 'Acts as')
  })
})

t.test('disconnecting works where the provider cannot revoke', async t => {
  for (const what of ['no endpoint', 'an outage'] as const) {
    const lab = await delegatedLab({ identity: { revocation: what === 'an outage' } })
    const browser = new Browser()
    const page = await connect(lab, browser, 'contoso')
    if (what === 'an outage') await lab.identity.close()
    t.match((await browser.send(page, '/disconnect')).text, 'Disconnected everywhere.', what)
    t.strictSame(lab.told, what === 'an outage' ? ['not revoked'] : [])
    t.equal((await grantOf(lab))?.refreshToken, undefined)
  }
})

t.test('an access token that is not for the user or the upstream is not used', async t => {
  const lab = await delegatedLab()
  const { conditions } = lab.identity
  const browser = new Browser()
  await t.test('of another user: the sign-in fails, and an earlier grant stays', async t => {
    await browser.send(await connect(lab, browser, 'contoso'), '/credential', {
      ...generate,
      ...choose(password),
    })
    const before = await grantOf(lab)
    conditions.claims = claims => void (claims['oid'] = ownerOf('ben@example.com'))
    const seen = await connect(lab, new Browser(), 'contoso')
    t.equal(seen.status, 502)
    t.equal(headingOf(seen.text), 'Sign-in is temporarily unavailable')
    t.match(lab.failures.at(-1)?.detail, 'the access token is of another user')
    t.same(await grantOf(lab), before)
  })
  for (const [what, change] of [
    ['for another audience', claims => void (claims['aud'] = 'https://graph.microsoft.com')],
    ['that has expired', claims => void (claims['exp'] = 1)],
  ] satisfies readonly (readonly [string, (claims: Record<string, unknown>) => void])[])
    await t.test(`${what}: the first request renews`, async t => {
      conditions.claims = change
      await connect(lab, new Browser(), 'contoso')
      const grant = await grantOf(lab)
      t.type(grant?.refreshToken, 'string')
      t.equal(grant?.access, undefined)
      conditions.claims = undefined
      const { status, token } = await asks(lab, 'contoso', password)
      t.equal(status, 200)
      t.match(claimsIn(token), { oid: owner, aud: '499b84ac-1321-427f-aa17-267ca6975798' })
    })
})

t.test(
  'a grant that this gateway cannot use is shown as ended, and the next sign-in replaces it',
  async t => {
    const lab = await delegatedLab()
    const browser = new Browser()
    await connect(lab, browser, 'contoso')
    await lab.services.registry.giveGrant('test', {
      scope: contoso,
      owner,
      issuer: lab.identity.issuers.get('contoso') ?? '',
      clientId: client.clientId,
      refreshToken: 'another-key.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA',
    })
    const page = await browser.go(lab.page('contoso'))
    t.match(page.text, /Your sign-in of <time[^>]*>[^<]*<\/time> cannot be used any more/)
    t.match((await connect(lab, browser, 'contoso')).text, 'Acts as')
  },
)

t.test('where only liveness is wanted, a sign-in asks for offline access alone', async t => {
  const liveness = { everySeconds: 600 }
  const lab = await aLab(t, {
    settings: { secrets },
    change: parts => {
      const { [contoso]: its, ...others } = parts.signIn.directories
      if (its === undefined) throw new Error('the lab has no Contoso')
      return { signIn: { ...parts.signIn, directories: { ...others, [contoso]: { ...its, liveness } } } }
    },
  })
  t.equal((await askedBy(lab, 'contoso')).get('scope'), 'openid profile email offline_access')
  t.equal((await askedBy(lab, 'northwind')).get('scope'), 'openid profile email')
  t.match((await new Browser().go(lab.page('contoso'))).text, 'Check that your account is active.')
  const page = await connect(lab, new Browser(), 'contoso')
  t.match(page.text, /Known as <b>anna@example\.com<\/b> at Contoso since/)
  const grant = await grantOf(lab)
  t.type(grant?.refreshToken, 'string')
  t.equal(grant?.access, undefined, 'its access token is for no upstream')
})

t.test('claiming a credential that a command has set connects it, with one sign-in', async t => {
  const lab = await delegatedLab()
  await operatorSets(lab, contoso, 'anna@example.com', password)
  t.match(await asks(lab, 'contoso', password), { status: 403, outcome: 'sign-in-needed' })
  const browser = new Browser()
  const page = await connect(lab, browser, 'contoso')
  const claimed = await browser.send(page, '/claim', { current: password })
  t.match(claimed.text, 'The credentials are now yours.')
  const { status, token } = await asks(lab, 'contoso', password)
  t.equal(status, 200)
  t.match(claimsIn(token), { oid: owner })
})

t.test('where single accounts act as their users, the sign-in for their directory asks for it', async t => {
  const upstreamAuthByAccount = { 'contoso-labs': { method: 'delegated' } }
  const lab = await delegatedLab({ settings: { secrets, upstreamAuthByAccount } })
  for (const account of ['contoso-labs', 'contoso'])
    t.match((await askedBy(lab, account)).get('scope'), /offline_access/, account)
  for (const account of ['northwind', 'fabrikam'])
    t.equal((await askedBy(lab, account)).get('scope'), 'openid profile email', account)

  await t.test('also as a second sign-in', async t => {
    const browser = new Browser()
    const page = await connect(lab, browser, 'northwind')
    const beside = await browser.send(page, '/sign-in-too', { also: 'contoso' })
    t.match(beside.text, 'What you allow by signing in')
    const seen = await accept(browser, await signInToo(lab, browser, page, 'contoso'))
    t.match(seen.text, 'Acts as')
    t.match(seen.text, 'This is also me')
  })
})

t.test('a link of another site leads to the page that says what is asked for', async t => {
  const lab = await delegatedLab()
  const address = `${lab.url}/_altgate/sign-in?account=contoso`
  const from = async (site: string, more = '') =>
    (await new Browser().ask(address + more, { headers: { 'sec-fetch-site': site } })).headers.get('location')
  for (const site of ['cross-site', 'same-site']) t.equal(await from(site), lab.page('contoso'), site)
  for (const site of ['same-origin', 'none']) t.match(await from(site), lab.identity.url, site)
  t.match(
    await from('cross-site', '&grant=no'),
    lab.identity.url,
    'who only says who they are may come from anywhere',
  )
})

t.test('what a page of an upstream on this host loads does not connect a user', async t => {
  const lab = await delegatedLab()
  const by = async (dest: string, mode: string) => {
    const headers = { 'sec-fetch-site': 'same-origin', 'sec-fetch-dest': dest, 'sec-fetch-mode': mode }
    const { headers: answered } = await new Browser().ask(`${lab.url}/_altgate/sign-in?account=contoso`, {
      headers,
    })
    return answered.get('location')
  }
  t.match(await by('document', 'navigate'), lab.identity.url)
  for (const [dest, mode] of [
    ['image', 'no-cors'],
    ['iframe', 'navigate'],
    ['empty', 'cors'],
    ['script', 'no-cors'],
  ] as const)
    t.equal(await by(dest, mode), lab.page('contoso'), dest)
})

t.test('only two answers are known to whether a grant is wanted', async t => {
  const lab = await delegatedLab()
  for (const [more, status] of [
    ['&grant=no', 303],
    ['&grant=yes', 303],
    ['&grant=', 400],
    ['&grant=maybe', 400],
  ] as const)
    t.equal(
      (await new Browser().ask(`${lab.url}/_altgate/sign-in?account=contoso${more}`)).status,
      status,
      more,
    )
})

t.test('a user whom a liveness check has switched off signs in again, and then switches on', async t => {
  const lab = await aLab(t, {
    settings: { secrets },
    change: parts => {
      const { [contoso]: its, ...others } = parts.signIn.directories
      if (its === undefined) throw new Error('the lab has no Contoso')
      const checked = { ...its, liveness: { everySeconds: 600 } }
      return { signIn: { ...parts.signIn, directories: { ...others, [contoso]: checked } } }
    },
  })
  const browser = new Browser()
  const page = await connect(lab, browser, 'contoso')
  await browser.send(page, '/credential', { ...generate, ...choose(password) })
  t.equal(await lab.opens('contoso', 'anna@example.com', password), 200)
  const grant = await grantOf(lab)
  if (grant === undefined) throw new Error('there is no grant')
  await lab.services.registry.refuseGrant('liveness', grant)
  t.equal(await lab.opens('contoso', 'anna@example.com', password), 403)

  const off = await browser.go(lab.page('contoso'))
  const refused = await browser.send(off, '/switch', { on: '1' })
  t.match(refused.text, 'Sign in again first')
  t.equal(
    await lab.opens('contoso', 'anna@example.com', password),
    403,
    'the session may outlive the account',
  )

  const signedIn = await connect(lab, browser, 'contoso')
  t.match((await browser.send(signedIn, '/switch', { on: '1' })).text, 'Switched on.')
  t.equal(await lab.opens('contoso', 'anna@example.com', password), 200)
})
