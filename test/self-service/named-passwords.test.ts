import t, { type Test } from 'tap'
import { foldUsername, msaScope } from '../../src/gateway/names.ts'
import { Outage } from '../../src/gateway/outage.ts'
import { usualLimits } from '../../src/self-service/throttle.ts'
import { awayFromMidnight } from '../support/midnight.ts'
import { type Browser, formIn, headingOf, posting, type Seen } from './browser.ts'
import { aLab, choose, generate, type Lab, type LabOptions, northwind, operatorSets, visitor } from './lab.ts'

await awayFromMidnight()

const anna = 'anna@example.com'
const dayMs = 24 * 60 * 60 * 1000

/** So many days from now, as a date field has it. */
const inDays = (days: number) => new Date(Date.now() + days * dayMs).toISOString().slice(0, 10)

const wanted = { name: 'build-7', ends: inDays(30), access: 'write' } as const

/** The generated password that a page shows. */
function shownIn({ text }: Seen): string {
  return /agp_[0-9A-Za-z]{38}/.exec(text)?.[0] ?? ''
}

async function labWith(t: Test, options: LabOptions = {}): Promise<Lab> {
  return await aLab(t, { limits: { ...usualLimits, changes: { points: 200, seconds: 60 } }, ...options })
}

async function passwordsOf(lab: Lab) {
  return await lab.services.registry.passwords(northwind, foldUsername(anna))
}

/** Adds a password on the page; gives it. */
async function add(lab: Lab, browser: Browser, fields: Readonly<Record<string, string>>): Promise<string> {
  const saved = await browser.send(await browser.go(lab.page('northwind')), '/password', {
    ...wanted,
    ...fields,
  })
  return shownIn(saved)
}

/** The page on which a password of this name is replaced. */
async function replacing(lab: Lab, browser: Browser, name: string): Promise<Seen> {
  const { id } =
    (await passwordsOf(lab)).find(each => each.name === name && each.replacedAt === undefined) ?? {}
  return await browser.go(`${lab.page('northwind')}&replace=${id}`)
}

t.test('the first password of a person can be one with a name, and makes the set', async t => {
  const lab = await labWith(t)
  const { browser, page } = await visitor(lab, 'northwind')
  const saved = await browser.send(page, '/password', wanted)
  t.equal(saved.status, 200)
  t.equal(headingOf(saved.text), 'Saved')
  t.match(
    saved.text,
    'The password build-7 works for all accounts connected to the directory Northwind until',
  )
  tellsWhatShows(t, saved.text)
  const password = shownIn(saved)
  t.equal(await lab.opens('northwind', anna, password), 200)
  t.equal(await lab.opens('fabrikam', anna, password), 401, 'in its scope alone')

  const again = await browser.go(lab.page('northwind'))
  t.notMatch(again.text, password, 'it is shown once')
  t.match(again.text, '<span class="called">build-7</span>')
  t.match(again.text, /Main password<\/dt><dd><span class="none">none/)
  const [kept] = await passwordsOf(lab)
  t.match(kept, { name: 'build-7', readOnly: false, endsAt: Date.parse(wanted.ends) + dayMs })
  const [set] = await lab.services.registry.credentials(northwind)
  t.match(set, { username: anna, owner: String, algorithm: 'generated' })
  t.strictSame(
    lab.notices.map(({ username, what }) => [username, what]),
    [[anna, 'password-added']],
  )
})

t.test('passwords stand beside one another and beside the main one', async t => {
  const lab = await labWith(t)
  const { browser, page } = await visitor(lab, 'northwind')
  await browser.send(page, '/credential', choose('tangerine otter 71'))
  const laptop = await add(lab, browser, { name: 'laptop' })
  const mirror = await add(lab, browser, { name: 'mirror', access: 'read' })
  for (const password of ['tangerine otter 71', laptop, mirror])
    t.equal(await lab.opens('northwind', anna, password), 200)
  const { text } = await browser.go(lab.page('northwind'))
  t.match(text, /chosen, set <time/)
  t.match(text, /laptop<\/span>[^]*?Read and write, set/)
  t.match(text, /mirror<\/span>[^]*?Read only, set/)
  t.ok(text.indexOf('id="add"') < text.indexOf('id="set"'), 'a new password comes first')

  const main = await browser.send(await browser.go(lab.page('northwind')), '/credential', generate)
  t.equal(
    await lab.opens('northwind', anna, 'tangerine otter 71'),
    401,
    'a new main password ends the old one',
  )
  t.equal(await lab.opens('northwind', anna, shownIn(main)), 200)
  t.equal(await lab.opens('northwind', anna, laptop), 200, 'and no other')
  t.match((await browser.go(lab.page('northwind'))).text, /generated, set <time/)
})

