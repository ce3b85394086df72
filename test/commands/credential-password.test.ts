import t from 'tap'
import { awayFromMidnight } from '../support/midnight.ts'
import { aDesk, type Desk } from './desk.ts'

await awayFromMidnight()

const anna = 'anna@example.com'
const whose = ['--scope', 'msa', '--user', anna]
const password = (verb: string, ...rest: string[]) => ['credential', 'password', verb, ...whose, ...rest]
const day = (days: number) => new Date(Date.now() + days * 86_400_000).toISOString().slice(0, 10)

async function outcome(desk: Desk, text: string): Promise<string> {
  const words = ['explain', '--account', 'fabrikam', '--user', anna]
  return ((await desk.json(words, text)) as { readonly outcome: string }).outcome
}

t.test('passwords are added, listed, replaced with a grace, and revoked', async t => {
  const desk = aDesk(t)
  await desk.must(['account', 'add', 'fabrikam', '--upstream', 'http://fabrikam.example'])
  await desk.must(['credential', 'set', ...whose], 'canary-chosen')

  const added = await desk.run(password('add', '--name', 'build-7'))
  t.match(added, { code: 0, stdout: /^agp_[0-9A-Za-z]{38}\n$/ })
  t.match(
    added.stderr,
    /^The password build-7 of anna@example.com in scope msa is set, in every running gateway. It works until /,
  )
  const first = added.stdout.trim()
  t.equal(await outcome(desk, first), 'allow')
  t.equal(await outcome(desk, 'canary-chosen'), 'allow', 'the chosen one stays')

  const mirror = (await desk.json(
    password('add', '--name', 'mirror', '--read-only', '--expires', day(30)),
  )) as {
    readonly password: string
  }
  t.match(mirror, { name: 'mirror', readOnly: true, replaced: false, endsAt: `${day(31)}T00:00:00.000Z` })
  t.equal(await outcome(desk, mirror.password), 'allow')

  t.match(await desk.run(password('add', '--name', 'build-7')), { code: 1, stderr: /called build-7 already/ })
  const second = await desk.run(password('add', '--name', 'build-7', '--valid-old', '2'))
  t.match(second, { code: 0, stderr: /The old one works until \S+ \S+ UTC\./ })
  for (const text of [first, second.stdout.trim()]) t.equal(await outcome(desk, text), 'allow')
  const third = await desk.run(password('add', '--name', 'build-7', '--replace'))
  t.match(third, { code: 0, stderr: /The old one no longer works/ })
  for (const text of [first, second.stdout.trim()]) t.equal(await outcome(desk, text), 'expired')

  t.match(await desk.must(password('list')), /^NAME +STATE +MAY +SET AT +ENDS +LAST USED\n/)
  t.match(await desk.must(password('list')), /^mirror +works +read +/m)
  t.match(await desk.must(password('list')), /^build-7 +replaced \S+ \S+ UTC +read, write /m)
  const listed = JSON.stringify(await desk.json(password('list')))
  t.notMatch(listed, third.stdout.trim().slice(14), 'no password is listed')
  t.match(
    await desk.must(['credential', 'show', ...whose]),
    /^password {3}mirror, works, read, set \S+ \S+ UTC, ends \S+ \S+ UTC, not used yet$/m,
  )

  t.match(await desk.run(password('revoke', '--name', 'none')), { code: 1, stderr: /has no such password/ })
  t.same(await desk.json(password('revoke', '--name', 'mirror')), { revoked: ['mirror'] })
  t.equal(await outcome(desk, mirror.password), 'expired')
  t.equal(await desk.must(password('revoke', '--all')), 'Revoked in every running gateway: build-7.\n')
  t.equal(await outcome(desk, third.stdout.trim()), 'expired')
  t.equal(await outcome(desk, 'canary-chosen'), 'allow')
})

