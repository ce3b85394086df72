import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { aDesk, contosoId, fabrikamId, type Desk } from './desk.ts'
import { onTerminal } from './terminal.ts'

const importInto = (file: string, ...more: readonly string[]) => [
  'credential',
  'import',
  file,
  '--scope',
  'msa',
  ...more,
]

/** A line as Apache's own htpasswd writes it; `kind`: its option. */
function htpasswd(user: string, password: string, ...kind: readonly string[]): string {
  return execFileSync('htpasswd', ['-nb', ...kind, user, password], { stdio: ['ignore', 'pipe', 'ignore'] })
    .toString()
    .trim()
}

/** What the gateway would decide. */
async function outcome(desk: Desk, user: string, password: string): Promise<string> {
  const words = ['explain', '--account', 'fabrikam', '--user', user]
  return ((await desk.json(words, password)) as { readonly outcome: string }).outcome
}

async function withFabrikam(t: Test): Promise<Desk> {
  const desk = aDesk(t)
  await desk.must(['account', 'add', 'fabrikam', '--upstream', 'http://fabrikam.example'])
  return desk
}

interface Listed {
  readonly username: string
  readonly secondary?: string
  readonly enabled: boolean
  readonly algorithm: string
}

async function listed(desk: Desk, scope = 'msa'): Promise<readonly Listed[]> {
  return (await desk.json(['credential', 'list', '--scope', scope])) as readonly Listed[]
}

t.test('an .htpasswd of Apache is taken over as it is, with addresses made of its names', async t => {
  const desk = await withFabrikam(t)
  const kinds = [
    ['apr', ['-m'], 'apr1'],
    ['bcr', ['-BC4'], 'bcrypt'],
    ['sha', ['-s'], 'sha1'],
    ['des', ['-d'], 'des-crypt'],
    ['two', ['-2'], 'sha256-crypt'],
    ['six', ['-5'], 'sha512-crypt'],
  ] as const
  const lines = kinds.map(([user, options]) => htpasswd(user, 'canary!', ...options))
  const { code, stdout, stderr } = await desk.run(
    importInto('-', '--domain', 'Example.com'),
    `${lines.join('\n')}\n`,
  )
  t.same({ code, stdout }, { code: 0, stdout: '6 credentials were imported into scope msa.\n' })
  t.match(stderr, /^Hashed with bcrypt: 1\./m)
  t.match(stderr, /^Hashed with DES crypt: 1\. DES crypt ignores everything after the first 8 characters/m)
  t.match(stderr, /^Weakly hashed \(\{SHA\}, \{SSHA\} or DES crypt\): 2\./m)
  t.same(
    new Map((await listed(desk)).map(each => [each.secondary, each.algorithm])),
    new Map(kinds.map(([user, , algorithm]) => [user, algorithm])),
  )
  for (const [user] of kinds) {
    t.equal(await outcome(desk, `${user}@example.com`, 'canary!'), 'allow', user)
    t.equal(await outcome(desk, user, 'canary!'), 'allow', user)
    t.equal(await outcome(desk, user, 'canary?'), 'refused', user)
  }
})