t.test('what is wrong with a new password stands beside its field, and nothing is changed', async t => {
  const lab = await labWith(t)
  const { browser } = await visitor(lab, 'northwind')
  await add(lab, browser, { name: 'taken' })
  const page = await browser.go(lab.page('northwind'))
  const script = '<script>alert(1)</script>'
  const wrong: readonly (readonly [string, Readonly<Record<string, string>>])[] = [
    ['name', { name: '' }],
    ['name', { name: '   ' }],
    ['name', { name: 'x'.repeat(65) }],
    ['name', { name: 'a\u0000b' }],
    ['name', { name: 'a\u202eb' }],
    ['name', { name: 'taken' }],
    ['name', { name: ' taken ' }],
    ['name', { name: script.repeat(9) }],
    ['ends', { ends: '' }],
    ['ends', { ends: 'never' }],
    ['ends', { ends: inDays(-1) }],
    ['ends', { ends: inDays(732) }],
    ['ends', { ends: '2026-02-30' }],
    ['ends', { ends: script }],
    ['ends', { ends: '31.12.2027' }],
  ]
  for (const [field, fields] of wrong) {
    const seen = await browser.send(page, '/password', { ...wanted, ...fields })
    const what = JSON.stringify(fields).slice(0, 80)
    t.equal(seen.status, 422, what)
    t.match(seen.text, `href="#${field}"`, what)
    t.match(seen.text, '<title>Error:', what)
    t.notMatch(seen.text, script, what)
    t.match(seen.text, `id="${field}-error"`, what)
  }
  const { access: _, ...undecided } = wanted
  t.match((await browser.send(page, '/password', undecided)).text, 'id="access-error"')
  t.equal((await browser.send(page, '/password', { ...wanted, access: 'all' })).status, 400)
  for (const hours of ['-1', '169', '1.5', '1e2', '']) {
    const form = await replacing(lab, browser, 'taken')
    const seen = await browser.send(form, '/password', { ends: wanted.ends, access: 'write', hours })
    t.equal(seen.status, 422, hours)
    t.match(seen.text, 'id="hours-error"')
    t.match(seen.text, 'Replace taken</h2>', 'it is still the form that replaces')
  }
  t.equal((await passwordsOf(lab)).length, 1)

  const kept = await browser.send(page, '/password', { name: 'build "7"', ends: inDays(900), access: 'read' })
  t.match(kept.text, 'value="build &quot;7&quot;"', 'what was right is kept')
  t.match(kept.text, /value="read" checked/)
})

t.test('a name may hold any character that can be seen', async t => {
  const lab = await labWith(t)
  const { browser } = await visitor(lab, 'northwind')
  const name = `Größe <b>&"'7 \u{1F680}`
  t.ok(await add(lab, browser, { name }))
  const { text } = await browser.go(lab.page('northwind'))
  t.match(text, 'Größe &lt;b&gt;&amp;&quot;&#39;7 \u{1F680}')
  t.equal((await passwordsOf(lab))[0]?.name, name)
})

t.test('a day without an end needs the permission of the settings', async t => {
  const lab = await labWith(t, { settings: { passwords: { allowEndless: true } } })
  const { browser } = await visitor(lab, 'northwind')
  t.ok(await add(lab, browser, { ends: '' }))
  t.equal((await passwordsOf(lab))[0]?.endsAt, undefined)
  t.match((await browser.go(lab.page('northwind'))).text, /data-label="Ends">never/)
})

