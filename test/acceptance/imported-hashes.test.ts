import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import argon2 from 'argon2'
import bcrypt from 'bcryptjs'
import t from 'tap'
import { startAltgate } from '../support/altgate.ts'
import { gitLab } from '../support/git.ts'
import { run } from '../support/run.ts'
import { until } from '../support/until.ts'
import { startUpstream } from '../support/upstream.ts'

const people = {
  anna: ['anna@example.com', 'the password of anna'],
  ben: ['ben@example.com', 'the password of ben'],
  cleo: ['cleo@example.com', 'the password of cleo'],
  dora: ['dora@example.com', `${'the long password of dora '.repeat(3)}ends`],
} as const

/** One algorithm for each: as htpasswd and Caddy, Keycloak and others write them. */
async function htpasswd(): Promise<string> {
  const { anna, ben, cleo, dora } = people
  const cheap = { memoryCost: 1024, timeCost: 1 }
  return [
    '# taken over from the old server',
    `${anna[0]}:${(await bcrypt.hash(anna[1], 4)).replace('$2b$', '$2y$')}:anna`,
    `${ben[0]}:${await argon2.hash(ben[1], { type: argon2.argon2i, ...cheap })}`,
    '',
    `${cleo[0]}:${await argon2.hash(cleo[1], { type: argon2.argon2id, ...cheap })}`,
    `${dora[0]}:${await bcrypt.hash(dora[1], 4)}`,
    '',
  ].join('\n')
}

const upstream = await startUpstream(t, ['contoso'])
const altgate = await startAltgate(t)
await altgate.arrange({ accounts: { contoso: upstream.url } })
const address = `${altgate.url}/contoso/welcome.git`

/** The algorithms of the users of a domain. */
async function listed(domain: string): Promise<ReadonlyMap<string, string>> {
  const list = await altgate.must(['credential', 'list', '--scope', 'msa', '--json'])
  const its = (JSON.parse(list) as readonly Listed[]).filter(({ username }) =>
    username.endsWith(`@${domain}`),
  )
  return new Map(its.map(({ username, algorithm }) => [username, algorithm]))
}

t.test('hashes from another server work at once, and are renewed at their first use', async t => {
  const file = join(altgate.directory, 'users.htpasswd')
  writeFileSync(file, await htpasswd())
  const { anna, ben, cleo, dora } = people

  const imported = await altgate.cli(['credential', 'import', file, '--scope', 'msa'])
  t.equal(imported.stdout, '4 credentials were imported into scope msa.\n')
  t.match(imported.stderr, 'Hashed with bcrypt: 2. bcrypt ignores everything after the first 72 bytes')
  t.strictSame(
    await listed('example.com'),
    new Map([
      [anna[0], 'bcrypt'],
      [ben[0], 'argon2i'],
      [cleo[0], 'argon2id'],
      [dora[0], 'bcrypt'],
    ]),
  )

  await t.test('git, with a bcrypt hash and the secondary user name', async t => {
    const lab = gitLab(t)
    lab.setCredential('anna', anna[1])
    await lab.must(['clone', address, 'clone'])
    t.equal(lab.helperActions(), 'get store')
  })

  await t.test('curl, with argon2i and argon2id', async t => {
    for (const [username, password] of [ben, cleo]) {
      t.equal(await curl(username, password), '200')
      t.equal(await curl(username, 'a wrong password'), '401')
    }
  })

  await t.test('what bcrypt does not look at never becomes the password', async t => {
    const other = `${dora[1].slice(0, 72)} somehow else`
    t.ok(Buffer.byteLength(dora[1]) > 72)
    for (const password of [other, dora[1].slice(0, 72), dora[1]])
      t.equal(await curl(dora[0], password), '200')
    t.equal(await curl(dora[0], dora[1].slice(0, 71)), '401')
    await until(() => altgate.logs().includes('covers only the first 72 bytes'))
    t.equal(altgate.logs().match(/covers only the first 72 bytes/g)?.length, 1, 'once for a credential')
  })

  await t.test('from then on they are argon2id as in the settings, and the same passwords work', async t => {
    const renewed = async () =>
      [...(await listed('example.com'))]
        .filter(([, algorithm]) => algorithm === 'argon2id')
        .map(([name]) => name)
    await until(async () => (await renewed()).length === 3)
    t.notOk((await renewed()).includes(dora[0]))
    t.equal(await curl(dora[0], dora[1]), '200', 'the owner of a long password gets in as before')
    const { stdout } = await altgate.cli(['explain', '--account', 'contoso', '--user', anna[0]], {
      stdin: `${anna[1]}\n`,
    })
    t.match(stdout, /allow/i)
    t.equal(await curl(anna[0], anna[1]), '200')
    t.equal(await curl(anna[0], 'a wrong password'), '401')
  })

  async function curl(username: string, password: string): Promise<string> {
    const user = `user = "${username}:${password}"\n`
    const words = ['-s', '-o', '/dev/null', '-w', '%{http_code}', '-K', '-']
    return (await run('curl', [...words, `${address}/info/refs?service=git-upload-pack`], { stdin: user }))
      .stdout
  }
})

t.test('an .htpasswd of Apache works at once, and its hashes are renewed where that is safe', async t => {
  const users = [
    ['fred', '-m', 'the password of fred', 'argon2id'],
    ['gina', '-s', 'the password of gina', 'argon2id'],
    ['hana', '-5', 'the password of hana', 'argon2id'],
    ['ivan', '-d', 'short', 'argon2id'],
    ['jana', '-d', 'eight characters and more', 'des-crypt'],
  ] as const
  const lines = users.map(([user, kind, password]) =>
    execFileSync('htpasswd', ['-nb', kind, user, password], { stdio: ['ignore', 'pipe', 'ignore'] }),
  )
  const file = join(altgate.directory, '.htpasswd')
  writeFileSync(file, Buffer.concat(lines))
  await altgate.must(['credential', 'import', file, '--scope', 'msa', '--domain', 'apache.example'])
  for (const [user, , password] of users) {
    const lab = gitLab(t)
    lab.setCredential(user, password)
    await lab.must(['ls-remote', address])
    lab.setCredential(user, `${password.slice(0, 5)}?`)
    t.not((await lab.git(['ls-remote', address])).code, 0, `${user}, a wrong password`)
  }
  const algorithms = async () => [...(await listed('apache.example')).values()]
  await until(async () => (await algorithms()).filter(each => each === 'argon2id').length === 4)
  t.strictSame(
    await algorithms(),
    users.map(([, , , algorithm]) => algorithm),
  )
  for (const [user, , password] of users) {
    const lab = gitLab(t)
    lab.setCredential(user, password)
    await lab.must(['ls-remote', address])
  }
})

interface Listed {
  readonly username: string
  readonly algorithm: string
}
