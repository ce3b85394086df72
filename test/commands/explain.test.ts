import { hash } from 'bcryptjs'
import t, { type Test } from 'tap'
import { walk } from '../../src/administration/walk.ts'
import type { AccountName, Username } from '../../src/gateway/names.ts'
import type { PasswordHasher } from '../../src/gateway/ports.ts'
import { Secret } from '../../src/gateway/secret.ts'
import type { Tools } from '../../src/commands/tools.ts'
import { openTools } from '../../src/tools.ts'
import { loadSettings } from '../../src/settings/load.ts'
import type { Settings } from '../../src/settings/schema.ts'
import { aDesk, fabrikamId, type Desk } from './desk.ts'

const anna = 'anna@example.com'

/** An account that has moved to a directory; Anna has an old credential, Bob a new one that is off. */
async function afterTheMove(...[test]: Parameters<typeof aDesk>): Promise<Desk> {
  const desk = aDesk(test)
  await desk.must(['directory', 'add', fabrikamId, '--name', 'Fabrikam'])
  await desk.must(['account', 'add', 'fabrikam', '--upstream', 'https://tfs.example'])
  await desk.must(
    ['credential', 'set', '--scope', 'msa', '--user', anna, '--secondary', 'anna'],
    'canary-anna',
  )
  await desk.must(['account', 'connect', 'fabrikam', '--directory', fabrikamId])
  await desk.must(['credential', 'set', '--scope', fabrikamId, '--user', 'bob@example.com'], 'canary-bob')
  await desk.must(['credential', 'disable', '--scope', fabrikamId, '--user', 'bob@example.com'])
  return desk
}

function settingsOf(desk: Desk): Settings {
  const loaded = loadSettings({ env: desk.env, cwd: desk.directory })
  if ('complaints' in loaded) throw new Error('the settings are refused')
  return loaded.settings
}

async function toolsOf(t: Test, desk: Desk): Promise<Tools> {
  const tools = await openTools(settingsOf(desk))
  t.teardown(() => tools.close())
  return tools
}

t.test('every station says what it found, and the answer is the one that a client gets', async t => {
  const desk = await afterTheMove(t)
  const explain = (account: string, user: string) => ['explain', '--account', account, '--user', user]
  const before = await desk.everything()

  const told = await desk.must(explain('fabrikam', 'anna'), 'canary-anna')
  const lines = [
    /^decode {6}HTTP Basic with the user name anna and a password$/m,
    /^account {5}fabrikam$/m,
    /^connection {2}signs in with Microsoft Entra ID, directory "Fabrikam" \(.*\); until .* UTC with Microsoft accounts$/m,
    /^scope {7}credentials of 72f9.* count; credentials of msa get "reset needed"$/m,
    /^verify {6}in scope 72f9.*: there is no such user name$/m,
    /^ {12}in scope msa, which the account has left: anna@example.com, on, argon2id$/m,
    /^ {12}compared with the argon2id hash: match$/m,
    /^decide {6}the password is right, but counts in scope msa, which the account has left$/m,
    /^reset-needed: the client gets 401$/m,
    /^ {2}http:\/\/localhost:8080\/_altgate\/\?account=fabrikam$/m,
  ]
  for (const line of lines) t.match(told, line)
  t.notMatch(told, 'Reference', 'there was no request')

  const outcomes = [
    ['fabrikam', 'anna', 'canary-wrong', { outcome: 'refused', answer: { status: 401 } }],
    ['fabrikam', 'nobody', 'canary-wrong', { outcome: 'refused', answer: { status: 401 } }],
    ['fabrikam', 'bob@example.com', 'canary-bob', { outcome: 'disabled', answer: { status: 403 } }],
    ['contoso', anna, 'canary-anna', { outcome: 'no-account', answer: { status: 404 } }],
    ['fabrikam', anna, 'canary\u0007', { outcome: 'garbled', answer: { status: 401 } }],
  ] as const
  for (const [account, user, password, wanted] of outcomes) {
    const found = await desk.json(explain(account, user), password)
    t.match(found, { account, user, ...wanted })
    t.notMatch(JSON.stringify(found), 'canary')
  }
  await desk.must(['credential', 'enable', '--scope', fabrikamId, '--user', 'bob@example.com'])
  t.match(await desk.json(explain('fabrikam', 'bob@example.com'), 'canary-bob'), {
    outcome: 'allow',
    answer: { forwardedTo: 'https://tfs.example/fabrikam/...' },
  })
  t.same(await desk.everything(), before)
})