t.test('a form that is sent twice adds one password, and says so', async t => {
  const lab = await labWith(t)
  const { browser, page } = await visitor(lab, 'northwind')
  const both = await Promise.all([
    browser.send(page, '/password', wanted),
    browser.send(page, '/password', wanted),
  ])
  t.strictSame(
    both.map(({ status }) => status).toSorted((a, b) => a - b),
    [200, 409],
  )
  const other = await browser.send(page, '/password', { ...wanted, name: 'another' })
  t.equal(other.status, 409, 'nor another one from the same page')
  t.match(other.text, 'Nothing was changed')
  t.equal((await passwordsOf(lab)).length, 1)

  const form = await replacing(lab, browser, 'build-7')
  const replaced = await Promise.all([
    browser.send(form, '/password', { ends: wanted.ends, access: 'write', hours: '2' }),
    browser.send(form, '/password', { ends: wanted.ends, access: 'write', hours: '2' }),
  ])
  t.strictSame(
    replaced.map(({ status }) => status).toSorted((a, b) => a - b),
    [200, 409],
  )
  t.equal((await passwordsOf(lab)).length, 2)
})

t.test('a double form that reaches two gateways adds one password', async t => {
  const lab = await labWith(t)
  const { browser, page } = await visitor(lab, 'northwind')
  const sent = posting({ ...formIn(page.text, '/password').hidden, ...wanted })
  const other = (await lab.another()).replace(/\/$/, '')
  const both = await Promise.all([
    browser.ask(`${lab.url}/_altgate/password`, sent),
    browser.ask(`${other}/_altgate/password`, sent),
  ])
  t.strictSame(
    both.map(({ status }) => status).toSorted((a, b) => a - b),
    [200, 409],
  )
  t.equal((await passwordsOf(lab)).length, 1)
})

t.test('a password of that name that another gateway adds meanwhile is not said to be this one', async t => {
  const lab = await labWith(t, {
    change: ({ registry, generated }) => ({
      registry: {
        ...registry,
        async addPassword(actor, scope, whose, wanted) {
          const { password: _, ...other } = generated.make()
          await registry.addPassword('other', scope, whose, { ...wanted, ...other })
          return await registry.addPassword(actor, scope, whose, wanted)
        },
      },
    }),
  })
  const { browser, page } = await visitor(lab, 'northwind')
  const seen = await browser.send(page, '/password', wanted)
  t.equal(seen.status, 409)
  t.equal(shownIn(seen), '')
  t.match(seen.text, 'Nothing was changed')
  t.equal((await passwordsOf(lab)).length, 1)
})

t.test(
  'a replaced password works for the hours that were asked for, and the page says who sends it',
  async t => {
    const lab = await labWith(t)
    const { browser } = await visitor(lab, 'northwind')
    const old = await add(lab, browser, {})
    const form = await replacing(lab, browser, 'build-7')
    t.match(form.text, 'Replace build-7</h2>')
    t.notMatch(form.text, 'id="name"')
    const saved = await browser.send(form, '/password', { ends: wanted.ends, access: 'write', hours: '2' })
    t.match(saved.text, 'The one that it replaces works for 2 hours more.')
    t.equal(await lab.opens('northwind', anna, shownIn(saved)), 200)
    t.equal(await lab.opens('northwind', anna, old), 200)
    t.match((await browser.go(lab.page('northwind'))).text, '>Replaced</span>')

    const { text } = await replacing(lab, browser, 'build-7')
    const at = /name="replace" value="([^"]+)"/.exec(text)?.[1]
    t.equal(at, (await passwordsOf(lab)).find(({ replacedAt }) => replacedAt === undefined)?.id)
    const last = await browser.send(await replacing(lab, browser, 'build-7'), '/password', {
      ends: wanted.ends,
      access: 'read',
      hours: '0',
    })
    t.match(last.text, 'The one that it replaces no longer works.')
    t.equal(await lab.opens('northwind', anna, shownIn(saved)), 401)
    t.equal(await lab.opens('northwind', anna, old), 401, 'of one name, one predecessor counts at most')
    t.strictSame(
      lab.notices.map(({ what }) => what),
      ['password-added', 'password-replaced', 'password-replaced'],
    )
  },
)

