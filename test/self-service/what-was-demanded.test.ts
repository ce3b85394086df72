// The upstream, or a policy, demanded more of a user: the next sign-in asks for it, whether or not the page knows who comes.
import { randomBytes } from 'node:crypto'
import t, { type Test } from 'tap'
import { authorities, claimsOf, people } from '../../src/demo/identity-pages.ts'
import type { GrantEnd } from '../../src/gateway/delegation.ts'
import type { Owner } from '../../src/gateway/names.ts'
import { Browser, headingOf, type Seen } from './browser.ts'
import { aLab, contoso, fillIn, type Lab, northwind, toTheForm } from './lab.ts'

const secrets = { sealingKeys: [{ id: 'first', key: randomBytes(32).toString('base64') }] }
const nbf = { essential: true, value: '1604106651' }
const demand = JSON.stringify({ access_token: { nbf } })
const cp1 = { values: ['cp1'] }

/** A lab in which requests act as their users. `capable`: as at Entra ID. */
async function aDelegatedLab(t: Test, capable: boolean): Promise<Lab> {
  return await aLab(t, {
    settings: { secrets, upstreamAuth: { method: 'delegated' } },
    change: ({ signIn }) => ({
      signIn: {
        ...signIn,
        directories: Object.fromEntries(
          Object.entries(signIn.directories).map(([id, its]) => [id, { ...its, continuousAccess: capable }]),
        ),
      },
    }),
  })
}

function ownerOf(email: string, path = 'contoso'): Owner {
  const person = people.find(each => each.email === email)
  const authority = authorities.find(each => each.path === path)
  if (person === undefined || authority === undefined) throw new Error(`${email} is unknown`)
  return claimsOf(person, authority).oid as Owner
}

const owner = ownerOf('anna@example.com')

async function connect(browser: Browser, seen: Seen): Promise<Seen> {
  const next = headingOf(seen.text).startsWith('Sign in to') ? await fillIn(browser, seen) : seen
  if (headingOf(next.text) !== 'Permissions requested') return next
  return await browser.send(next, '/interaction/', { accept: 'yes' })
}

/** A user whose sign-in has ended, in a browser that the page knows. */
async function aUserWithDemand(lab: Lab, cause: GrantEnd = 'claims', demanded = demand) {
  const browser = new Browser()
  const page = await connect(browser, await toTheForm(lab, browser, 'contoso'))
  t.match(page.text, 'Acts as')
  const left = demanded === 'none' ? undefined : demanded
  await lab.services.registry.endGrant('upstream', { scope: contoso, owner }, cause, left)
  return browser
}

/** What the provider is asked when the sign-in begins. */
async function asked(lab: Lab, browser: Browser, more = ''): Promise<URLSearchParams> {
  const { headers } = await browser.ask(`${lab.url}/_altgate/sign-in?account=contoso${more}`)
  return new URL(headers.get('location') ?? '').searchParams
}

function claims(asked: URLSearchParams): unknown {
  const text = asked.get('claims')
  return text === null ? null : JSON.parse(text)
}

const isActive = async (lab: Lab) => {
  const grant = await lab.services.grants.of(contoso, owner)
  return grant?.refreshToken !== undefined && grant.demand === undefined
}

t.test('without a demand a sign-in declares what the gateway understands, to Entra ID alone', async t => {
  const entra = await aDelegatedLab(t, true)
  t.strictSame(claims(await asked(entra, new Browser())), { access_token: { xms_cc: cp1 } })
  t.equal(claims(await asked(entra, new Browser(), '&grant=no')), null, 'nothing where no token is asked for')
  const other = await aDelegatedLab(t, false)
  t.equal(claims(await asked(other, new Browser())), null)
  const lab = await aLab(t)
  t.equal(claims(await asked(lab, new Browser())), null)
})

for (const capable of [true, false])
  t.test(
    `what was demanded is asked for, ${capable ? 'at Entra ID' : 'elsewhere with the password'}`,
    async t => {
      const lab = await aDelegatedLab(t, capable)
      const browser = await aUserWithDemand(lab)
      const page = await browser.go(lab.page('contoso'))
      t.match(page.text, 'The service asked for a new sign-in')
      t.match(page.text, /href="\/_altgate\/sign-in\?account=contoso">Sign in/)
      const query = await asked(lab, browser)
      t.strictSame(claims(query), { access_token: { ...(capable && { xms_cc: cp1 }), nbf } })
      t.equal(query.get('prompt'), capable ? null : 'login')
      t.equal(claims(await asked(lab, browser, '&grant=no')), null)

      const back = await connect(browser, await toTheForm(lab, browser, 'contoso'))
      t.equal(back.url, lab.page('contoso'))
      t.match(back.text, 'Acts as')
      t.ok(await isActive(lab))
      t.equal((await asked(lab, browser)).get('prompt'), null, 'it was asked for once')
      t.strictSame(claims(await asked(lab, browser)), capable ? { access_token: { xms_cc: cp1 } } : null)
    },
  )

