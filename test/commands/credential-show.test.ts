import t from 'tap'
import type { AccountName, DirectoryId } from '../../src/gateway/names.ts'
import { foldUsername, msaScope } from '../../src/gateway/names.ts'
import type { PasswordHash } from '../../src/gateway/ports.ts'
import { startPostgres } from '../support/postgres.ts'
import { aSignInDesk, ownerOf, scope } from './sign-ins.ts'

const show = (user: string) => ['credential', 'show', '--scope', scope, '--user', `${user}@example.com`]
const list = ['credential', 'list', '--scope', scope]
const date = String.raw`\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC`
const iso = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/

for (const database of ['SQLite', 'PostgreSQL'])
  t.test(`list and show say as whom credentials act, and until when (${database})`, async t => {
    const url = database === 'SQLite' ? undefined : (await startPostgres(t)).url
    const desk = await aSignInDesk(t, url === undefined ? {} : { url })
    await desk.must(['credential', 'set', '--scope', scope, '--user', 'robot@example.com'], 'canary-robot')
    t.notMatch(await desk.must(list), 'SIGN-IN', 'where nobody has signed in, there is nothing to show')
    t.match(await desk.must(show('robot')), /^sign-in {4}none$/m)

    await desk.signIn('anna')
    await desk.signIn('boris')
    await desk.registry.endGrant('test', { scope, owner: ownerOf('boris') }, 'refused')
    const listed = await desk.must(list)
    t.match(listed, /^SCOPE .* SIGN-IN$/m)
    t.match(
      listed,
      new RegExp(`anna@example.com .* acts as anna@contoso.com since ${date}, renewed ${date}$`, 'm'),
    )
    t.match(
      listed,
      new RegExp(`boris@example.com .* ended ${date}: the identity provider refused to renew it$`, 'm'),
    )
    t.match(listed, /^\S+ +robot@example.com .* -$/m)
    t.match(await desk.json(list), [
      {
        username: 'anna@example.com',
        signIn: { state: 'active', actsAs: 'anna@contoso.com', since: iso, renewedAt: iso },
      },
      { username: 'boris@example.com', signIn: { state: 'ended', endedAt: iso, endedBecause: 'refused' } },
      { username: 'robot@example.com', signIn: undefined },
    ])
    t.match(
      await desk.must(show('anna')),
      new RegExp(
        `^sign-in {4}acts as anna@contoso.com since ${date}, renewed ${date}; the next request renews`,
        'm',
      ),
    )
    t.match(
      await desk.must(show('boris')),
      new RegExp(`^sign-in {4}the sign-in ended ${date}: the identity provider refused to renew it$`, 'm'),
    )
    t.notMatch(JSON.stringify(await desk.json(list)), 'k1.', 'and no token, sealed or not')
  })

t.test('show has everything about a credential', async t => {
  const desk = await aSignInDesk(t)
  const { registry } = desk
  await desk.signIn('anna')
  for (const name of ['open', 'closed'])
    await registry.addAccount('test', {
      name: name as AccountName,
      upstream: 'https://tfs.example',
      directoryId: scope as string as DirectoryId,
    })
  await desk.signIn('boris')
  await registry.addMembers('test', 'closed' as AccountName, scope, [foldUsername('boris@example.com')])
  const { current } = await desk.store.credentials.find(scope, undefined, foldUsername('anna@example.com'))
  if (current === undefined) throw new Error('the credential is missing')
  const use = { account: 'open' as AccountName, scope, subject: current.subject, at: 0, from: '192.0.2.1' }
  await desk.store.lastUsed.record([use])
  const owner = ownerOf('anna-msa')
  const username = foldUsername('anna@outlook.example')
  await registry.setCredential('test', msaScope, { username, owner, hash: 'no hash' as PasswordHash })
  await registry.link('test', { scope, owner: ownerOf('anna') }, { scope: msaScope, owner })

  t.match(await desk.json(show('anna')), {
    username: 'anna@example.com',
    claimed: true,
    lastUsed: { from: '192.0.2.1' },
    accounts: [
      { name: 'closed', member: false },
      { name: 'open', lastUsed: { at: '1970-01-01T00:00:00.000Z', from: '192.0.2.1' } },
    ],
    linked: [{ scope: 'msa', username: 'anna@outlook.example' }],
  })
  const said = await desk.must(show('anna'))
  t.match(said, /^account {4}closed \(not a member: no access\)$/m)
  t.match(said, /^account {4}open, last used 1970-01-01 00:00:00 UTC from 192\.0\.2\.1$/m)
  t.match(said, /^linked {5}anna@outlook\.example in scope msa$/m)
  t.match(await desk.must(show('boris')), /^account {4}closed$/m)
  t.match(await desk.run(show('eve')), { code: 1, stderr: /There is no user name eve@example.com/ })
})

t.test('a sign-in that no key opens is told as such', async t => {
  const desk = await aSignInDesk(t)
  await desk.signIn('anna')
  const key = '5e'.repeat(32)
  Object.assign(desk.env, { ALTGATE__SECRETS__SEALINGKEYS: JSON.stringify([{ id: 'k2', key }]) })
  t.match(await desk.must(show('anna')), /^sign-in .*; no key in secrets\.sealingKeys opens it$/m)
  t.match(await desk.must(list), /; no key in secrets\.sealingKeys opens it$/m)
  t.match(await desk.json(show('anna')), { signIn: { state: 'sealed-otherwise' } })
})
