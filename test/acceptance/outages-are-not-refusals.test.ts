import t, { type Test } from 'tap'
import { startAltgate } from '../support/altgate.ts'
import { gitLab } from '../support/git.ts'
import { startPostgres } from '../support/postgres.ts'
import { startUpstream } from '../support/upstream.ts'

async function world(t: Test, settings: Readonly<Record<string, unknown>> = {}) {
  const upstream = await startUpstream(t, ['contoso'])
  const altgate = await startAltgate(t, { settings })
  await altgate.arrange({
    accounts: { contoso: upstream.url },
    passwords: { 'anna@example.com': 'first-secret' },
  })
  const lab = gitLab(t)
  lab.setCredential('anna@example.com', 'first-secret')
  return { ...lab, altgate, upstream }
}

t.test('an upstream that is down is a 502, and git keeps the password', async t => {
  const { git, altgate, upstream, helperActions } = await world(t)
  await upstream.close()
  const { code, stderr } = await git(['ls-remote', `${altgate.url}/contoso/welcome.git`])
  t.equal(code, 128)
  t.match(stderr, /^remote: /m)
  t.match(stderr, 'The requested URL returned error: 502')
  t.equal(helperActions(), 'get')
})

t.test('an account that does not exist is a 404, and git keeps the password', async t => {
  const { git, altgate, helperActions } = await world(t)
  const { code, stderr } = await git(['ls-remote', `${altgate.url}/nobody/welcome.git`])
  t.equal(code, 128)
  t.match(stderr, /^remote: .*account/m)
  t.match(stderr, /repository '.*\/nobody\/welcome.git\/' not found/)
  t.equal(helperActions(), 'get')
})

t.test('a store that is down is a 503, and git keeps the password', async t => {
  const database = await startPostgres(t)
  const { git, must, altgate, helperActions, setCredential, forget } = await world(t, {
    store: { url: database.url },
  })
  const address = `${altgate.url}/contoso/welcome.git`
  await must(['ls-remote', address])

  await database.crash()
  setCredential('anna@example.com', 'never seen before')
  forget()
  const { code, stderr } = await git(['ls-remote', address])
  t.equal(code, 128)
  t.match(stderr, /^remote: /m)
  t.match(stderr, 'The requested URL returned error: 503')
  t.equal(helperActions(), 'get')

  setCredential('anna@example.com', 'first-secret')
  await must(['ls-remote', address])
  t.pass('users with a cached verdict are still allowed')
})
