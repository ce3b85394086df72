import t from 'tap'
import { foldUsername, msaScope, type Owner } from '../../src/gateway/names.ts'
import { Outage } from '../../src/gateway/outage.ts'
import { usualLimits } from '../../src/self-service/throttle.ts'
import { headingOf } from './browser.ts'
import { aLab, choose, contoso, generate, named, northwind, operatorSets, signInToo, visitor } from './lab.ts'

const anna = 'anna@example.com'

/** The generated password that a page shows. */
function shownIn(text: string): string {
  return /agp_[0-9A-Za-z]{38}/.exec(text)?.[0] ?? ''
}

t.test('a generated password works at once, is shown once, and ends the one before', async t => {
  const lab = await aLab(t)
  const { browser, page } = await visitor(lab, 'northwind')
  const first = await browser.send(page, '/credential', { ...generate, secondary: 'anna' })
  t.equal(headingOf(first.text), 'Saved')
  const password = shownIn(first.text)
  t.equal(await lab.opens('northwind', anna, password), 200)
  t.equal(await lab.opens('northwind', 'anna', password), 200, 'by the secondary user name too')
  t.equal(await lab.opens('fabrikam', anna, password), 401, 'in its scope alone')

  const again = await browser.go(lab.page('northwind'))
  t.notMatch(again.text, password)
  t.match(again.text, 'Switched on')
  const second = await browser.send(again, '/credential', generate)
  t.equal(await lab.opens('northwind', anna, password), 401, 'the old one ends')
  t.equal(await lab.opens('northwind', anna, shownIn(second.text)), 200)
  t.equal(
    await lab.opens('northwind', 'anna', shownIn(second.text)),
    401,
    'an empty field takes the name away',
  )
  t.strictSame(
    lab.notices.map(({ scope, username, what }) => [scope, username, what]),
    [
      [northwind, anna, 'set'],
      [northwind, anna, 'set'],
    ],
  )
  t.notMatch(JSON.stringify(lab.notices), password)
})

t.test('a chosen password works, and is not shown', async t => {
  const lab = await aLab(t)
  const { browser, page } = await visitor(lab, 'northwind')
  const word = 'grüne Wiesen im Mai'
  const saved = await browser.send(page, '/credential', choose(word))
  t.equal(headingOf(saved.text), 'Saved')
  t.notMatch(saved.text, 'Wiesen')
  t.match(saved.text, 'tf', 'it is said that tf cannot send it')
  t.equal(await lab.opens('northwind', anna, word), 200)
  t.equal(await lab.opens('northwind', anna, word.normalize('NFD')), 200, 'however a keyboard composes it')
})

t.test('what is wrong stands beside its field, and nothing is changed', async t => {
  const lab = await aLab(t, { limits: { ...usualLimits, changes: { points: 100, seconds: 60 } } })
  const { browser, page } = await visitor(lab, 'northwind')
  await lab.services.registry.setCredential('cli:root', northwind, {
    username: foldUsername('ben@example.com'),
    secondary: foldUsername('ben'),
    hash: await lab.hash('whatever it is'),
  })
  const script = '<script>alert(1)</script>'
  const wrong: readonly (readonly [string, Readonly<Record<string, string>>])[] = [
    ['password', choose('short')],
    ['password', choose('')],
    ['password', choose('anna@example.com')],
    ['password', choose('password123456')],
    ['password', choose('aaaaaaaaaa')],
    ['password', choose('0123456789')],
    ['password', choose('Password2026')],
    ['password', choose('Northwind-2026')],
    ['password', choose('a\u0000control character')],
    ['password', choose('é'.repeat(600))],
    ['password', choose('agp_0000000000000000000000000000')],
    ['again', choose('long enough to be one', 'another one entirely')],
    ['secondary', { ...generate, secondary: 'an na' }],
    ['secondary', { ...generate, secondary: 'anna@example.com' }],
    ['secondary', { ...generate, secondary: 'a'.repeat(65) }],
    ['secondary', { ...generate, secondary: 'a:b' }],
    ['secondary', { ...generate, secondary: script }],
    ['secondary', { ...generate, secondary: '\u202eanna' }],
    ['secondary', { ...generate, secondary: 'ben' }],
    ['how', { ...generate, how: 'magic' }],
    ['how', { secondary: '' }],
  ]
  for (const [field, fields] of wrong) {
    const seen = await browser.send(page, '/credential', fields)
    const what = JSON.stringify(fields).slice(0, 80)
    t.equal(seen.status, 422, what)
    t.match(seen.text, `id="${field}-error"`, what)
    t.match(seen.text, `href="#${field}"`, what)
    if (field !== 'how')
      t.match(seen.text, new RegExp(`id="${field}"[^>]*aria-describedby="[^"]*${field}-error`), what)
    t.match(seen.text, '<title>Error:', what)
    t.notMatch(seen.text, script, what)
    for (const word of [fields['password'], fields['again']])
      if (word) t.notMatch(seen.text.replaceAll(anna, ''), `value="${word}"`, 'no password comes back')
  }
  t.equal((await lab.services.registry.credentials(northwind)).length, 1, 'only the one of Ben')
  t.equal(lab.notices.length, 0)
})

