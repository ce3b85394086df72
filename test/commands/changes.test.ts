import t from 'tap'
import { foldUsername, msaScope, type DirectoryId, type Owner, type Scope } from '../../src/gateway/names.ts'
import { openOperator } from '../support/operator.ts'
import { aDesk, contosoId, fabrikamId, type Desk } from './desk.ts'
import { onTerminal } from './terminal.ts'

const anna = 'anna@example.com'
const ofAnna = ['--scope', 'msa', '--user', anna]
const there = fabrikamId as Scope

/** Anna has a credential in both scopes, of one owner each, which are linked; fabrikam is open to members. */
async function aWorld(...[test]: Parameters<typeof aDesk>): Promise<Desk> {
  const desk = aDesk(test, { ALTGATE__PUBLICURL: 'https://git.example.com' })
  await desk.must(['account', 'add', 'fabrikam', '--upstream', 'https://tfs.example'])
  const operator = await openOperator(undefined, desk.env)
  const { registry, hasher } = operator
  const { readPassword } = await import('../../src/gateway/credential.ts')
  const hash = await hasher.hash(readPassword('canary'))
  if (hash === 'busy') throw new Error('nothing else hashes here')
  await registry.addDirectory('cli:test', { id: fabrikamId as DirectoryId, name: 'Fabrikam' })
  const [here, other] = ['anna-msa' as Owner, 'anna-oid' as Owner]
  const username = foldUsername(anna)
  await registry.setCredential('cli:test', msaScope, { username, hash, owner: here })
  await registry.setCredential('cli:test', there, { username, hash, owner: other })
  await registry.link('cli:test', { scope: msaScope, owner: here }, { scope: there, owner: other })
  await registry.addMembers('cli:test', 'fabrikam' as never, msaScope, [username])
  await operator.close()
  return desk
}

t.test('each change says what depends on it, and asks; only yes goes on', async t => {
  const desk = await aWorld(t)
  const before = await desk.everything()
  const asked = [
    [
      ['account', 'remove', 'fabrikam'],
      /Affected: members: 1, users who have used it: 0, entries of its history: 1\.\nRemove the account fabrikam\? Type yes: /,
    ],
    [
      ['credential', 'remove', ...ofAnna],
      /This will be removed:\n {2}user +anna@example.com\n(?: {2}.*\n)* {2}linked +anna@example.com in scope 72f988bf.*\nRemove the credential of anna@example.com in scope msa\? Type yes: /,
    ],
  ] as const
  for (const [words, question] of asked) {
    t.match(await desk.run(words), { code: 2, stderr: 'To go ahead, add --yes.' }, words.join(' '))
    const terminal = await onTerminal(t, desk, words)
    await terminal.type('Type yes: ', 'no\r')
    const screen = await terminal.screen()
    t.match(screen, question)
    t.match(screen, 'altgate: Nothing was changed.\ncode 1\n')
  }
  t.same(await desk.everything(), before)

  const terminal = await onTerminal(t, desk, ['account', 'remove', 'fabrikam'])
  await terminal.type('Type yes: ', 'yes\r')
  t.match(await terminal.screen(), /fabrikam was removed, in every running gateway\. .*\ncode 0\n/)
})

t.test('a directory is renamed and removed, with what depends on it', async t => {
  const desk = await aWorld(t)
  const set = [
    'directory',
    'set',
    fabrikamId,
    '--name',
    'Fabrikam Inc.',
    '--issuer',
    'https://login.example/v2.0',
    '--yes',
  ]
  const { code, stdout, stderr } = await desk.run(set)
  t.same(
    { code, stdout },
    { code: 0, stdout: `Directory "Fabrikam Inc." (${fabrikamId}) was changed, in every running gateway.\n` },
  )
  t.match(stderr, 'Its name changes from "Fabrikam" to "Fabrikam Inc.".')
  t.match(stderr, 'Affected: accounts: 0, accounts that were connected to it: 0, credentials: 1.')
  await desk.must(['directory', 'set', fabrikamId, '--no-issuer', '--yes'])
  t.same(await desk.json(['directory', 'list']), [{ id: fabrikamId, name: 'Fabrikam Inc.' }])
  t.match(await desk.run(['directory', 'set', fabrikamId, '--yes']), { code: 2 })
  t.match(await desk.run(['directory', 'set', contosoId, '--name', 'x', '--yes']), {
    code: 1,
    stderr: `altgate: There is no directory ${contosoId}. Nothing was changed.`,
  })

  await desk.must(['account', 'connect', 'fabrikam', '--directory', fabrikamId])
  t.match(await desk.run(['directory', 'remove', fabrikamId, '--yes']), {
    code: 1,
    stderr: `altgate: Accounts are connected to the directory ${fabrikamId}, or planned to move there: fabrikam. Nothing was changed.`,
  })
  await desk.must(['account', 'disconnect', 'fabrikam'])
  t.equal(
    await desk.must(['directory', 'remove', fabrikamId, '--yes']),
    `Directory "Fabrikam Inc." (${fabrikamId}) was removed, in every running gateway.\n`,
  )
  t.same(await desk.json(['directory', 'list']), [])
  t.match(await desk.must(['history']), /directory-removed/)
})