t.test('explaining renews no hash', async t => {
  const desk = aDesk(t)
  await desk.must(['account', 'add', 'fabrikam', '--upstream', 'https://tfs.example'])
  await desk.must(['credential', 'import', '-', '--scope', 'msa'], `${anna}:${await hash('canary-anna', 4)}`)

  const tools = await toolsOf(t, desk)
  const { store, hasher } = tools
  let renewals = 0
  const counting: PasswordHasher = {
    hash(password) {
      renewals += 1
      return hasher.hash(password)
    },
    compare: (attempt, against) => hasher.compare(attempt, against),
    outdated: each => hasher.outdated(each),
    provesWhole: (password, each) => hasher.provesWhole(password, each),
  }
  // Names as the commands read them.
  const presented = {
    name: 'fabrikam' as AccountName,
    username: anna as Username,
    password: new Secret('canary-anna'),
  }
  const { decision } = await walk(presented, { ...tools, ...store, hasher: counting }, settingsOf(desk))
  t.equal(decision.outcome, 'allow')
  t.equal(renewals, 0)
})

t.test('accounts that are named by host are explained too', async t => {
  const desk = aDesk(t, {
    ALTGATE__ACCOUNTS__NAMING__BY: 'host',
    ALTGATE__ACCOUNTS__NAMING__SUFFIX: '.example.com',
  })
  await desk.must(['account', 'add', 'fabrikam', '--upstream', 'https://tfs.example'])
  const found = await desk.json(['explain', '--account', 'fabrikam', '--user', anna], 'canary-anna')
  t.match(found, { outcome: 'refused' })
})

t.test('where an allowed request goes is what the forwarder makes of the upstream', async t => {
  const desk = aDesk(t)
  await desk.must(['credential', 'set', '--scope', 'msa', '--user', anna], 'canary-anna')
  const tools = await toolsOf(t, desk)
  const { registry } = tools
  for (const [name, upstream, answer] of [
    ['a', 'https://tfs.example', { forwardedTo: 'https://tfs.example/a/...' }],
    ['b', 'https://tfs.example/', { forwardedTo: 'https://tfs.example/...' }],
    ['c', 'https://tfs.example/tfs/C', { forwardedTo: 'https://tfs.example/tfs/C/...' }],
    // As an older version has let them in.
    ['d', 'https://tfs.example//C', { status: 400 }],
    ['e', 'tfs.example', { status: 502 }],
  ] as const) {
    await registry.addAccount('test', { name: name as AccountName, upstream })
    const found = await desk.json(['explain', '--account', name, '--user', anna], 'canary-anna')
    t.match(found, { outcome: 'allow', answer }, upstream)
  }
})

t.test('without a password there is nothing to explain', async t => {
  const ran = await aDesk(t).run(['explain', '--account', 'fabrikam', '--user', anna])
  t.match(ran, { code: 1, stdout: '', stderr: 'altgate: No password was given.' })
})

t.test('without a password it is assumed to be right, and nothing is asked for or compared', async t => {
  const desk = await afterTheMove(t)
  const explain = (user: string) => ['explain', '--account', 'fabrikam', '--user', user, '--without-password']
  const told = await desk.must(explain('anna'))
  t.match(told, /^ {12}not compared with the argon2id hash$/m)
  t.match(told, /^decide {6}with the right password: the password is right, but counts in scope msa, /m)
  t.match(told, /^reset-needed: the client gets 401$/m)
  t.match(await desk.json(explain('bob@example.com')), { outcome: 'disabled' })
  t.match(await desk.must(explain('nobody@example.com')), /^decide {6}there is no such user name$/m)
  await desk.must(['credential', 'password', 'add', '--scope', fabrikamId, '--user', 'cleo@example.com'])
  t.match(
    await desk.must(explain('cleo@example.com')),
    /^decide {6}no password was chosen: only the generated ones/m,
  )
})