t.test('users that exist are told of, and stay or are replaced as the operator says', async t => {
  const desk = await withFabrikam(t)
  await desk.must(
    ['credential', 'set', '--scope', 'msa', '--user', 'anna@example.com', '--secondary', 'anna'],
    'canary-old',
  )
  await desk.must(['credential', 'disable', '--scope', 'msa', '--user', 'anna'])
  const lines = ['anna@example.com', 'bob@example.com'].map(user => htpasswd(user, 'canary-new', '-m'))
  const file = join(desk.directory, 'users')
  writeFileSync(file, `${lines.join('\n')}\n`)

  const before = await desk.everything()
  t.same(await desk.run(importInto(file)), {
    code: 1,
    stdout: '',
    stderr:
      'altgate: Nothing was imported: 1 user exists in scope msa already: anna@example.com. To leave them as they are, add --keep-existing; to give them the passwords of the file, add --replace.\n',
  })
  t.match(await desk.run(importInto(file, '--replace', '--keep-existing')), { code: 2 })
  t.same(
    await desk.must(importInto(file, '--keep-existing', '--dry-run')),
    '1 credential would be imported into scope msa. 1 existing one would be kept.\n',
  )
  t.same(await desk.everything(), before)

  t.equal(
    await desk.must(importInto(file, '--keep-existing')),
    '1 credential was imported into scope msa. 1 existing one kept.\n',
  )
  t.equal(await outcome(desk, 'anna', 'canary-old'), 'disabled')
  t.equal(await outcome(desk, 'bob@example.com', 'canary-new'), 'allow')
  t.equal(
    await desk.must(importInto(file, '--replace')),
    '2 credentials were imported into scope msa. 0 new, 2 replaced.\n',
  )
  t.equal(await outcome(desk, 'anna', 'canary-new'), 'disabled', 'the same user, still off')
  t.match(await listed(desk), [{ secondary: 'anna', enabled: false, algorithm: 'apr1' }, {}])
})

t.test('refused lines are told with their reasons, and skipped only if the operator says so', async t => {
  const desk = await withFabrikam(t)
  const text = [
    htpasswd('anna@example.com', 'canary', '-m'),
    htpasswd('bob', 'canary', '-m'),
    'carl@example.com:$y$j9T$canary$canary',
    'dora@example.com:canary',
  ].join('\n')
  const reasons = [
    { line: 2, reason: 'the user name must be an e-mail address' },
    {
      line: 3,
      reason: 'the hash is yescrypt ($y$), which Altgate cannot check: the user needs a new password',
    },
    { line: 4, reason: 'the password is not hashed' },
  ]
  const table = reasons.map(({ line, reason }) => `  line ${line}: ${reason}\n`).join('')
  const before = await desk.everything()
  const refused = await desk.run(importInto('-'), text)
  t.same(refused, {
    code: 1,
    stdout: '',
    stderr: `altgate: Nothing was imported: 3 lines of standard input cannot be used.\n${table}`,
  })
  const json = await desk.run(importInto('-', '--json'), text)
  t.equal(json.code, 1)
  t.match(JSON.parse(json.stdout), { imported: 0, added: 1, refused: reasons })
  t.notMatch(json.stdout + json.stderr, 'canary')
  const dry = await desk.must(importInto('-', '--json', '--dry-run', '--skip-refused'), text)
  t.match(JSON.parse(dry), { dryRun: true, imported: 0, added: 1, refused: reasons })
  t.same(await desk.everything(), before)

  const skipped = await desk.run(importInto('-', '--skip-refused'), text)
  t.match(skipped, {
    code: 0,
    stdout: '1 credential was imported into scope msa. 3 refused lines skipped.\n',
  })
  t.match(skipped.stderr, `Skipped: 3 lines of standard input cannot be used.\n${table}`)
  t.match(await listed(desk), [{ username: 'anna@example.com' }])
})

t.test('JSON tells everything about an import', async t => {
  const desk = await withFabrikam(t)
  const text = `user,hash\nanna@example.com,${htpasswd('x', 'canary', '-m').slice(2)}\n`
  t.same(await desk.json(importInto('-'), text), {
    scope: 'msa',
    format: 'csv',
    dryRun: false,
    imported: 1,
    added: 1,
    replaced: 0,
    kept: 0,
    elsewhere: 0,
    refused: [],
    existing: [],
    algorithms: { apr1: 1 },
  })
})

