import t from 'tap'
import { startAltgate } from '../support/altgate.ts'
import { gitLab } from '../support/git.ts'
import { startPostgres } from '../support/postgres.ts'
import { startUpstream } from '../support/upstream.ts'

const anna = ['anna@example.com', 'first-secret'] as const

const database = await startPostgres(t)
const upstream = await startUpstream(t, ['contoso'])
const other = await startUpstream(t, ['fabrikam'])
const altgate = await startAltgate(t, { settings: { store: { url: database.url } } })
await altgate.arrange({
  accounts: { contoso: upstream.url, fabrikam: other.url },
  passwords: { [anna[0]]: anna[1] },
})
const { git, must, helperActions, setCredential, forget } = gitLab(t)
t.beforeEach(() => {
  setCredential(...anna)
  forget()
})

t.test('an upstream that is down is a 502, and git keeps the password', async t => {
  await other.close()
  const { code, stderr } = await git(['ls-remote', `${altgate.url}/fabrikam/welcome.git`])
  t.equal(code, 128)
  t.match(stderr, /^remote: /m)
  t.match(stderr, 'The requested URL returned error: 502')
  t.equal(helperActions(), 'get')
})

t.test('an account that does not exist is a 404, and git keeps the password', async t => {
  const { code, stderr } = await git(['ls-remote', `${altgate.url}/nobody/welcome.git`])
  t.equal(code, 128)
  t.match(stderr, /^remote: .*account/m)
  t.match(stderr, /repository '.*\/nobody\/welcome.git\/' not found/)
  t.equal(helperActions(), 'get')
})

t.test('a store that is down is a 503, and git keeps the password', async t => {
  const address = `${altgate.url}/contoso/welcome.git`
  await must(['ls-remote', address])

  await database.crash()
  setCredential(anna[0], 'never seen before')
  forget()
  const { code, stderr } = await git(['ls-remote', address])
  t.equal(code, 128)
  t.match(stderr, /^remote: /m)
  t.match(stderr, 'The requested URL returned error: 503')
  t.equal(helperActions(), 'get')

  setCredential(...anna)
  await must(['ls-remote', address])
  t.pass('users with a cached verdict are still allowed')
})
