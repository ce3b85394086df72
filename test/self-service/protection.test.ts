import t, { type Test } from 'tap'
import { Outage } from '../../src/gateway/outage.ts'
import { usualLimits } from '../../src/self-service/throttle.ts'
import { rawConnection, rawRequest } from '../support/raw-request.ts'
import { until } from '../support/until.ts'
import { Browser, formIn, headingOf, posting, query } from './browser.ts'
import { aLab, generate, northwind, signIn, visitor, type Lab } from './lab.ts'

const lab = await aLab(t)

const forms = ['/credential', '/switch', '/claim', '/sign-out']

/** There is no credential on northwind: nothing has come through. */
async function untouched(t: Test, where: Lab): Promise<void> {
  t.strictSame(await where.services.registry.credentials(northwind), [])
}

t.test('a form without the token of this session changes nothing', async t => {
  const { browser } = await visitor(lab, 'northwind')
  const { page: foreign } = await visitor(lab, 'northwind')
  const token = formIn(foreign.text, '/credential').hidden['csrf'] ?? ''
  for (const form of forms) {
    for (const csrf of ['', 'x', token, 'x'.repeat(10_000)]) {
      const fields = { ...generate, account: 'northwind', seen: '0', on: '0', current: 'x', csrf }
      const seen = await browser.ask(`${lab.url}/_altgate${form}`, posting(fields))
      t.equal(seen.status, 403, `${form} with ${csrf.slice(0, 10)}`)
    }
  }
  await untouched(t, lab)
  t.match((await browser.go(lab.page('northwind'))).text, 'Sign out', 'and the user stays signed in')
})

t.test('a form from another site changes nothing, whatever token it has', async t => {
  const { browser, page } = await visitor(lab, 'northwind')
  const { hidden } = formIn(page.text, '/credential')
  const sent = posting({ ...generate, ...hidden })
  for (const headers of [
    { origin: 'https://evil.example' },
    { origin: lab.url.replace('http:', 'https:') },
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site', origin: 'null' },
    { 'sec-fetch-site': 'none' },
    { 'sec-fetch-site': 'same-origin', 'sec-fetch-mode': 'cors' },
    { 'sec-fetch-site': 'same-origin', origin: 'https://evil.example' },
  ]) {
    const seen = await browser.ask(`${lab.url}/_altgate/credential`, {
      ...sent,
      headers: { ...sent.headers, ...headers },
    })
    t.equal(seen.status, 403, JSON.stringify(headers))
  }
  await untouched(t, lab)
})

t.test('a form from here is taken as browsers send it', async t => {
  const own = await aLab(t)
  for (const headers of [
    { origin: 'null', 'sec-fetch-site': 'same-origin', 'sec-fetch-mode': 'navigate' },
    { origin: own.url },
    {},
  ]) {
    const { browser, page } = await visitor(own, 'northwind')
    const sent = posting({ ...generate, ...formIn(page.text, '/credential').hidden })
    const seen = await browser.ask(`${own.url}/_altgate/credential`, {
      ...sent,
      headers: { ...sent.headers, ...headers },
    })
    t.equal(seen.status, 200, JSON.stringify(headers))
  }
})

t.test('a script that an upstream serves on this host sees nothing of a session', async t => {
  const { browser } = await visitor(lab, 'northwind')
  const read = async (dest: string, mode: string) => {
    const headers = { 'sec-fetch-site': 'same-origin', 'sec-fetch-dest': dest, 'sec-fetch-mode': mode }
    return browser.ask(lab.page('northwind'), { headers })
  }
  const opened = await read('document', 'navigate')
  t.match(opened.text, 'name="csrf"', 'the user sees the forms')
  t.equal(opened.headers.get('cross-origin-opener-policy'), 'same-origin', 'and no other document does')
  for (const [dest, mode] of [
    ['empty', 'cors'],
    ['empty', 'same-origin'],
    ['iframe', 'navigate'],
    ['object', 'navigate'],
    ['script', 'no-cors'],
  ] as const) {
    const { text } = await read(dest, mode)
    t.notMatch(text, 'csrf', `${dest} ${mode}`)
    t.notMatch(text, 'Sign out', `${dest} ${mode}`)
  }
  t.match((await browser.go(lab.page('northwind'))).text, 'Sign out', 'and the user stays signed in')
})

