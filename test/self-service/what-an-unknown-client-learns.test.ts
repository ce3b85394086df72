import t, { type Test } from 'tap'
import { usualLimits } from '../../src/self-service/throttle.ts'
import { Browser, headingOf, posting, type Seen } from './browser.ts'
import { aLab, contoso, fillIn, type Lab, visitor } from './lab.ts'

const asked: string[] = []

/** Writes down which reads of the store a request makes. */
const lab = await aLab(t, {
  limits: { ...usualLimits, signIns: { points: 1000, seconds: 60 } },
  change: ({ registry }) => ({
    registry: new Proxy(registry, {
      get(target, name, receiver) {
        const its: unknown = Reflect.get(target, name, receiver)
        if (typeof its !== 'function') return its
        return (...given: unknown[]): unknown => {
          asked.push(String(name))
          return Reflect.apply(its, target, given)
        }
      },
    }),
  }),
})

/** Of the same length as those of accounts that exist. */
const unknown = { fabrikam: 'fabrikan', contoso: 'contosa', northwind: 'nortwind0' } as const

/** What a client without a session sees, without the name itself and what is random. */
async function learns(account: string, ask: (browser: Browser, account: string) => Promise<Seen>) {
  asked.length = 0
  const { status, headers, text } = await ask(new Browser(), account)
  const plain = (value: string) => value.replaceAll(account, 'NAME')
  const sent = [...headers]
    .filter(([name]) => !['date', 'x-request-id', 'set-cookie', 'location'].includes(name))
    .map(([name, value]) => [name, name === 'content-length' ? '' : plain(value)])
  const reference = headers.get('x-request-id') ?? ''
  const location = new URL(headers.get('location') ?? '/', lab.url)
  for (const each of ['state', 'nonce', 'code_challenge']) location.searchParams.delete(each)
  return {
    status,
    headers: sent,
    text: plain(text.replaceAll(reference, 'ID')),
    location: plain(location.search),
    cookie: headers.get('set-cookie')?.replace(/=.*/, '').length,
    asked: [...asked],
  }
}

const helper = 'response_type=code&client_id=git-credential-oauth&redirect_uri=http%3A%2F%2F127.0.0.1%3A9'

for (const [what, ask] of [
  ['its page', (browser, account) => browser.ask(lab.page(account))],
  ['a sign-in', (browser, account) => browser.ask(`${lab.url}/_altgate/sign-in?account=${account}`)],
  ['its page for a scope', (browser, account) => browser.ask(`${lab.page(account)}&scope=${contoso}`)],
  ['its page for what is no scope', (browser, account) => browser.ask(`${lab.page(account)}&scope=x`)],
  [
    'a sign-in for a scope',
    (browser, account) => browser.ask(`${lab.url}/_altgate/sign-in?account=${account}&scope=${contoso}`),
  ],
  [
    'a sign-in with another account',
    (browser, account) => browser.ask(`${lab.url}/_altgate/sign-in?account=${account}&ask=other&grant=no`),
  ],
  [
    'the question of a helper',
    (browser, account) => browser.ask(`${lab.url}/_altgate/oauth/authorize/${account}?${helper}`),
  ],
  ...(
    ['credential', 'password', 'switch', 'claim', 'link', 'unlink', 'disconnect', 'sign-in-too'] as const
  ).map(
    path =>
      [
        `a form for /${path}`,
        (browser: Browser, account: string) =>
          browser.ask(`${lab.url}/_altgate/${path}`, posting({ csrf: 'x', account, also: account })),
      ] as const,
  ),
] satisfies readonly (readonly [string, (browser: Browser, account: string) => Promise<Seen>])[])
  t.test(`${what} is the same for an account and for a name that is none`, async t => {
    for (const [known, name] of Object.entries(unknown)) {
      await learns(name, ask) // what is remembered is remembered then
      t.strictSame(await learns(name, ask), await learns(known, ask), known)
    }
  })

t.test('the 401 for git tells as much: nothing', async t => {
  const without = async (account: string) => {
    const answer = await fetch(`${lab.url}/${account}/x.git/info/refs`)
    const text = (await answer.text()).replaceAll(account, 'NAME').replace(/Reference: \w+/, '')
    return [answer.status, answer.headers.get('www-authenticate')?.replaceAll(account, 'NAME'), text]
  }
  for (const [known, name] of Object.entries(unknown)) t.strictSame(await without(name), await without(known))
})

t.test('a page does not say what its account signs in with', async t => {
  for (const account of Object.keys(unknown))
    t.notMatch(
      (await new Browser().go(lab.page(account))).text,
      /Contoso|Northwind|Microsoft account|directory/,
    )
})

t.test('a sign-in for an unknown name begins where accounts do, always at the same place', async t => {
  const places = async (url: string) =>
    await Promise.all(
      Array.from({ length: 40 }, (_, at) => `guess-${at}`).map(async name => {
        const { headers } = await new Browser().ask(`${url}/_altgate/sign-in?account=${name}`)
        return new URL(headers.get('location') ?? '').pathname.split('/')[1]
      }),
    )
  const found = await places(lab.url)
  t.strictSame(new Set(found), new Set(['contoso', 'msa', 'northwind']))
  t.strictSame(await places(await lab.another()), found, 'at another gateway, too')
})

t.test('a user who has signed in hears that there is no such account', async t => {
  const browser = new Browser()
  const form = await browser.go(`${lab.url}/_altgate/sign-in?account=fabrikan`)
  t.notOk(form.url.startsWith(lab.url), 'at the identity provider')
  saysSo(t, await fillIn(browser, form))
  t.equal(browser.cookie('127.0.0.1', 'altgate'), undefined, 'and is not kept signed in')

  const { browser: signedIn } = await visitor(lab, 'contoso')
  saysSo(t, await signedIn.go(lab.page('fabrikan')))
  saysSo(t, await signedIn.go(`${lab.url}/_altgate/sign-in?account=fabrikan`))
})

t.test('one who cancels does not', async t => {
  const cancelled = await Promise.all(['fabrikan', 'fabrikam'].map(account => cancel(lab, account)))
  const [unknown, known] = cancelled.map(({ status, text }) => [
    status,
    text.replace(/fabrika[mn]/g, 'NAME').replace(/[0-9a-f]{24}/, 'ID'),
  ])
  t.strictSame(unknown, known)
})

function saysSo(t: Test, { status, text }: Seen): void {
  t.equal(status, 404)
  t.equal(headingOf(text), 'Which account is it for?')
  t.match(text, 'There is no account with that name.')
}

async function cancel({ url }: Lab, account: string): Promise<Seen> {
  const browser = new Browser()
  const { headers } = await browser.ask(`${url}/_altgate/sign-in?account=${account}`)
  const state = new URL(headers.get('location') ?? '').searchParams.get('state') ?? ''
  return await browser.go(`${url}/_altgate/callback?error=access_denied&state=${state}`)
}