t.test('what is wrong with a weak password, and what would help, stands beside the field', async t => {
  const lab = await aLab(t)
  const { browser, page } = await visitor(lab, 'northwind')
  const weak = [
    ['aaaaaaaaaa', 'repeats the same characters'],
    ['Password2026', 'is a common one with little added'],
    ['n0rthw1nd-2026', 'is too similar to the names of this gateway'],
  ] as const
  for (const [word, reason] of weak) {
    const { text } = await browser.send(page, '/credential', choose(word))
    const beside = /id="password-error">(.*?)<\/p>/.exec(text)?.[1] ?? ''
    t.match(beside, reason)
    t.match(beside, 'Add another unrelated word, or let Altgate generate a password.')
  }
})

t.test('a form that is sent twice changes something once, and says so', async t => {
  const lab = await aLab(t)
  const { browser, page } = await visitor(lab, 'northwind')
  const first = await browser.send(page, '/credential', generate)
  const again = await browser.send(page, '/credential', generate)
  t.equal(again.status, 409)
  t.match(again.text, 'Nothing was changed')
  t.equal(await lab.opens('northwind', anna, shownIn(first.text)), 200)

  const fresh = await browser.go(lab.page('northwind'))
  const both = await Promise.all([
    browser.send(fresh, '/credential', generate),
    browser.send(fresh, '/credential', generate),
  ])
  t.strictSame(
    both.map(({ status }) => status).toSorted((a, b) => a - b),
    [200, 409],
    'also by a double click',
  )
  const [winner] = both.filter(({ status }) => status === 200)
  t.equal(await lab.opens('northwind', anna, shownIn(winner?.text ?? '')), 200)
})

t.test('credentials are switched off and on, and twice does no harm', async t => {
  const lab = await aLab(t)
  const { browser, page } = await visitor(lab, 'northwind')
  await browser.send(page, '/credential', choose('a long enough one'))
  const on = await browser.go(lab.page('northwind'))
  const off = await browser.send(on, '/switch')
  t.match(off.text, 'Switched off everywhere.')
  t.equal(await lab.opens('northwind', anna, 'a long enough one'), 403)
  t.match((await browser.send(on, '/switch')).text, 'already switched off')
  t.match((await browser.send(off, '/switch')).text, 'Switched on.')
  t.equal(await lab.opens('northwind', anna, 'a long enough one'), 200)
  t.equal((await browser.send(off, '/switch', { on: 'maybe' })).status, 400)
  t.strictSame(
    lab.notices.map(({ what }) => what),
    ['set', 'disabled', 'enabled'],
  )
})

t.test('the audit log names the person', async t => {
  const lab = await aLab(t)
  const { browser, page } = await visitor(lab, 'northwind')
  await browser.send(page, '/credential', generate)
  const [kept] = await lab.services.registry.credentials(northwind)
  const changes = await lab.changes()
  t.match(changes.at(-1), { actor: `page:${kept?.owner}`, action: 'credential-set', scope: northwind })
})