t.test('after signing out the session is gone, even with a kept cookie', async t => {
  const { browser, page } = await visitor(lab, 'contoso')
  const id = browser.cookie('127.0.0.1', 'altgate') ?? ''
  t.equal(headingOf((await browser.send(page, '/sign-out')).text), 'You are signed out here')
  t.equal(browser.cookie('127.0.0.1', 'altgate'), undefined)
  browser.plant('127.0.0.1', 'altgate', id)
  t.equal(headingOf((await browser.go(lab.page('contoso'))).text), 'Alternate credentials for contoso')
  const seen = await browser.send(page, '/credential', generate)
  t.equal(seen.status, 403)
  t.equal(headingOf(seen.text), 'Your sign-in has ended')
  t.equal((await browser.send(page, '/sign-out')).status, 200, 'signing out twice does no harm')
})

t.test('a change needs a sign-in that is not older than the settings say', async t => {
  const own = await aLab(t)
  const { browser, page } = await visitor(own, 'northwind')
  own.pass(16)
  const seen = await browser.send(page, '/credential', generate)
  t.equal(seen.status, 403)
  t.equal(headingOf(seen.text), 'Sign in again')
  const old = await browser.go(own.page('northwind'))
  t.match(old.text, 'ask=again')
  t.notMatch(old.text, 'action="/_altgate/credential"')
  const { headers } = await browser.ask(`${own.url}/_altgate/sign-in?account=northwind&ask=again`)
  t.equal(new URL(headers.get('location') ?? '').searchParams.get('prompt'), 'login')
  t.equal(new URL(headers.get('location') ?? '').searchParams.get('max_age'), '900')
  await untouched(t, own)
})

t.test('the age of a sign-in is what the provider says, not when one came back from it', async t => {
  const own = await aLab(t, { signIn: { freshMinutes: 1 } })
  const { browser } = await visitor(own, 'northwind')
  own.pass(1.5)
  // The provider's clock has not moved: to it the sign-in is young enough to let the person through.
  const again = await signIn(own, browser, 'northwind')
  t.notMatch(again.text, 'action="/_altgate/credential"')
  t.match(again.text, 'ask=again')
})

t.test('a session ends when the settings say', async t => {
  const own = await aLab(t, { signIn: { sessionMinutes: 60 } })
  own.pass(-61)
  const { browser } = await visitor(own, 'northwind')
  t.notMatch((await browser.go(own.page('northwind'))).text, 'Sign out')
})

t.test('every answer of the page keeps browsers from doing what it does not need', async t => {
  const { browser, page } = await visitor(lab, 'contoso')
  const answers = [
    page,
    await new Browser().ask(`${lab.url}/_altgate`),
    await new Browser().ask(`${lab.url}/_altgate/`),
    await new Browser().ask(lab.page('nobody')),
    await new Browser().ask(`${lab.url}/_altgate/nothing`),
    await new Browser().ask(`${lab.url}/_altgate/callback?state=x`),
    await browser.ask(`${lab.url}/_altgate/credential`, posting({})),
  ]
  for (const { headers, text, url } of answers) {
    t.equal(
      headers.get('content-security-policy'),
      "default-src 'none';style-src 'self';script-src 'self';img-src 'self';form-action 'self';frame-ancestors 'none';base-uri 'none'",
      url,
    )
    t.equal(headers.get('referrer-policy'), 'no-referrer')
    t.equal(headers.get('cache-control'), 'no-store')
    t.equal(headers.get('x-frame-options'), 'DENY')
    t.equal(headers.get('x-content-type-options'), 'nosniff')
    t.equal(headers.get('content-type'), 'text/html; charset=utf-8')
    t.match(headers.get('x-request-id'), /^[0-9a-f]{24}$/)
    t.equal(headers.get('strict-transport-security'), null, 'the address is http')
    t.notMatch(text, /<style|<script>|<script [^>]*>[^<]|\son[a-z]+=|\sstyle=|javascript:/i, 'nothing inline')
  }
})

