import { join } from 'node:path'
import t, { type Test } from 'tap'
import { seedDemo } from '../../src/demo/demo.ts'
import {
  accounts,
  anna,
  DemoCannotStart,
  northwindDirectory,
  passwords,
  scopes,
} from '../../src/demo/people.ts'
import { readPassword } from '../../src/gateway/credential.ts'
import type { Scope } from '../../src/gateway/names.ts'
import { Secret } from '../../src/gateway/secret.ts'
import { createArgon2id } from '../../src/hashing/argon2id.ts'
import { openStore } from '../../src/store/store.ts'
import { temporaryDirectory } from '../support/directory.ts'

const upstreamUrl = 'http://127.0.0.1:8081'
const publicUrl = 'http://localhost:8080'

/** A real store and a real hasher, empty. */
async function world(t: Test) {
  const store = await openStore({ url: new Secret(`sqlite:${join(temporaryDirectory(t), 'altgate.db')}`) })
  t.teardown(() => store.close())
  const cost = { memoryKiB: 7168, passes: 5, parallelism: 1 }
  const hasher = await createArgon2id({ cost, onFlaw: () => {} })
  const registry = store.registry(async () => {})

  /** What the password is for the credential that the store holds in this scope. */
  const opens = async (scope: Scope, text: string) => {
    const { current } = await store.credentials.find(scope, undefined, anna.secondary)
    return current && (await hasher.compare({ password: readPassword(text) }, current.hash))
  }
  return {
    store,
    registry,
    opens,
    seed: () => seedDemo({ registry, hasher, upstreamUrl, publicUrl }),
    hasher,
  }
}

t.test('the demo has an account of each kind, and one that has just moved', async t => {
  const { registry, seed } = await world(t)
  t.strictSame(await seed(), { publicUrl, northwind: 'reset-needed' })

  const found = (await registry.accounts()).map(({ name, connection, upstream }) => {
    return [name, connection.kind === 'msa' ? 'msa' : connection.directoryName, upstream]
  })
  t.strictSame(
    new Set(found),
    new Set([
      ['contoso', 'Contoso', upstreamUrl],
      ['contoso-labs', 'Contoso', upstreamUrl],
      ['fabrikam', 'msa', upstreamUrl],
      ['northwind', 'Northwind', upstreamUrl],
    ]),
  )
  const northwind = await registry.account(accounts.northwind)
  t.strictSame(
    northwind?.history.map(({ connection }) => connection.kind),
    ['msa', 'entra'],
  )
})

t.test('anna has another password for each scope, and none yet for northwind', async t => {
  const { opens, seed } = await world(t)
  await seed()
  t.equal(await opens(scopes.msa, passwords.msa), 'match')
  t.equal(await opens(scopes.contoso, passwords.contoso), 'match')
  t.equal(await opens(scopes.contoso, passwords.msa), 'mismatch')
  t.equal(await opens(scopes.northwind, passwords.msa), undefined)
})

t.test('started again, the demo changes nothing', async t => {
  const { seed, store } = await world(t)
  await seed()
  const before = await store.changes.revision()
  t.strictSame(await seed(), { publicUrl, northwind: 'reset-needed' })
  t.equal(await store.changes.revision(), before)
})

t.test('a credential that a user has set for northwind stays, and the guide mentions it', async t => {
  const { registry, seed, opens, hasher } = await world(t)
  await seed()
  const hash = await hasher.hash(readPassword('mine'))
  await registry.setCredential('cli:test', scopes.northwind, {
    username: anna.username,
    secondary: anna.secondary,
    hash,
  })

  t.strictSame(await seed(), { publicUrl, northwind: 'reset' })
  t.equal(await opens(scopes.northwind, 'mine'), 'match')
})

t.test('an account that an operator has disconnected stays disconnected', async t => {
  const { registry, seed } = await world(t)
  await seed()
  await registry.disconnect('cli:test', accounts.northwind)
  await seed()
  t.match(await registry.account(accounts.northwind), { connection: { kind: 'msa' } })
})

t.test('a store whose demo goes to another upstream is told in one sentence', async t => {
  const { registry, hasher, seed } = await world(t)
  await seed()
  await t.rejects(
    seedDemo({ registry, hasher, publicUrl, upstreamUrl: 'http://127.0.0.1:9999' }),
    new DemoCannotStart(
      'The account fabrikam in this store goes to http://127.0.0.1:8081, but the demo upstream is ' +
        'http://127.0.0.1:9999. Restore demo.upstreamPort, or use an empty store.',
    ),
  )
})

t.test('a store that knows a demo user name as another person is told in one sentence', async t => {
  const { registry, hasher, seed } = await world(t)
  const hash = await hasher.hash(readPassword('mine'))
  await registry.addDirectory('cli:test', northwindDirectory)
  await registry.setCredential('cli:test', scopes.msa, { username: anna.secondary, hash })
  await t.rejects(
    seed(),
    new DemoCannotStart('The demo cannot be set up in this store (username-taken). Use an empty one.'),
  )
})