t.test('a dry run refuses what an import would, and usage is told', async t => {
  const desk = aDesk(t)
  const line = htpasswd('anna@example.com', 'canary', '-m')
  for (const more of [[], ['--dry-run']])
    t.match(await desk.run(['credential', 'import', '-', '--scope', contosoId, ...more], line), {
      code: 1,
      stderr: `altgate: There is no directory ${contosoId}.`,
    })
  for (const domain of ['', 'exa mple.com', 'a@b', '-x.example', 'x..y'])
    t.match(await desk.run(importInto('-', '--domain', domain), line), { code: 2 }, domain)
  t.match(await desk.run(importInto('-', '--format', 'xml'), line), { code: 2 })
  t.match(await desk.run(importInto('-', '--format', 'jsonl'), line), {
    code: 1,
    stderr: /line 1: is not a JSON object/,
  })
})

t.test('what is exported has no secret, and can be imported elsewhere', async t => {
  const desk = await withFabrikam(t)
  await desk.must(['directory', 'add', fabrikamId, '--name', 'Fabrikam'])
  await desk.must(['account', 'members', 'fabrikam', '--add', 'anna@example.com', 'eve@example.com'])
  await desk.must(
    importInto('-', '--domain', 'example.com'),
    ['anna', 'bob'].map(user => htpasswd(user, 'canary', '-m')).join('\n'),
  )
  await desk.must(['credential', 'disable', '--scope', 'msa', '--user', 'bob'])
  await desk.must(
    ['credential', 'set', '--scope', fabrikamId, '--user', 'carl@fabrikam.example'],
    'canary-carl',
  )

  const ofScope = await desk.must(['credential', 'export', '--scope', 'msa'])
  t.match(
    ofScope
      .trim()
      .split('\n')
      .map(line => JSON.parse(line)),
    [
      { kind: 'credential', scope: 'msa', username: 'anna@example.com', secondary: 'anna', enabled: true },
      { kind: 'credential', scope: 'msa', username: 'bob@example.com', secondary: 'bob', enabled: false },
    ],
  )
  const everything = await desk.must(['store', 'export'])
  t.notMatch(everything, /apr1\$|\$argon2|canary/)
  const kinds = everything
    .trim()
    .split('\n')
    .map(line => (JSON.parse(line) as { kind: string }).kind)
  t.same(kinds, ['directory', 'account', 'member', 'member', 'credential', 'credential', 'credential'])

  const other = await withFabrikam(t)
  const { code, stdout } = await other.run(importInto('-'), everything)
  t.same(
    { code, stdout },
    {
      code: 0,
      stdout: '2 credentials were imported into scope msa. 5 lines about something else.\n',
    },
  )
  t.match(await listed(other), [
    { username: 'anna@example.com', secondary: 'anna', enabled: true },
    { username: 'bob@example.com', secondary: 'bob', enabled: false },
  ])
  t.equal(await outcome(other, 'anna', 'canary'), 'refused')
  await other.must(['credential', 'set', '--scope', 'msa', '--user', 'anna@example.com'], 'canary-new')
  t.equal(
    await other.must(importInto('-', '--replace'), ofScope),
    '0 credentials were imported into scope msa. 2 existing ones kept.\n',
  )
  t.equal(await outcome(other, 'anna@example.com', 'canary-new'), 'allow', 'no password is lost')
})

t.test('Ctrl-C while standard input is awaited says that nothing was changed', async t => {
  const desk = aDesk(t)
  const terminal = await onTerminal(t, desk, importInto('-'))
  await terminal.type('Ctrl-D ends them.', '\x03')
  t.match(await terminal.screen(), /Stopped\. Nothing was changed\.\ncode 130\n/)
  t.same(await listed(desk), [])
})

t.test('a long import shows how far it is, and Ctrl-C undoes all of it', async t => {
  const desk = aDesk(t)
  const file = join(desk.directory, 'users')
  const hash = htpasswd('x', 'canary', '-m').slice(2)
  writeFileSync(file, Array.from({ length: 40_000 }, (_, n) => `user${n}@example.com:${hash}`).join('\n'))
  const terminal = await onTerminal(t, desk, importInto(file))
  await terminal.type('1500 of 40000', '\x03')
  t.match(await terminal.screen(), /Stopped\. Nothing was changed\.\n[^\n]*code 130\n/)
  t.same(await listed(desk), [])
})