t.test('with an https address cookies and headers say so', async t => {
  const own = await aLab(t, { publicUrl: 'https://git.example.com', trustedProxies: ['127.0.0.1'] })
  const https = { 'x-forwarded-proto': 'https', 'x-forwarded-host': 'git.example.com' }
  const browser = new Browser()
  const { headers, status } = await browser.ask(`${own.url}/_altgate/sign-in?account=contoso`, {
    headers: https,
  })
  t.equal(status, 303)
  t.match(headers.get('strict-transport-security'), /^max-age=\d+$/)
  const cookie = headers.get('set-cookie') ?? ''
  t.match(cookie, /^__Host-altgate-sign-in-[\w-]{16}=/)
  for (const part of [/; Path=\/(?:;|$)/, /; HttpOnly/, /; Secure/, /; SameSite=Lax/]) t.match(cookie, part)
  t.notMatch(cookie, /Domain/i)

  await t.test('and plain http shows nothing and takes nothing', async t => {
    const plain = await new Browser().ask(own.page('contoso'))
    t.equal(plain.status, 308)
    t.equal(plain.headers.get('location'), 'https://git.example.com/_altgate/?account=contoso')
    const sent = await new Browser().ask(`${own.url}/_altgate/credential`, posting({}))
    t.equal(headingOf(sent.text), 'Use https')
  })
})

t.test('the cookies of a plain address are for the page alone', async t => {
  const { headers } = await new Browser().ask(`${lab.url}/_altgate/sign-in?account=contoso`)
  const cookie = headers.get('set-cookie') ?? ''
  for (const part of [
    /^altgate-sign-in-[\w-]{16}=/,
    /; Path=\/_altgate(?:;|$)/,
    /; HttpOnly/,
    /; SameSite=Lax/,
  ])
    t.match(cookie, part)
})

t.test('only forms are taken, written in one way', async t => {
  const { browser, page } = await visitor(lab, 'northwind')
  const { body } = posting({ ...generate, ...formIn(page.text, '/credential').hidden })
  for (const type of [
    'application/json',
    'text/plain',
    'multipart/form-data; boundary=x',
    'application/x-www-form-urlencoded\tx',
    'application/x-www-form-urlencoded; charset=utf-16',
    'application/x-www-form-urlencoded;x',
    'application/x-www-form-urlencoded x',
    '',
  ]) {
    const headers: Record<string, string> = type === '' ? {} : { 'content-type': type }
    const seen = await browser.ask(`${lab.url}/_altgate/credential`, { method: 'POST', headers, body })
    t.equal(seen.status, 415, JSON.stringify(type))
    t.match(seen.headers.get('content-type'), 'text/html')
  }
  await untouched(t, lab)
})

t.test('a form that can be read in two ways, or not at all, changes nothing', async t => {
  const { browser, page } = await visitor(lab, 'northwind')
  const { body, headers } = posting({ ...generate, ...formIn(page.text, '/credential').hidden })
  for (const [what, broken] of [
    ['a field twice', `${body}&how=choose`],
    ['an escape that is no UTF-8', `${body}&x=%ff%fe`],
    ['an escape that is none', `${body}&x=%zz`],
    ['raw bytes', `${body}&x=é`],
    ['too many fields', body + '&x'.repeat(30)],
  ] as const) {
    const seen = await browser.ask(`${lab.url}/_altgate/credential`, {
      method: 'POST',
      headers,
      body: broken,
    })
    t.equal(seen.status, 400, what)
  }
  const long = await browser.ask(`${lab.url}/_altgate/credential`, {
    method: 'POST',
    headers,
    body: `${body}&x=${'a'.repeat(20_000)}`,
  })
  t.equal(long.status, 413)
  await untouched(t, lab)
})

