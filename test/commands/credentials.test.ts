import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { userInfo } from 'node:os'
import t from 'tap'
import { aDesk, contosoId, fabrikamId, type Desk } from './desk.ts'

const anna = 'anna@example.com'
const setAnna = ['credential', 'set', '--scope', 'msa', '--user', anna]
const list = ['credential', 'list', '--scope', 'msa']

/** What the gateway would decide about her, or whoever is named. */
async function outcome(desk: Desk, password: string, user = anna): Promise<string> {
  const words = ['explain', '--account', 'fabrikam', '--user', user]
  const { outcome } = (await desk.json(words, password)) as { readonly outcome: string }
  return outcome
}

/** A desk with one account on Microsoft accounts. */
async function withFabrikam(...[test]: Parameters<typeof aDesk>): Promise<Desk> {
  const desk = aDesk(test)
  await desk.must(['account', 'add', 'fabrikam', '--upstream', 'http://fabrikam.example'])
  return desk
}

t.test('a credential is set, listed without its password, switched off and on, and set again', async t => {
  const desk = await withFabrikam(t)
  const said = await desk.must([...setAnna, '--secondary', 'Anna'], 'canary-first\r\nsecond line\n')
  t.equal(said, `The password of ${anna} in scope msa is set, in every running gateway.\n`)
  t.equal(await outcome(desk, 'canary-first'), 'allow')
  t.equal(await outcome(desk, 'canary-first', 'ANNA'), 'allow')

  const setAt = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/
  const record = {
    scope: 'msa',
    username: anna,
    secondary: 'anna',
    enabled: true,
    algorithm: 'argon2id',
    setAt,
  }
  const listed = await desk.json(list)
  t.match(listed, [record])
  t.same(Object.keys((listed as readonly object[])[0] ?? {}), Object.keys(record), 'and no other field')
  t.match(
    await desk.must(list),
    /^SCOPE +USER +SECONDARY +STATE +ALGORITHM +SET AT +LAST USED\nmsa +anna@example.com +anna +on +argon2id +\S+ \S+ UTC +-\n$/,
  )

  const off = await desk.must(['credential', 'disable', '--scope', 'msa', '--user', 'anna'])
  t.equal(off, 'The credential of anna in scope msa is off, in every running gateway.\n')
  t.equal(await outcome(desk, 'canary-first'), 'disabled')
  t.match(
    await desk.must(setAnna, 'canary-second'),
    `It is switched off; to switch it on: altgate credential enable --scope msa --user ${anna}`,
  )
  t.match(await desk.must(list), ' off ')
  await desk.must(['credential', 'enable', '--scope', 'msa', '--user', anna])
  t.equal(await outcome(desk, 'canary-first'), 'refused')
  t.equal(await outcome(desk, 'canary-second'), 'allow')
})

t.test('--generate prints the password, and nothing else, to standard output', async t => {
  const desk = await withFabrikam(t)
  const { code, stdout, stderr } = await desk.run([...setAnna, '--generate'])
  t.equal(code, 0)
  t.match(stdout, /^agp_[0-9A-Za-z]{38}\n$/)
  t.match(stderr, /is set, in every running gateway\.\nIt is shown only once:\n$/)
  t.notMatch(stderr, stdout.trim())
  t.equal(await outcome(desk, stdout), 'allow')

  const mistyped = stdout.trim().replace(/.$/, last => (last === 'x' ? 'y' : 'x'))
  const told = await desk.must(['explain', '--account', 'fabrikam', '--user', anna], mistyped)
  t.match(told, /^verify {6}begins with agp_, but its checksum is wrong: nothing is looked up$/m)
  t.match(told, /^decide {6}the password begins with agp_, but Altgate did not generate it$/m)
  t.match(told, /^refused: the client gets 401$/m)
  t.match(await desk.run(setAnna, stdout), { code: 1, stderr: 'and cannot be chosen' })
  t.equal(await outcome(desk, stdout), 'allow', 'nothing was changed')
})

t.test('what can be no password is refused, and nothing is changed', async t => {
  const desk = await withFabrikam(t)
  await desk.must(setAnna, 'canary-first')
  const before = await desk.everything()
  const refused = [
    ['', 'No password was given.'],
    ['\ncanary-second\n', 'No password was given.'],
    [`agp_${'x'.repeat(28)}`, 'begins with agp_ like a generated one'],
    ['canary-\u0007bell', 'contains a control character'],
    ['c'.repeat(1025), 'longer than 1024 bytes'],
    ['ü'.repeat(513), 'longer than 1024 bytes'],
    ['c'.repeat(100_000), 'longer than 1024 bytes'],
  ] as const
  for (const [stdin, sentence] of refused) {
    const { code, stdout, stderr } = await desk.run(setAnna, stdin)
    t.equal(code, 1, sentence)
    t.equal(stdout, '')
    t.match(stderr, new RegExp(`^altgate: .*${sentence}.*\n$`))
    t.notMatch(stderr, 'canary')
  }
  t.same(await desk.everything(), before)
  t.equal(await outcome(desk, 'canary-first'), 'allow')
})