for (const capable of [true, false])
  t.test(`a browser that the page does not know is led on once it does (${capable})`, async t => {
    const lab = await aDelegatedLab(t, capable)
    await aUserWithDemand(lab)
    const browser = new Browser()
    const seen = new Recording(browser)
    const form = await seen.go(`${lab.url}/_altgate/sign-in?account=contoso`)
    t.notMatch(seen.claims.at(-1) ?? '', 'nbf')
    const after = await seen.fillIn(form)
    t.match(seen.claims.at(-1), 'nbf')
    t.notOk(capable ? false : await isActive(lab), 'not before it has been asked for')
    if (!capable) t.match(headingOf(after.text), 'Sign in to Contoso', 'the password, once more')
    const page = capable ? after : await seen.fillIn(after)
    t.equal(page.url, lab.page('contoso'))
    t.ok(await isActive(lab))
    t.equal(seen.claims.length, 2, 'and not a third time')
  })

t.test('where the demand says nothing the password is asked for, once', async t => {
  const lab = await aDelegatedLab(t, true)
  await aUserWithDemand(lab, 'claims', 'none')
  const browser = new Browser()
  const seen = new Recording(browser)
  const form = await seen.go(`${lab.url}/_altgate/sign-in?account=contoso&ask=again`)
  const page = await seen.fillIn(form)
  t.equal(page.url, lab.page('contoso'))
  t.equal(seen.claims.length, 1, 'it was asked for from the start')

  const known = await aUserWithDemand(lab, 'claims', 'none')
  t.equal((await asked(lab, known)).get('prompt'), 'login')
})

t.test('a policy that refused a renewal is asked for as well', async t => {
  const lab = await aDelegatedLab(t, true)
  const browser = await aUserWithDemand(lab, 'refused')
  t.strictSame(claims(await asked(lab, browser)), { access_token: { xms_cc: cp1, nbf } })
})

t.test('other ends demand nothing', async t => {
  const lab = await aDelegatedLab(t, false)
  for (const cause of ['refused', 'disconnected', 'signed-out'] as const) {
    const browser = await aUserWithDemand(lab, cause, 'none')
    const query = await asked(lab, browser)
    t.strictSame([claims(query), query.get('prompt')], [null, null], cause)
  }
})

t.test('what another user was asked for is not asked of this one', async t => {
  const lab = await aDelegatedLab(t, false)
  await aUserWithDemand(lab)
  const browser = new Browser()
  const seen = new Recording(browser)
  const page = await seen.fillIn(await seen.go(`${lab.url}/_altgate/sign-in?account=northwind`), 'ben')
  t.equal(page.url, lab.page('northwind'))
  t.strictSame(seen.claims, [''])
})

t.test('a sign-in beside another keeps that one on the longer way', async t => {
  const lab = await aDelegatedLab(t, true)
  await aUserWithDemand(lab)
  const browser = new Browser()
  const first = await connect(browser, await toTheForm(lab, browser, 'northwind'))
  const on = await browser.send(first, '/sign-in-too', { also: 'contoso' })
  const link = /class="button" href="([^"]+)"/.exec(on.text)?.[1]?.replaceAll('&amp;', '&') ?? ''
  const page = await connect(browser, await browser.go(link))
  t.equal(page.url, lab.page('contoso'))
  t.match(page.text, 'Link your sign-ins', 'both are signed in')
  t.ok(await isActive(lab))
  t.match(await lab.services.grants.of(northwind, ownerOf('anna@example.com', 'northwind')), {
    ended: undefined,
  })
})

/** A browser that notes the `claims` of each request for a sign-in that it is sent to; empty where there are none. */
class Recording {
  readonly claims: string[] = []
  readonly #browser: Browser

  constructor(browser: Browser) {
    this.#browser = browser
    const ask = browser.ask.bind(browser)
    browser.ask = async (url, options) => {
      const { pathname, searchParams } = new URL(url)
      if (pathname.endsWith('/v2.0/auth')) this.claims.push(searchParams.get('claims') ?? '')
      return await ask(url, options)
    }
  }

  async go(url: string): Promise<Seen> {
    return await this.#browser.go(url)
  }

  async fillIn(form: Seen, who = 'anna'): Promise<Seen> {
    const seen = await fillIn(this.#browser, form, who)
    return headingOf(seen.text) === 'Permissions requested'
      ? await this.#browser.send(seen, '/interaction/', { accept: 'yes' })
      : seen
  }
}