t.test('a form of 20 MB is answered, and read to its end by the time that the answer is', async t => {
  const connection = await rawConnection(Number(new URL(lab.url).port))
  connection.socket.pause()
  const type = 'Content-Type: application/x-www-form-urlencoded'
  connection.send(
    `POST /_altgate/credential HTTP/1.1\r\nHost: h\r\n${type}\r\nContent-Length: ${20 * 2 ** 20}\r\n\r\n`,
  )
  connection.send('x'.repeat(20 * 2 ** 20))
  await until(() => connection.socket.writableLength === 0)
  connection.socket.resume()
  t.match(await connection.until(/<\/html>/), /^HTTP\/1\.1 4\d\d /)
  t.notOk(connection.socket.errored)
  connection.socket.destroy()
})

t.test('nothing that is typed comes back unescaped', async t => {
  const script = `"'><script>alert(1)</script>`
  const { browser, page } = await visitor(lab, 'northwind')
  const texts = [
    await browser.go(`${lab.url}/_altgate/?${query({ account: script })}`),
    await browser.go(`${lab.url}/_altgate/?${query({ [script]: script })}`),
    await browser.go(`${lab.url}/_altgate/sign-in?${query({ account: script, ask: script })}`),
    await browser.go(
      `${lab.url}/_altgate/callback?${query({ state: script, error: script, error_description: script })}`,
    ),
    await browser.go(`${lab.url}/_altgate/${encodeURIComponent(script)}`),
    await browser.send(page, '/credential', { ...generate, secondary: script, how: script, seen: script }),
    await browser.send(page, '/credential', { ...generate, secondary: script, account: script }),
    await browser.send(page, '/credential', { ...generate, secondary: script }),
  ]
  for (const { text, url } of texts) t.notMatch(text, '<script>alert', url)
  await untouched(t, lab)
})

t.test('an account in the address is asked for in plain words, however it is written', async t => {
  for (const [account, status] of [
    ['', 400],
    [' ', 400],
    ['../etc', 400],
    ['a'.repeat(64), 400],
    ['a'.repeat(20_000), 400],
    ['\u0000', 400],
    ['fäbrikam', 400],
    ['nobody', 200],
    ['__proto__', 400],
    ['constructor', 200],
    ['FABRIKAM', 200],
  ] as const) {
    const seen = await new Browser().ask(`${lab.url}/_altgate/?${query({ account })}`)
    t.equal(seen.status, status, account.slice(0, 20))
    if (status !== 200) t.match(seen.text, 'id="account-error"')
  }
  for (const query of ['?account=a&account=b', '?account=%ff', '?%zz', '?account=%']) {
    t.equal((await new Browser().ask(`${lab.url}/_altgate/${query}`)).status, 400, query)
  }
  t.match(
    await rawRequest(
      Number(new URL(lab.url).port),
      `GET /_altgate/?account=\u00e9 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n`,
    ),
    /^HTTP\/1\.1 400 /,
  )
})

t.test('a client that asks too often is told when to try again', async t => {
  const own = await aLab(t, {
    limits: {
      ...usualLimits,
      requests: { points: 40, seconds: 60 },
      signIns: { points: 2, seconds: 60 },
      returns: { points: 1, seconds: 60 },
      changes: { points: 2, seconds: 60 },
    },
  })
  const { browser, page } = await visitor(own, 'northwind')
  let state = ''
  await t.test('after many changes', async t => {
    for (let at = 0; at < 2; at++) await browser.send(page, '/credential', { ...generate, how: 'x' })
    const seen = await browser.send(page, '/credential', generate)
    t.equal(seen.status, 429)
    t.ok(Number(seen.headers.get('retry-after')) >= 1)
    await untouched(t, own)
  })
  await t.test('after many sign-ins', async t => {
    const { headers } = await browser.ask(`${own.url}/_altgate/sign-in?account=contoso`)
    state = new URL(headers.get('location') ?? '').searchParams.get('state') ?? ''
    t.equal((await browser.ask(`${own.url}/_altgate/sign-in?account=contoso`)).status, 429)
  })
  await t.test('after many returns, and may come again then', async t => {
    for (let times = 0; times < 2; times++)
      t.equal((await browser.ask(`${own.url}/_altgate/callback?${query({ state, code: 'x' })}`)).status, 429)
    own.pass(1)
    t.equal((await browser.ask(`${own.url}/_altgate/callback?${query({ state, code: 'x' })}`)).status, 502)
  })
  await t.test('after many requests', async t => {
    let status = 200
    for (let at = 0; at < 50 && status === 200; at++) ({ status } = await browser.ask(`${own.url}/_altgate/`))
    t.equal(status, 429)
  })
})

