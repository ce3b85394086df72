import type { Test } from 'tap'
import type { Scope, Username } from '../../src/gateway/names.ts'
import type { Use } from '../../src/gateway/ports.ts'
import type { Store } from '../../src/store/store.ts'
import { type MakeDatabase, open, openFresh } from './contract.ts'
import {
  actor,
  anna,
  boris,
  contoso,
  fabrikam,
  hashOf,
  inNorth,
  manyCredentials,
  msa,
  revision,
  shortAnna,
  silently,
} from './samples.ts'

/** A use of a credential that is there. */
async function useOf(store: Store, username: Username, at: number, from = '192.0.2.7', scope: Scope = msa) {
  const account = fabrikam
  const { current } = await store.credentials.find(msa, undefined, username)
  if (current === undefined) throw new Error('the test has not made that credential')
  return { account, scope, subject: current.subject, at, from }
}

async function lastUses(store: Store) {
  const all = await store.registry(silently).credentials(msa)
  return all.map(({ username, lastUsed }) => [username, lastUsed?.at, lastUsed?.from])
}

export async function lastUsedContract(t: Test, make: MakeDatabase): Promise<void> {
  await t.test('of each credential the newest use is kept, in whatever order they come', async t => {
    const store = await openFresh(t, make)
    const registry = store.registry(silently)
    await registry.setCredential(actor, msa, { username: anna, hash: hashOf('one') })
    await registry.setCredential(actor, msa, { username: boris, hash: hashOf('one') })
    t.strictSame(await lastUses(store), [
      [anna, undefined, undefined],
      [boris, undefined, undefined],
    ])

    await store.lastUsed.record([
      await useOf(store, anna, 3000, '192.0.2.3'),
      await useOf(store, anna, 5000, '2001:db8::5'),
      await useOf(store, anna, 4000, '192.0.2.4'),
      await useOf(store, boris, 2000, '192.0.2.2'),
    ])
    await store.lastUsed.record([
      await useOf(store, anna, 4500, '192.0.2.9'),
      await useOf(store, boris, 6000, '192.0.2.6'),
    ])
    await store.lastUsed.record([])
    t.strictSame(await lastUses(store), [
      [anna, 5000, '2001:db8::5'],
      [boris, 6000, '192.0.2.6'],
    ])
  })

  await t.test('for each account it is kept who used it last, and when, the newest first', async t => {
    const store = await openFresh(t, make)
    const registry = store.registry(silently)
    await registry.setCredential(actor, msa, { username: anna, hash: hashOf('one') })
    await registry.setCredential(actor, msa, { username: boris, hash: hashOf('one') })
    t.strictSame(await registry.usesOf(fabrikam), [])

    const annas = await useOf(store, anna, 3000, '192.0.2.3')
    await store.lastUsed.record([
      { ...annas, at: 2000 },
      annas,
      { ...annas, account: contoso, at: 9000, from: '192.0.2.9' },
      await useOf(store, boris, 5000, '192.0.2.5'),
    ])
    await store.lastUsed.record([{ ...annas, at: 1000, from: '192.0.2.1' }])
    const [boriss, annass] = [
      { scope: msa, username: boris, at: 5000, from: '192.0.2.5' },
      { scope: msa, username: anna, at: 3000, from: '192.0.2.3' },
    ]
    t.strictSame(await registry.usesOf(fabrikam), [boriss, annass])
    t.strictSame(await registry.usesOf(contoso), [{ ...annass, at: 9000, from: '192.0.2.9' }])

    await store.lastUsed.record([{ ...annas, at: 6000, from: '192.0.2.6' }])
    t.strictSame(await registry.usesOf(fabrikam), [{ ...annass, at: 6000, from: '192.0.2.6' }, boriss])
  })

  await t.test(
    'a use is no change: no revision, nothing in the log, and a new password keeps it',
    async t => {
      const store = await openFresh(t, make)
      const registry = store.registry(silently)
      await registry.setCredential(actor, msa, { username: anna, hash: hashOf('one') })
      await store.lastUsed.record([await useOf(store, anna, 3000)])
      t.equal(await store.changes.revision(), revision(1))
      t.equal((await store.changes.since(revision(0))).length, 1)
      await registry.setCredential(actor, msa, {
        username: anna,
        secondary: shortAnna,
        hash: hashOf('two'),
      })
      await registry.switchCredential(actor, msa, anna, false)
      t.strictSame(await lastUses(store), [[anna, 3000, '192.0.2.7']])
    },
  )

  await t.test('a use of what is not there is nothing', async t => {
    const store = await openFresh(t, make)
    await store.registry(silently).setCredential(actor, msa, { username: anna, hash: hashOf('one') })
    const use = await useOf(store, anna, 3000, '192.0.2.7', inNorth)
    await store.lastUsed.record([use, { ...use, scope: msa, subject: 'nobody' as typeof use.subject }])
    t.strictSame(await lastUses(store), [[anna, undefined, undefined]])
    t.strictSame(await store.registry(silently).usesOf(fabrikam), [])
  })

  await t.test('processes that write a thousand uses at once, during an import, do not block', async t => {
    const database = await make(t)
    const stores = [await open(t, database), await open(t, database), await open(t, database)]
    const [store] = stores
    if (store === undefined) return
    const credentials = manyCredentials(1200) // three batches
    const registry = store.registry(silently)
    await registry.importCredentials(actor, msa, credentials, () => {})
    // A few at a time: the last of thousands would wait longer for a connection than the store lets it.
    const uses: Use[] = []
    for (let at = 0; at < credentials.length; at += 5) {
      const few = credentials.slice(at, at + 5)
      uses.push(
        ...(await Promise.all(few.map(({ username }, each) => useOf(store, username, at + each + 1)))),
      )
    }
    const answers = await Promise.all([
      stores[1]?.lastUsed.record(uses),
      stores[2]?.lastUsed.record(uses.toReversed()),
      registry.importCredentials(actor, msa, credentials.toReversed(), () => {}),
    ])
    t.strictSame(answers, [undefined, undefined, undefined])
    const used = await registry.credentials(msa)
    t.equal(used.filter(({ lastUsed }) => lastUsed !== undefined).length, 1200)
    t.equal((await registry.usesOf(fabrikam)).length, 1200)
  })
}
