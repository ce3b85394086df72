import t from 'tap'
import { serve } from '../support/program.ts'
import { startPostgres } from '../support/postgres.ts'
import { until } from '../support/until.ts'
import { aSignInDesk, ownerOf, scope } from './sign-ins.ts'
import { onTerminal } from './terminal.ts'

const signOut = (user: string) => ['credential', 'sign-out', '--scope', scope, '--user', user]
const all = ['credential', 'sign-out', '--all']

t.test('one user is signed out, here and at the provider', async t => {
  const desk = await aSignInDesk(t)
  await desk.signIn('anna')
  await desk.signIn('boris')
  const said = await desk.must(signOut('anna@example.com'))
  t.equal(
    said,
    `The sign-in of anna@example.com in scope ${scope} has ended, in every running gateway. It is revoked at the identity provider.\n`,
  )
  t.equal(desk.provider.revoked(), 1)
  t.equal(await desk.isActive('anna'), false)
  t.equal(await desk.isActive('boris'), true)
  t.match((await desk.store.grants.of(scope, ownerOf('anna'))).grant, { ended: { cause: 'signed-out' } })
  t.match(await desk.must(signOut('anna@example.com')), 'has no active sign-in')
  t.equal(desk.provider.revoked(), 1)
  const none = { ended: 0, revoked: 0, notRevoked: 0, unable: 0, left: 0 }
  t.strictSame(await desk.json(signOut('anna@example.com')), none)
})

t.test('a user who has signed in but set no password yet is found by the name of the provider', async t => {
  const desk = await aSignInDesk(t)
  await desk.signIn('anna')
  t.match(await desk.must(signOut('anna@contoso.com')), 'has ended')
  t.equal(await desk.isActive('anna'), false)
  t.match(await desk.run(signOut('eve@example.com')), { code: 1, stderr: /There is no user name eve@/ })
})

t.test('what could not be revoked is told', async t => {
  const desk = await aSignInDesk(t)
  await desk.signIn('anna')
  await desk.provider.stop()
  const { code, stdout, stderr } = await desk.run(signOut('anna@example.com'))
  t.equal(code, 1)
  t.match(stdout, 'has ended, in every running gateway. It is not revoked at the identity provider.')
  t.match(stderr, /^altgate: The identity provider was not reached or refused/)
  t.equal(await desk.isActive('anna'), false, 'an outage there keeps nothing alive here')
})

t.test('a provider without an endpoint is no failure, and the operator is told what to do there', async t => {
  const desk = await aSignInDesk(t, { revocation: false })
  for (const user of ['anna', 'boris']) await desk.signIn(user)
  t.match(await desk.must(signOut('anna@example.com')), 'cannot be asked to revoke it: revoke the sessions')
  t.match(await desk.must([...all, '--yes']), '1 are at identity providers that cannot be asked')
  await desk.signIn('clara')
  const one = { ended: 1, revoked: 0, notRevoked: 0, unable: 1, left: 0 }
  t.strictSame(await desk.json([...all, '--yes']), one)
})

t.test('all are signed out, of a scope or of all', async t => {
  const { url } = await startPostgres(t)
  const desk = await aSignInDesk(t, { url })
  const users = Array.from({ length: 20 }, (_, at) => `user-${at}`)
  for (const user of users) await desk.signIn(user)
  t.match(await desk.must([...all, '--scope', 'msa', '--yes']), 'There are no active sign-ins in scope msa.')
  t.equal(
    await desk.must([...all, '--scope', scope, '--yes']),
    '20 of 20 sign-ins have ended, in every running gateway.\n20 are revoked at the identity provider.\n',
  )
  t.equal(desk.provider.revoked(), 20)
  t.strictSame(await desk.store.grants.count(), { active: 0, ended: 20 })
  t.match(await desk.must([...all, '--yes']), 'There are no active sign-ins in all scopes.')
})

t.test('a provider that is down does not hold up the end of all sign-ins', async t => {
  const desk = await aSignInDesk(t)
  for (let at = 0; at < 30; at += 1) await desk.signIn(`user-${at}`)
  await desk.provider.stop()
  const { code, stdout } = await desk.run([...all, '--yes'])
  t.equal(code, 1)
  t.equal(
    stdout,
    '30 of 30 sign-ins have ended, in every running gateway.\n30 are not revoked at the identity provider.\n',
  )
  t.strictSame(await desk.store.grants.count(), { active: 0, ended: 30 })
})

t.test('--all asks first', async t => {
  const desk = await aSignInDesk(t)
  await desk.signIn('anna')
  t.match(await desk.run(all), { code: 2, stderr: /there is no terminal to ask/ })
  const no = await onTerminal(t, desk, all)
  await no.type('End 1 sign-in in all scopes, in every running gateway? Type yes: ', 'no\r')
  t.match(await no.screen(), /Nothing was changed\.\ncode 1/)
  t.equal(await desk.isActive('anna'), true)
  const yes = await onTerminal(t, desk, all)
  await yes.type('Type yes: ', 'yes\r')
  t.match(
    await yes.screen(),
    /1 of 1 sign-ins have ended, in every running gateway\.\n1 are revoked[^\n]*\n[^\n]*code 0/,
  )
  t.equal(await desk.isActive('anna'), false)
})

t.test('Ctrl-C finishes what has begun, and the next run goes on', async t => {
  const desk = await aSignInDesk(t)
  for (let at = 0; at < 30; at += 1) await desk.signIn(`user-${at}`)
  const command = serve(t, [...all, '--yes'], desk.env)
  await until(async () => (await desk.store.grants.count()).ended > 0)
  command.signal('SIGINT')
  const code = await command.exit()
  const { active, ended } = await desk.store.grants.count()
  t.equal(desk.provider.revoked(), ended, 'each one that has ended is revoked as well')
  t.match(command.printed(), `${ended} of 30 sign-ins have ended`)
  if (active > 0) {
    t.equal(code, 130)
    t.match(command.printed(), `${active} are left. Run the command again to go on.`)
    t.match(await desk.must([...all, '--yes']), `${active} of ${active} sign-ins have ended`)
  }
  t.strictSame(await desk.store.grants.count(), { active: 0, ended: 30 })
})

t.test('wrong usage is told', async t => {
  const desk = await aSignInDesk(t)
  for (const words of [[], ['--scope', scope], ['--all', '--user', 'anna@example.com', '--yes']])
    t.equal((await desk.run(['credential', 'sign-out', ...words])).code, 2, words.join(' '))
})
