import { join } from 'node:path'
import t from 'tap'
import { readPassword } from '../../src/gateway/credential.ts'
import {
  foldUsername,
  msaScope,
  type AccountName,
  type DirectoryId,
  type Owner,
  type Scope,
} from '../../src/gateway/names.ts'
import { Secret } from '../../src/gateway/secret.ts'
import { createArgon2id } from '../../src/hashing/argon2id.ts'
import { openStore } from '../../src/store/store.ts'
import { startAltgate } from '../support/altgate.ts'
import { ask } from '../support/ask.ts'
import { gitLab } from '../support/git.ts'
import { until } from '../support/until.ts'
import { startUpstream } from '../support/upstream.ts'

const directory = '5f0c2a9e-3b1d-4c66-9d0a-7a51c3e8f214'
/** One gateway for all tests, and the store behind it; the last one ends it. */
const upstream = await startUpstream(t, ['restricted', 'bridged', 'moved'])
const altgate = await startAltgate(t)
const store = await openStore({ url: new Secret(`sqlite:${join(altgate.directory, 'altgate.db')}`) })
t.teardown(() => store.close())
const registry = store.registry(async () => {})
const hasher = await createArgon2id({
  cost: { memoryKiB: 19_456, passes: 2, parallelism: 1 },
  onFlaw: () => {},
})
await registry.addDirectory('cli:test', { id: directory as DirectoryId, name: 'Contoso Ltd' })

async function set(scope: Scope, name: string, password: string, owner: string): Promise<void> {
  const hash = await hasher.hash(readPassword(password))
  if (hash === 'busy') throw new Error('nobody else hashes here')
  const username = foldUsername(name)
  await registry.setCredential('page:test', scope, { username, hash, owner: owner as Owner })
}

/** An account with its own Anna and Boris, who have credentials for Microsoft accounts. */
async function aWorld(account: string) {
  const [anna, boris] = [`anna@${account}.example`, `boris@${account}.example`]
  await registry.addAccount('cli:test', { name: account as AccountName, upstream: upstream.url })
  await set(msaScope, anna, 'canary-anna', anna)
  await set(msaScope, boris, 'canary-boris', boris)
  const outcome = async (username: string, password: string) => {
    const path = `/${account}/welcome.git/info/refs?service=git-upload-pack`
    const { status, outcome: told } = await ask(altgate.url + path, { as: [username, password] })
    return `${status} ${told}`
  }
  return { anna, boris, outcome }
}

t.test(
  'an account that is restricted to members allows only them, and git keeps the password of the others',
  async t => {
    const { anna, boris } = await aWorld('restricted')
    const lab = gitLab(t)
    await altgate.must(['account', 'members', 'restricted', '--add', anna])
    lab.setCredential(boris, 'canary-boris')
    const remote = `${altgate.url}/restricted/welcome.git`
    const refused = await lab.git(['clone', remote, 'boris'])
    t.equal(refused.code, 128)
    t.match(refused.stderr, 'remote: Your user name and password are right, but the account "restricted" is')
    t.match(refused.stderr, 'remote: Ask an administrator of the account to add you')
    t.match(refused.stderr, 'The requested URL returned error: 403')
    t.equal(lab.helperActions(), 'get', 'nothing is erased')

    lab.setCredential(anna, 'canary-anna')
    await lab.must(['clone', '--quiet', remote, 'anna'])
    await altgate.must(['account', 'members', 'restricted', '--add', boris, '--remove', anna])
    t.equal((await lab.git(['fetch'], { cwd: join(lab.directory, 'anna') })).code, 128, 'at once')
    lab.setCredential(boris, 'canary-boris')
    await lab.must(['clone', '--quiet', remote, 'boris'])
    t.match(
      altgate.logs(),
      /"outcome":"not-allowed","cause":"not-a-member","account":"restricted","scope":"msa"/,
    )
    t.notMatch(altgate.logs(), /canary/)
  },
)

t.test('a bridge allows linked users and no others, and closes by itself', async t => {
  const { anna, boris, outcome } = await aWorld('bridged')
  const person = (scope: Scope, owner: string) => ({ scope, owner: owner as Owner })
  const contoso = directory as Scope
  const words = ['--account', 'bridged', '--to', directory, '--bridge-hours', '1', '--yes']
  await altgate.must(['move', 'apply', ...words])
  t.equal(await outcome(anna, 'canary-anna'), '401 reset-needed', 'she is not linked')

  await registry.link('page:test', person(msaScope, anna), person(contoso, 'anna-oid'))
  t.equal(await outcome(anna, 'canary-anna'), '200 allow', 'what was remembered of her is forgotten at once')
  t.equal(await outcome(anna, 'canary-guess'), '401 refused')
  t.equal(await outcome(boris, 'canary-boris'), '401 reset-needed')
  t.match(
    altgate.logs(),
    /"outcome":"allow","account":"bridged","scope":"msa","user":"anna@bridged\.example","bridgedUntil":"/,
  )

  await set(contoso, 'anna.smith@contoso.example', 'canary-new', 'anna-oid')
  t.equal(await outcome('anna.smith@contoso.example', 'canary-new'), '200 allow')
  t.equal(await outcome(anna, 'canary-anna'), '200 allow')
  const off = ['--scope', directory, '--user', 'anna.smith@contoso.example']
  await altgate.must(['credential', 'disable', ...off])
  t.equal(await outcome(anna, 'canary-anna'), '401 reset-needed', 'whoever is switched off is not carried')
  await altgate.must(['credential', 'enable', ...off])
  await altgate.must(['credential', 'disable', '--scope', 'msa', '--user', anna])
  t.equal(await outcome(anna, 'canary-anna'), '401 reset-needed', 'the old one must be on')
  await altgate.must(['credential', 'enable', '--scope', 'msa', '--user', anna])
  t.equal(await outcome(anna, 'canary-anna'), '200 allow')

  await registry.disconnect('cli:test', 'bridged' as AccountName)
  const closes = Date.now() + 4000
  await registry.connect('cli:test', 'bridged' as AccountName, directory as DirectoryId, closes)
  t.equal(await outcome(anna, 'canary-anna'), '200 allow')
  await until(async () => {
    const before = Date.now()
    const allowed = (await outcome(anna, 'canary-anna')) === '200 allow'
    if (allowed ? before >= closes : Date.now() < closes) throw new Error('it closed at another time')
    return !allowed
  })
  t.equal(await outcome(anna, 'canary-anna'), '401 reset-needed')
})

t.test('a move is applied and undone under load, and the plan names the active users', async t => {
  const { anna, outcome } = await aWorld('moved')
  const move = ['--account', 'moved']
  t.equal(await outcome(anna, 'canary-anna'), '200 allow')
  await altgate.must(['move', 'apply', ...move, '--to', directory, '--yes'])
  t.equal(await outcome(anna, 'canary-anna'), '401 reset-needed')
  await altgate.must(['move', 'undo', ...move, '--yes'])
  t.equal(await outcome(anna, 'canary-anna'), '200 allow')

  t.equal(await altgate.stop(), 0, 'uses are written once a minute, and in the end')
  const planned = await altgate.must(['move', 'plan', ...move, '--to', directory, '--csv', '-'])
  t.match(planned, /^anna@moved\.example,breaks,.*,127\.0\.0\.1,,,no$/m)
  t.match(planned, /^boris@moved\.example,unknown,,,,,no$/m)
})