t.test('an operator’s block and a user’s own switch are told apart', async t => {
  const desk = await aWorld(t)
  const operator = await openOperator(undefined, desk.env)
  const own = (on: boolean) =>
    operator.registry.switchCredential('page:anna', msaScope, foldUsername(anna), on, 'owner')
  await own(false)
  t.match(await desk.run(['credential', 'enable', ...ofAnna]), {
    code: 1,
    stderr: /has switched the credential off on the page.* add --override\./,
  })
  await desk.must(['credential', 'disable', ...ofAnna])
  t.match(await desk.json(['credential', 'list', '--scope', 'msa']), [
    { enabled: false, disabledBy: ['operator', 'owner'] },
  ])
  t.match(await desk.must(['credential', 'show', ...ofAnna]), 'state      off (by an operator, by its user)')
  t.match(
    await desk.must(['credential', 'enable', ...ofAnna]),
    'is no longer blocked, but its user has switched it off.',
  )
  t.match(
    await desk.must(['credential', 'enable', ...ofAnna, '--override']),
    'is on, in every running gateway.',
  )

  const blocked = await desk.run(['person', 'block', '--user', anna, '--yes'])
  t.match(blocked.stderr, `  ${anna} in scope msa: on\n`)
  t.match(blocked.stderr, `  ${anna} in scope ${fabrikamId}: on\n`)
  t.equal(blocked.stdout, `${anna} is blocked in all scopes, in every running gateway. Switched off: 2.\n`)
  t.match(await desk.run(['person', 'block', '--user', 'nn', '--yes']), {
    code: 1,
    stderr: 'altgate: There is no user name nn in any scope.',
  })
  await own(false)
  t.equal(
    await desk.must(['person', 'unblock', '--user', anna, '--yes']),
    `${anna} is no longer blocked, in every running gateway.\n  ${anna} in scope msa stays off: off (by its user)\n`,
  )
  await operator.close()
})

t.test('a credential that is set says whether it was added or reset', async t => {
  const desk = await aWorld(t)
  t.match(
    await desk.must(['credential', 'set', ...ofAnna], 'canary-second'),
    `The password of ${anna} in scope msa was reset`,
  )
  const ben = ['credential', 'set', '--scope', 'msa', '--user', 'ben@example.com']
  t.match(await desk.run([...ben, '--existing'], 'canary-ben'), {
    code: 1,
    stderr: 'altgate: There is no user name ben@example.com in scope msa.',
  })
  const added = (await desk.json([...ben, '--generate'])) as Readonly<Record<string, unknown>>
  t.match(added, { result: 'added', scope: 'msa', username: 'ben@example.com', enabled: true })
  t.match(added['password'], /^agp_/)
  t.same(await desk.json([...ben, '--existing'], 'canary-ben'), {
    result: 'reset',
    scope: 'msa',
    username: 'ben@example.com',
    enabled: true,
  })
})