t.test('what has ended cannot be replaced', async t => {
  const lab = await labWith(t)
  const { browser } = await visitor(lab, 'northwind')
  await add(lab, browser, {})
  const form = await replacing(lab, browser, 'build-7')
  await lab.services.registry.revokePasswords('test', northwind, foldUsername(anna), { name: 'build-7' })
  const seen = await browser.send(form, '/password', { ends: wanted.ends, access: 'write', hours: '0' })
  t.match(seen.text, 'Nothing was changed: the password to replace has ended')
  for (const id of ['x', '0000000000', '', '<script>']) {
    const other = await browser.go(`${lab.page('northwind')}&replace=${encodeURIComponent(id)}`)
    t.equal(other.status, 200)
    t.match(other.text, 'has ended or was revoked')
    t.match(other.text, 'id="name"', 'the form adds one')
  }
})

t.test('one is revoked, and then all that have a name', async t => {
  const lab = await labWith(t)
  const { browser, page } = await visitor(lab, 'northwind')
  await browser.send(page, '/credential', choose('tangerine otter 71'))
  const [first, second, third] = [
    await add(lab, browser, { name: 'first' }),
    await add(lab, browser, { name: 'second' }),
    await add(lab, browser, { name: 'third' }),
  ]
  const opens = async (password = '') => await lab.opens('northwind', anna, password)
  const table = await browser.go(lab.page('northwind'))
  const { id = '' } = (await passwordsOf(lab)).find(({ name }) => name === 'second') ?? {}
  const revoked = await browser.send(table, '/revoke', { password: id, all: '' })
  t.match(revoked.text, 'Revoked everywhere.')
  t.strictSame([await opens(first), await opens(second), await opens(third)], [200, 401, 200])
  t.match(revoked.text, 'Passwords that no longer work (1)')
  t.match(
    (await browser.send(table, '/revoke', { password: id, all: '' })).text,
    'There was nothing to revoke',
  )

  const { hidden } = formIn(revoked.text, '/revoke')
  const all = { csrf: hidden['csrf'] ?? '', account: 'northwind', all: '1' }
  t.match((await browser.ask(`${lab.url}/_altgate/revoke`, posting(all))).text, 'All revoked everywhere.')
  t.strictSame([await opens(first), await opens(third)], [401, 401])
  t.equal(await opens('tangerine otter 71'), 200, 'the main password stays')
  t.match((await browser.ask(`${lab.url}/_altgate/revoke`, posting(all))).text, 'There was nothing to revoke')
  const { all: _, ...neither } = all
  t.equal((await browser.ask(`${lab.url}/_altgate/revoke`, posting(neither))).status, 400)
  t.strictSame(lab.notices.at(-1)?.what, 'passwords-revoked')
})

t.test('a password of another person is not revoked, nor replaced', async t => {
  const lab = await labWith(t)
  const { browser } = await visitor(lab, 'northwind')
  const annas = await add(lab, browser, {})
  const { id = '' } = (await passwordsOf(lab))[0] ?? {}
  const { browser: other, page } = await visitor(lab, 'northwind', 'ben')
  const { csrf = '' } = formIn(page.text, '/password').hidden
  const seen = await other.ask(
    `${lab.url}/_altgate/revoke`,
    posting({ csrf, account: 'northwind', password: id }),
  )
  t.match(seen.text, 'There was nothing to revoke')
  t.match((await other.go(`${lab.page('northwind')}&replace=${id}`)).text, 'has ended or was revoked')
  t.equal(await lab.opens('northwind', anna, annas), 200)
})

t.test('twenty are enough, and one of them can still be replaced', async t => {
  const lab = await labWith(t)
  const { browser } = await visitor(lab, 'northwind')
  for (let count = 1; count <= 20; count++) t.ok(await add(lab, browser, { name: `build-${count}` }))
  const full = await browser.go(lab.page('northwind'))
  t.match(full.text, 'You have 20 passwords with a name')
  t.notMatch(full.text, 'id="name"')
  const form = await replacing(lab, browser, 'build-20')
  t.ok(shownIn(await browser.send(form, '/password', { ends: wanted.ends, access: 'write', hours: '1' })))
})