t.test('a password that is easy to guess is taken from an operator, with a warning', async t => {
  const desk = await withFabrikam(t)
  const weak = [
    ['nine lett', 'shorter than 10 characters'],
    ['anna-123456', 'is too similar to the user name'],
    ['1Q2w3e4r5t6y', 'is too common'],
  ] as const
  for (const [stdin, sentence] of weak) {
    const { code, stderr } = await desk.run(setAnna, stdin)
    t.equal(code, 0, sentence)
    t.match(stderr, new RegExp(`^Warning: .*${sentence}`))
    t.equal(await outcome(desk, stdin), 'allow')
  }
})

t.test('a password that could be better is taken, with advice', async t => {
  const desk = await withFabrikam(t)
  const short = await desk.run(setAnna, 'anna-is-short')
  t.match(short, { code: 0, stderr: 'A longer password, or a generated one, would be harder to guess.\n' })
  const foreign = await desk.run(setAnna, 'grüne unrelated words')
  t.match(foreign, { code: 0, stderr: /^The password contains characters that tf cannot send[^\n]*\n$/ })
  t.equal((await desk.run(setAnna, 'three unrelated words')).stderr, '')
})

t.test('a credential that cannot be is told in one sentence, with what to do', async t => {
  const desk = await withFabrikam(t)
  await desk.must([...setAnna, '--secondary', 'anna'], 'canary-first')
  const before = await desk.everything()
  const refused = [
    [
      ['credential', 'set', '--scope', fabrikamId, '--user', anna],
      `There is no directory ${fabrikamId}. Add it first: altgate directory add ${fabrikamId} --name TEXT`,
    ],
    [
      ['credential', 'set', '--scope', 'msa', '--user', 'bob@example.com', '--secondary', 'anna'],
      'The user name anna is already taken in scope msa. Nothing was changed. Choose another one, or find its owner: altgate credential list --scope msa',
    ],
    [
      ['credential', 'disable', '--scope', 'msa', '--user', 'bob'],
      'There is no user name bob in scope msa. List all credentials there: altgate credential list --scope msa',
    ],
  ] as const
  for (const [words, sentence] of refused) {
    t.same(await desk.run(words, 'canary-other'), { code: 1, stdout: '', stderr: `altgate: ${sentence}\n` })
  }
  t.same(await desk.everything(), before)
})

t.test('an htpasswd file is taken over, all or nothing', async t => {
  // Made with `htpasswd -bnBC 4 x canary-imported` and argon2's own tool: both know the password canary-imported.
  const desk = await withFabrikam(t)
  const bcrypt = await bcryptOf('canary-imported')
  const file = join(desk.directory, 'users')
  writeFileSync(file, `# ours\n${anna}:${bcrypt}:anna\nbob@example.com:${bcrypt}\n`)
  t.equal(
    await desk.must(['credential', 'import', file, '--scope', 'msa']),
    '2 credentials were imported into scope msa.\n',
  )
  t.equal(await outcome(desk, 'canary-imported', 'anna'), 'allow')
  t.match(await desk.json(list), [{ username: anna, algorithm: 'bcrypt' }, { username: 'bob@example.com' }])

  const before = await desk.everything()
  const lines = Array.from({ length: 25 }, (_, index) => `user${index}:${bcrypt}`)
  const broken = await desk.run(
    ['credential', 'import', '-', '--scope', 'msa'],
    [`eve@example.com:${bcrypt}`, ...lines].join('\n'),
  )
  t.equal(broken.code, 1)
  t.match(
    broken.stderr,
    /^altgate: Nothing was imported: 25 lines of standard input cannot be used\.\n {2}line 2: the user name must be an e-mail address\n/,
  )
  t.match(broken.stderr, /line 21: [^\n]*\n {2}and 5 more\n$/)
  t.notMatch(broken.stderr, bcrypt)

  const refused = [
    ['', 'There is no credential in standard input. Nothing was imported.'],
    [
      `eve@example.com:${bcrypt}:bob\ncarl@example.com:${bcrypt}:anna`,
      'The user name anna is already taken in scope msa',
    ],
  ] as const
  for (const [stdin, sentence] of refused) {
    const { code, stderr } = await desk.run(['credential', 'import', '-', '--scope', 'msa'], stdin)
    t.equal(code, 1)
    t.match(stderr, sentence)
  }
  const missing = await desk.run(['credential', 'import', join(desk.directory, 'none'), '--scope', 'msa'])
  t.match(missing, {
    code: 1,
    stderr: /^altgate: The file .*none cannot be read: there is no such file\.\n$/,
  })
  const nowhere = await desk.run(['credential', 'import', file, '--scope', contosoId])
  t.match(nowhere, { code: 1, stderr: `altgate: There is no directory ${contosoId}.` })
  t.same(await desk.everything(), before)
})

t.test('the history says who of this machine made a change', async t => {
  const desk = await withFabrikam(t)
  const shown = await desk.json(['account', 'show', 'fabrikam'])
  t.match(shown, { history: [{ connection: { kind: 'msa' }, actor: `cli:${userInfo().username}` }] })
})

async function bcryptOf(password: string): Promise<string> {
  const { hash } = await import('bcryptjs')
  return hash(password, 4)
}
