import type { Test } from 'tap'
import { type MakeDatabase, openFresh } from './contract.ts'
import {
  actor,
  anna,
  annie,
  boris,
  hashOf,
  manyCredentials,
  msa,
  revision,
  shortAnna,
  silently,
} from './samples.ts'

export async function importContract(t: Test, make: MakeDatabase): Promise<void> {
  await t.test('an import is one change, and tells after each batch how many are in', async t => {
    const store = await openFresh(t, make)
    const lines = manyCredentials(1200)
    const progress: number[] = []
    const registry = store.registry(silently)
    t.equal(await registry.importCredentials(actor, msa, lines, done => progress.push(done)), undefined)
    t.strictSame(progress, [500, 1000, 1200])
    t.equal((await registry.credentials(msa)).length, 1200)
    const last = lines.at(-1)
    const found = await store.credentials.find(msa, undefined, last?.secondary ?? anna)
    t.match(found, {
      asOf: revision(1),
      current: { username: last?.username, hash: last?.hash, enabled: true },
    })
    t.match(await store.changes.since(revision(0)), [{ action: 'credentials-imported', scope: msa }])
    const [change] = await store.changes.since(revision(0))
    t.equal(typeof change === 'object' && change.usernames.length, 2400)
  })

  await t.test(
    'an import replaces what exists as setting it would, and drops the verdicts of every name',
    async t => {
      const store = await openFresh(t, make)
      const registry = store.registry(silently)
      await registry.setCredential(actor, msa, { username: anna, secondary: shortAnna, hash: hashOf('old') })
      await registry.setCredential(actor, msa, { username: boris, hash: hashOf('old') })
      await registry.switchCredential(actor, msa, anna, false)
      const before = await store.credentials.find(msa, undefined, anna)
      await registry.importCredentials(
        actor,
        msa,
        [
          { username: anna, secondary: annie, hash: hashOf('first') },
          { username: anna, hash: hashOf('last') },
          // The line above has given this name up.
          { username: boris, secondary: annie, hash: hashOf('new') },
        ],
        () => {},
      )
      const { current } = await store.credentials.find(msa, undefined, anna)
      const { secondary: _, ...kept } = before.current ?? {}
      t.strictSame(current, { ...kept, hash: hashOf('last') })
      t.match((await store.credentials.find(msa, undefined, annie)).current, {
        username: boris,
        hash: hashOf('new'),
      })
      const [change] = await store.changes.since(revision(3))
      t.strictSame(
        new Set(typeof change === 'object' ? change.usernames : []),
        new Set([anna, shortAnna, annie, boris]),
      )
    },
  )

  await t.test('one line that cannot be kept undoes the whole import', async t => {
    const store = await openFresh(t, make)
    const registry = store.registry(silently)
    await registry.setCredential(actor, msa, { username: anna, secondary: shortAnna, hash: hashOf('old') })
    const lines = [...manyCredentials(700), { username: boris, secondary: shortAnna, hash: hashOf('new') }]
    t.strictSame(await registry.importCredentials(actor, msa, lines, () => {}), {
      problem: 'username-taken',
      username: shortAnna,
      scope: msa,
    })
    t.equal((await registry.credentials(msa)).length, 1)
    t.equal(await store.changes.revision(), revision(1))
  })

  await t.test('an import whose progress cannot be told is undone', async t => {
    const store = await openFresh(t, make)
    const registry = store.registry(silently)
    const broken = new Error('the terminal is gone')
    const tell = () => {
      throw broken
    }
    await t.rejects(registry.importCredentials(actor, msa, manyCredentials(2), tell), broken)
    const later = async () => tell()
    await t.rejects(registry.importCredentials(actor, msa, manyCredentials(2), later), broken)
    t.strictSame(await registry.credentials(msa), [])
  })

  await t.test('a credential that must be new replaces none, and may be switched off', async t => {
    const store = await openFresh(t, make)
    const registry = store.registry(silently)
    await registry.setCredential(actor, msa, { username: anna, hash: hashOf('old') })
    const lines = [
      { username: boris, hash: hashOf('new'), enabled: false },
      { username: anna, hash: hashOf('new'), enabled: false },
    ]
    t.strictSame(await registry.importCredentials(actor, msa, lines, () => {}, new Set([anna, boris])), {
      problem: 'username-taken',
      username: anna,
      scope: msa,
    })
    t.equal((await registry.credentials(msa)).length, 1)
    t.equal(await registry.importCredentials(actor, msa, lines, () => {}, new Set([boris])), undefined)
    t.match((await store.credentials.find(msa, undefined, boris)).current, { enabled: false })
    t.match((await store.credentials.find(msa, undefined, anna)).current, {
      hash: hashOf('new'),
      enabled: true,
    })
  })

  // More than one statement could hold: PostgreSQL takes 65,535 values, SQLite fewer.
  await t.test('10,000 credentials are imported in one go', async t => {
    const registry = (await openFresh(t, make)).registry(silently)
    t.equal(await registry.importCredentials(actor, msa, manyCredentials(10_000), () => {}), undefined)
    t.equal((await registry.credentials(msa)).length, 10_000)
  })
}