t.test('sign-ins of all together take turns', async t => {
  const signInPace = { everyMs: 150, longestMs: 60_000 }
  const { answers, took } = await signInsAtOnce(await aLab(t, { limits: { ...usualLimits, signInPace } }))
  t.strictSame(
    answers.map(({ status }) => status),
    [303, 303, 303, 303],
  )
  t.ok(took >= 3 * signInPace.everyMs, `${took} ms`)
})

t.test('sign-ins that would have to wait for too long are told to come later', async t => {
  const signInPace = { everyMs: 60_000, longestMs: 30_000 }
  const own = await aLab(t, { limits: { ...usualLimits, signInPace } })
  const { answers } = await signInsAtOnce(own)
  const late = answers.filter(({ status }) => status === 429)
  t.equal(late.length, 3)
  for (const { headers } of late) t.ok(Number(headers.get('retry-after')) >= 31)
  t.equal((await new Browser().ask(`${own.url}/_altgate/`)).status, 200, 'the page itself goes on')
})

/** Four clients begin to sign in. */
async function signInsAtOnce({ url }: Lab) {
  const began = performance.now()
  const begin = () => new Browser().ask(`${url}/_altgate/sign-in?account=contoso`)
  const answers = await Promise.all(Array.from({ length: 4 }, begin))
  return { answers, took: performance.now() - began }
}

t.test('style, script and icon come from here and are asked for anew', async t => {
  for (const [name, type] of [
    ['style.css', 'text/css'],
    ['page.js', 'text/javascript'],
    ['icon.svg', 'image/svg+xml'],
  ]) {
    const seen = await new Browser().ask(`${lab.url}/_altgate/${name}`)
    t.match(seen.headers.get('content-type'), type)
    const tag = seen.headers.get('etag') ?? ''
    const again = await new Browser().ask(`${lab.url}/_altgate/${name}`, {
      headers: { 'if-none-match': tag },
    })
    t.equal(again.status, 304)
    t.equal(again.text, '')
  }
})

t.test('a store that is down is an outage with a reference, on every page', async t => {
  const down = async () => {
    throw new Outage('store', new Error('gone'))
  }
  const own = await aLab(t, { change: ({ registry }) => ({ registry: { ...registry, account: down } }) })
  for (const path of ['?account=contoso', 'sign-in?account=contoso']) {
    const seen = await new Browser().ask(`${own.url}/_altgate/${path}`)
    t.equal(seen.status, 503)
    t.match(seen.text, seen.headers.get('x-request-id') ?? 'no id')
    t.equal(seen.headers.get('retry-after'), '5')
  }
  t.ok(own.outages.length >= 2)
})

t.test('a bug shows nothing of itself', async t => {
  const broken = async () => {
    throw new Error('canary-7f3a')
  }
  const own = await aLab(t, { change: ({ registry }) => ({ registry: { ...registry, account: broken } }) })
  const seen = await new Browser().ask(own.page('contoso'))
  t.equal(seen.status, 503)
  t.notMatch(seen.text, 'canary')
  t.equal(own.bugs.length, 1)
})

t.test('an address that only forms go to leads to the first page', async t => {
  for (const form of forms) {
    const seen = await new Browser().ask(`${lab.url}/_altgate${form}`)
    t.equal(seen.status, 303)
    t.equal(seen.headers.get('location'), '/_altgate/')
  }
})

t.test('the store holds no session id and no password', async t => {
  const own = await aLab(t)
  const { browser, page } = await visitor(own, 'northwind')
  const saved = await browser.send(page, '/credential', generate)
  const password = /agp_\w{38}/.exec(saved.text)?.[0] ?? 'none'
  const id = browser.cookie('127.0.0.1', 'altgate') ?? 'none'
  const file = own.storeFile()
  t.ok(file.includes('anna@example.com'), 'that is the file')
  t.notOk(file.includes(password))
  t.notOk(file.includes(id))
})