t.test('what an operator made is taken over by its password, and by nothing else', async t => {
  const lab = await aLab(t, {
    limits: {
      ...usualLimits,
      claims: { points: 3, seconds: 900 },
    },
  })
  await operatorSets(lab, msaScope, anna, 'made by the operator')
  const { browser, page } = await visitor(lab, 'fabrikam')
  t.notMatch(page.text, /altgate credential|--generate/, 'no command, which only an operator could run')
  t.match(page.text, 'Ask your operator for a new password for <b>')
  t.notMatch(page.text, 'id="helpers"', 'nor a helper, which would get no password')
  t.match(page.text, 'A password has already been set')
  t.notMatch(page.text, 'action="/_altgate/credential"')
  for (const current of ['', 'not the one', 'agp_0000000000000000000000000000']) {
    const seen = await browser.send(page, '/claim', { current })
    t.equal(seen.status, 422)
    t.match(seen.text, 'id="current-error"')
  }
  const mine = await browser.send(page, '/claim', { current: 'made by the operator' })
  t.match(mine.text, 'The credentials are now yours.')
  t.match(mine.text, 'action="/_altgate/credential"')
  t.match((await browser.send(page, '/claim', { current: 'made by the operator' })).text, 'already yours')
  const saved = await browser.send(mine, '/credential', generate)
  t.equal(await lab.opens('fabrikam', anna, shownIn(saved.text)), 200)
})

t.test('guessing at an operator\u2019s password ends soon', async t => {
  const lab = await aLab(t, { limits: { ...usualLimits, claims: { points: 2, seconds: 900 } } })
  await operatorSets(lab, msaScope, anna, 'made by the operator')
  const { browser, page } = await visitor(lab, 'fabrikam')
  for (const current of ['guess 1', 'guess 2']) await browser.send(page, '/claim', { current })
  const seen = await browser.send(page, '/claim', { current: 'made by the operator' })
  t.equal(seen.status, 429)
  t.ok(Number(seen.headers.get('retry-after')) > 800)
})

t.test('guesses at an operator\u2019s password are one count, on the page and at the door', async t => {
  const many = { points: 1000, seconds: 60 }
  const lab = await aLab(t, { limits: { ...usualLimits, claims: many, changes: many } })
  await operatorSets(lab, msaScope, anna, 'made by the operator')
  const { browser, page } = await visitor(lab, 'fabrikam')
  for (let guess = 0; guess < 10; guess++) {
    const seen = await browser.send(page, '/claim', { current: `guess ${guess}` })
    t.match(seen.text, 'not the current password')
  }
  for (let guess = 5; guess < 20; guess++)
    t.equal(await lab.opens('fabrikam', anna, `guess ${guess}`), 401, 'those of before are no new ones')
  const claimed = await browser.send(page, '/claim', { current: 'made by the operator' })
  t.equal(claimed.status, 429, 'nor is it told that this one is right')
  t.ok(Number(claimed.headers.get('retry-after')) > 600)
  t.equal(await lab.opens('fabrikam', anna, 'guess 20'), 429)
  t.equal((await lab.services.registry.credentials(msaScope))[0]?.owner, undefined)
})

t.test('a claim that is right counts as no guess', async t => {
  const lab = await aLab(t)
  await operatorSets(lab, msaScope, anna, 'made by the operator')
  const { browser, page } = await visitor(lab, 'fabrikam')
  t.match((await browser.send(page, '/claim', { current: 'made by the operator' })).text, 'now yours')
  for (let guess = 0; guess < 20; guess++) t.equal(await lab.opens('fabrikam', anna, `guess ${guess}`), 401)
  t.equal(await lab.opens('fabrikam', anna, 'guess 20'), 429)
})

t.test(
  'a generated password from an operator claims, unless it may only read or no longer works',
  async t => {
    const lab = await aLab(t)
    const { registry, generated } = lab.services
    const add = async (name: string, readOnly: boolean) => {
      const { password, ...made } = generated.make()
      await registry.addPassword(
        'cli:root',
        msaScope,
        { username: foldUsername(anna) },
        { ...made, name, readOnly },
      )
      return password.reveal()
    }
    const [mirror, lost, build] = [
      await add('mirror', true),
      await add('lost', false),
      await add('build', false),
    ]
    await registry.revokePasswords('cli:root', msaScope, foldUsername(anna), { name: 'lost' })
    const { browser, page } = await visitor(lab, 'fabrikam')
    for (const current of [mirror, lost, generated.make().password.reveal()])
      t.match((await browser.send(page, '/claim', { current })).text, 'not the current password')
    t.match((await browser.send(page, '/claim', { current: build })).text, 'now yours')
  },
)