t.test('what the settings or the words do not allow changes nothing', async t => {
  const desk = aDesk(t, { ALTGATE__PASSWORDS__MAXLIFEDAYS: '400', ALTGATE__PASSWORDS__MAXGRACEHOURS: '4' })
  await desk.must(['credential', 'set', ...whose], 'canary-chosen')
  for (const [words, code, said] of [
    [['add', '--expires', 'never'], 1, 'A password has to end: choose a day. Nothing was changed.'],
    [['add', '--expires', day(500)], 1, 'The end must be within 400 days'],
    [['add', '--expires', '2020-01-01'], 1, 'The end must not be in the past.'],
    [['add', '--expires', 'tomorrow'], 1, 'The end must be a day such as 2027-01-31.'],
    [['add', '--valid-old', '5', '--name', 'x'], 1, 'works for 4 hours more at most'],
    [['add', '--valid-old', '2', '--name', 'x'], 1, 'There is no password called x to replace'],
    [['add', '--name', ' x'], 2, 'must not begin or end with a space'],
    [['add', '--name', 'x'.repeat(65)], 2, 'A name has 64 characters at most'],
    [['revoke'], 2, 'say which: --name N, --name N --old, or --all'],
    [['revoke', '--old'], 2, 'say which: --name N, --name N --old, or --all'],
    [['revoke', '--name', 'x', '--old'], 1, 'No replaced password called x of anna@example.com'],
  ] as const) {
    const ran = await desk.run(password(words[0], ...words.slice(1)))
    t.match(ran, { code, stderr: said, stdout: '' }, words.join(' '))
  }
  t.same(await desk.json(password('list')), [])
  t.match(await desk.must(password('list')), 'has no generated passwords in scope msa. Add one:')
  t.match(
    await desk.run(['credential', 'password', 'list', '--scope', 'msa', '--user', 'nobody@example.com']),
    {
      code: 1,
      stderr: 'There is no user name nobody@example.com',
    },
  )
})

t.test(
  'a password without a name is called by the day; a set without a chosen one has no other way in',
  async t => {
    const desk = aDesk(t, { ALTGATE__PASSWORDS__ALLOWENDLESS: 'true' })
    await desk.must(['account', 'add', 'fabrikam', '--upstream', 'http://fabrikam.example'])
    const first = await desk.must(password('add', '--expires', 'never'))
    await desk.must(password('add'))
    t.match(await desk.json(password('list')), [
      { name: `${day(0)} (2)` },
      { name: day(0), endsAt: undefined },
    ])
    t.equal(await outcome(desk, first.trim()), 'allow')
    t.equal(await outcome(desk, '$none$'), 'refused')
    t.match(await desk.must(['credential', 'list', '--scope', 'msa']), / generated /)
  },
)

t.test('of a name, the replaced one is revoked alone, or with the one that took its place', async t => {
  const desk = aDesk(t)
  await desk.must(['account', 'add', 'fabrikam', '--upstream', 'http://fabrikam.example'])
  const first = (await desk.must(password('add', '--name', 'build-7'))).trim()
  const second = (await desk.must(password('add', '--name', 'build-7', '--valid-old', '2'))).trim()
  const said = 'Revoked in every running gateway: '
  t.equal(
    await desk.must(password('revoke', '--name', 'build-7', '--old')),
    `${said}build-7 (the replaced one).\n`,
  )
  t.equal(await outcome(desk, first), 'expired')
  t.equal(await outcome(desk, second), 'allow')

  const third = (await desk.must(password('add', '--name', 'build-7', '--valid-old', '2'))).trim()
  t.equal(
    await desk.must(password('revoke', '--name', 'build-7')),
    `${said}build-7, build-7 (the replaced one).\n`,
  )
  for (const each of [second, third]) t.equal(await outcome(desk, each), 'expired')
})

t.test('the end of a replaced one is said as it is', async t => {
  const desk = aDesk(t)
  await desk.must(password('add', '--name', 'build-7', '--expires', day(0)))
  const replaced = (await desk.json(password('add', '--name', 'build-7', '--valid-old', '168'))) as object
  t.match(replaced, { replaced: true, oldEndsAt: `${day(1)}T00:00:00.000Z` }, 'its own end is earlier')
  t.match(await desk.json(password('list')), [
    { replacedAt: undefined },
    { endsAt: `${day(1)}T00:00:00.000Z` },
  ])
})

t.test(
  'a set is made under a user name that a set may have, and a set that is off is said to be off',
  async t => {
    const desk = aDesk(t)
    const add = (user: string) => ['credential', 'password', 'add', '--scope', 'msa', '--user', user]
    t.match(await desk.run(add('build')), {
      code: 1,
      stdout: '',
      stderr:
        'There is no user name build in scope msa, and none can be made: the user name must be an e-mail address.',
    })
    t.same(await desk.json(['credential', 'list', '--scope', 'msa']), [])
    t.match((await desk.run(add(anna))).stderr, `There was no credential ${anna} in scope msa: it was made.`)
    t.notMatch((await desk.run(add(anna))).stderr, 'it was made')
    await desk.must(['credential', 'disable', ...whose])
    t.match((await desk.run(add(anna))).stderr, 'The credential is switched off; to switch it on: altgate')
  },
)