t.test('links and sessions of a user end', async t => {
  const desk = await aWorld(t)
  t.match(await desk.run(['credential', 'unlink', ...ofAnna, '--with', contosoId, '--yes']), {
    code: 1,
    stderr: `altgate: ${anna} has no such link. Nothing was changed.`,
  })
  t.equal(
    await desk.must(['credential', 'unlink', ...ofAnna, '--yes']),
    `${anna} in scope msa is no longer linked to ${anna} in scope ${fabrikamId}, in every running gateway.\n`,
  )
  t.same(((await desk.json(['credential', 'show', ...ofAnna])) as { linked: unknown }).linked, [])
  t.match(await desk.run(['session', 'revoke', '--yes']), { code: 2 })
  t.match(await desk.run(['session', 'revoke', '--user', anna, '--all', '--yes']), { code: 2 })
  t.equal(
    await desk.must(['session', 'revoke', '--user', anna, '--yes']),
    `${anna} has no session on the page. Nothing was changed.\n`,
  )
})

t.test('programs read what a change has done', async t => {
  const desk = await aWorld(t)
  const account = { name: 'fabrikam', address: 'https://git.example.com/fabrikam/' }
  const ben = { scope: 'msa', user: 'ben@example.com' }
  const ofBen = ['--scope', ben.scope, '--user', ben.user]
  await desk.must(['credential', 'set', ...ofBen], 'canary-ben')
  const off = { scope: 'msa', username: ben.user, enabled: false, disabledBy: ['operator'] }
  const on = { scope: 'msa', username: ben.user, enabled: true }
  const added = { result: 'added', id: contosoId, name: 'Contoso' }
  const steps: readonly (readonly [readonly string[], object])[] = [
    [['directory', 'add', contosoId, '--name', 'Contoso'], added],
    [
      ['directory', 'set', contosoId, '--name', 'Contoso Ltd', '--yes'],
      { result: 'changed', id: contosoId, name: 'Contoso Ltd' },
    ],
    [
      ['account', 'add', 'acme', '--upstream', 'https://tfs.example'],
      { result: 'added', name: 'acme', upstream: 'https://tfs.example', scope: 'msa' },
    ],
    [['account', 'set', 'acme', '--rename', 'acme2', '--yes'], { result: 'changed', name: 'acme2' }],
    [['account', 'remove', 'acme2', '--yes'], { result: 'removed', name: 'acme2' }],
    [
      ['account', 'connect', 'fabrikam', '--directory', contosoId],
      { result: 'connected', ...account, scope: contosoId },
    ],
    [['account', 'disconnect', 'fabrikam'], { result: 'connected', ...account, scope: 'msa' }],
    [['move', 'apply', 'fabrikam', '--to', contosoId, '--yes'], { result: 'moved', scope: contosoId }],
    [['move', 'undo', 'fabrikam', '--yes'], { result: 'undone', scope: 'msa' }],
    [['directory', 'remove', contosoId, '--yes'], { result: 'removed', id: contosoId, name: 'Contoso Ltd' }],
    [['credential', 'disable', ...ofBen], { ...ben, enabled: false }],
    [['credential', 'enable', ...ofBen], { ...ben, enabled: true }],
    [['person', 'block', '--user', ben.user, '--yes'], { user: ben.user, blocked: true, credentials: [off] }],
    [
      ['person', 'unblock', '--user', ben.user, '--yes'],
      { user: ben.user, blocked: false, credentials: [on] },
    ],
    [['session', 'revoke', '--all', '--yes'], { ended: 0 }],
    [
      ['credential', 'unlink', ...ofAnna, '--yes'],
      { result: 'unlinked', username: anna, from: [{ scope: fabrikamId, username: anna }] },
    ],
    [['credential', 'remove', ...ofBen, '--yes'], { result: 'removed', scope: 'msa', username: ben.user }],
  ]
  for (const [words, object] of steps) t.match(await desk.json(words), object, words.join(' '))
  await desk.must(['token', 'add', 'robot', '--scope', 'read'])
  t.same(await desk.json(['token', 'revoke', 'robot']), { result: 'revoked', name: 'robot' })

  const operator = await openOperator(undefined, desk.env)
  await operator.registry.switchCredential('page:anna', msaScope, foldUsername(anna), false, 'owner')
  await operator.close()
  await desk.must(['credential', 'disable', ...ofAnna])
  t.same(await desk.json(['credential', 'enable', ...ofAnna]), {
    scope: 'msa',
    user: anna,
    enabled: false,
    disabledBy: ['owner'],
  })
})