t.test('setting a password for a name that an operator has given away leads to the claim', async t => {
  const lab = await aLab(t)
  const { browser, page } = await visitor(lab, 'fabrikam')
  await operatorSets(lab, msaScope, anna, 'made by the operator')
  const seen = await browser.send(page, '/credential', generate)
  t.match(seen.text, 'A password has already been set')
  t.equal(await lab.opens('fabrikam', anna, 'made by the operator'), 200)
})

t.test('an address that has passed to another person is for the operator to sort out', async t => {
  const lab = await aLab(t)
  const { browser, page } = await visitor(lab, 'fabrikam')
  await operatorSets(lab, msaScope, anna, 'made by the operator')
  await lab.services.registry.claimCredential(
    'page:x',
    msaScope,
    foldUsername(anna),
    'somebody-else' as Owner,
  )
  const seen = await browser.send(page, '/credential', generate)
  t.equal(seen.status, 409)
  t.equal(headingOf(seen.text), 'Your user name is taken')
})

t.test('a hash queue that is full changes nothing and says come again', async t => {
  const lab = await aLab(t, {
    change: ({ hasher }) => ({ hasher: { ...hasher, hash: async () => 'busy' } }),
  })
  const { browser, page } = await visitor(lab, 'northwind')
  const seen = await browser.send(page, '/credential', choose('tangerine otter 71'))
  t.equal(seen.status, 503)
  t.ok(seen.headers.has('retry-after'))
  t.strictSame(await lab.services.registry.credentials(northwind), [])
})

t.test('what is saved but cannot be shown any more is not said to be unchanged', async t => {
  let isDown = false
  const down = () => Promise.reject(new Outage('store', new Error('gone')))
  const lab = await aLab(t, {
    change: ({ registry }) => ({
      registry: {
        ...registry,
        ownCredential: (...whose) => (isDown ? down() : registry.ownCredential(...whose)),
        async setCredential(...what) {
          const problem = await registry.setCredential(...what)
          isDown = true
          return problem
        },
        async switchCredential(...what) {
          const problem = await registry.switchCredential(...what)
          isDown = true
          return problem
        },
      },
    }),
  })
  const { browser, page } = await visitor(lab, 'northwind')
  const set = await browser.send(page, '/credential', choose('tangerine otter 71'))
  isDown = false
  const off = await browser.send(await browser.go(lab.page('northwind')), '/switch')
  isDown = false
  for (const { status, text } of [set, off]) {
    t.equal(status, 503)
    t.equal(headingOf(text), 'Saved, but the result cannot be shown')
    t.notMatch(text, 'Nothing was changed')
  }
  t.equal(await lab.opens('northwind', anna, 'tangerine otter 71'), 403, 'it is set, and switched off')
})

t.test('the page says which accounts a set opens, and not too many of them', async t => {
  const lab = await aLab(t)
  const directory = (await lab.services.registry.directories()).find(({ id }) => (id as string) === contoso)
  if (directory === undefined) throw new Error('no Contoso')
  for (let at = 10; at < 35; at++) {
    const name = named(`team-${at}`)
    await lab.services.registry.addAccount('test', { name, upstream: 'http://x', directoryId: directory.id })
  }
  const { page } = await visitor(lab, 'contoso')
  t.match(page.text, '<li>contoso-labs</li>')
  t.match(page.text, 'and 7 more')
  t.notMatch(page.text, 'team-34')
  t.match(page.text, 'for all accounts connected to the directory Contoso')
})

t.test('one\u2019s own sets are listed, each with its state', async t => {
  const lab = await aLab(t)
  const { browser, page } = await visitor(lab, 'northwind')
  await browser.send(page, '/credential', generate)
  await signInToo(lab, browser, await browser.go(lab.page('northwind')), 'fabrikam')
  const { text } = await browser.go(`${lab.url}/_altgate/`)
  t.match(text, /Northwind<\/a><br><span class="hint">anna@example.com, switched on/)
  t.match(text, /Microsoft accounts<\/a><br><span class="hint">no password set/)
})