t.test('without a form of this session, or with an old sign-in, nothing is added or revoked', async t => {
  const lab = await labWith(t)
  const { browser, page } = await visitor(lab, 'northwind')
  const { hidden } = formIn(page.text, '/password')
  for (const csrf of ['', 'x']) {
    for (const path of ['password', 'revoke']) {
      const fields = { ...hidden, ...wanted, all: '1', csrf }
      t.equal((await browser.ask(`${lab.url}/_altgate/${path}`, posting(fields))).status, 403)
    }
  }
  const foreign = posting({ ...hidden, ...wanted })
  const headers = { ...foreign.headers, 'sec-fetch-site': 'cross-site' }
  t.equal((await browser.ask(`${lab.url}/_altgate/password`, { ...foreign, headers })).status, 403)
  await add(lab, browser, {})
  lab.pass(16)
  t.equal((await browser.send(page, '/password', wanted)).status, 403)
  const old = await browser.go(lab.page('northwind'))
  t.match(old.text, 'build-7', 'the passwords are listed')
  t.notMatch(old.text, 'action="/_altgate/revoke"')
  t.notMatch(old.text, '&amp;replace=')
  t.equal((await passwordsOf(lab)).length, 1)
})

t.test('an operator\u2019s credential of that name is claimed first', async t => {
  const lab = await labWith(t)
  const { browser, page } = await visitor(lab, 'fabrikam')
  await operatorSets(lab, msaScope, anna, 'made by the operator')
  const seen = await browser.send(page, '/password', wanted)
  t.match(seen.text, 'A password has already been set')
  t.notMatch(seen.text, 'action="/_altgate/password"')
  t.equal((await lab.services.registry.passwords(msaScope, foldUsername(anna))).length, 0)
})

t.test('what is saved but cannot be shown any more is not said to be unchanged', async t => {
  let isDown = false
  const down = () => Promise.reject(new Outage('store', new Error('gone')))
  const lab = await labWith(t, {
    change: ({ registry }) => ({
      registry: {
        ...registry,
        ownCredential: (...whose) => (isDown ? down() : registry.ownCredential(...whose)),
        async addPassword(...what) {
          const problem = await registry.addPassword(...what)
          isDown = true
          return problem
        },
        async revokePasswords(...what) {
          const problem = await registry.revokePasswords(...what)
          isDown = true
          return problem
        },
      },
    }),
  })
  const { browser, page } = await visitor(lab, 'northwind')
  const added = await browser.send(page, '/password', wanted)
  isDown = false
  const { id = '' } = (await passwordsOf(lab))[0] ?? {}
  const table = await browser.go(lab.page('northwind'))
  const revoked = await browser.send(table, '/revoke', { password: id })
  isDown = false
  for (const { status, text } of [added, revoked]) {
    t.equal(status, 503)
    t.equal(headingOf(text), 'Saved, but the result cannot be shown')
    t.match(text, 'revoke it there if it is listed')
    t.notMatch(text, 'Nothing was changed')
  }
  t.match((await passwordsOf(lab))[0]?.over, { cause: 'revoked' })
})

/** Every command with the password in it stands after a sentence that says who can read it; a form without comes first. */
function tellsWhatShows(t: Test, text: string): void {
  const password = /id="made-password">([^<]*)</.exec(text)?.[1] ?? ''
  const after = text.slice(text.indexOf('id="use"'))
  const parts = after.split(/(<pre[^]*?<\/pre>)/)
  const commands = parts.flatMap((part, at) => {
    const isCommand = part.startsWith('<pre') && !part.includes('<code>protocol=')
    return isCommand && part.includes(password) ? [{ part, said: parts[at - 1] ?? '' }] : []
  })
  t.equal(commands.length, 2, 'for git and for tf')
  for (const { part, said } of commands) t.match(said, /history/, part)
  t.match(after, /Run <code>git credential approve<\/code>, paste these lines[^]*id="approve-lines"/)
}
