import type { Test } from 'tap'
import { type MakeDatabase, open, openFresh } from './contract.ts'
import {
  actor,
  anna,
  annie,
  boris,
  hashOf,
  inNorth,
  inSouth,
  msa,
  north,
  revision,
  shortAnna,
  silently,
} from './samples.ts'

const one = hashOf('one')
const two = hashOf('two')
const taken = (username: string, scope: string = msa) => ({ problem: 'username-taken', username, scope })

export async function credentialsContract(t: Test, make: MakeDatabase): Promise<void> {
  await t.test('a credential is found by either of its names, in its scope alone', async t => {
    const store = await openFresh(t, make)
    await store
      .registry(silently)
      .setCredential(actor, msa, { username: anna, secondary: shortAnna, hash: one })
    for (const name of [anna, shortAnna]) {
      const { current, former, asOf } = await store.credentials.find(msa, undefined, name)
      t.match(current, { username: anna, secondary: shortAnna, hash: one, enabled: true })
      t.match(current?.subject, /^[\da-f]{8}-[\da-f-]{27}$/)
      t.equal(former, undefined)
      t.equal(asOf, revision(1))
    }
    const elsewhere = await store.credentials.find(inNorth, undefined, anna)
    t.strictSame(elsewhere, { asOf: revision(1), current: undefined, former: undefined })
    const unknown = await store.credentials.find(msa, inNorth, boris)
    t.strictSame(unknown, { asOf: revision(1), current: undefined, former: undefined })
  })

  await t.test('one person may have another password in each scope, under the same names', async t => {
    const store = await openFresh(t, make)
    const registry = store.registry(silently)
    await registry.addDirectory(actor, north)
    t.equal(
      await registry.setCredential(actor, msa, { username: anna, secondary: shortAnna, hash: one }),
      undefined,
    )
    t.equal(
      await registry.setCredential(actor, inNorth, { username: anna, secondary: shortAnna, hash: two }),
      undefined,
    )
    const { current, former } = await store.credentials.find(inNorth, msa, shortAnna)
    t.match(current, { username: anna, hash: two })
    t.match(former, { username: anna, hash: one })
    t.not(current?.subject, former?.subject)
    t.match(await store.credentials.find(inSouth, msa, anna), { current: undefined, former: { hash: one } })
  })

  await t.test('setting it again replaces password and secondary name, and nothing else', async t => {
    const store = await openFresh(t, make)
    const registry = store.registry(silently)
    await registry.setCredential(actor, msa, { username: anna, secondary: shortAnna, hash: one })
    await registry.switchCredential(actor, msa, anna, false)
    const before = await store.credentials.find(msa, undefined, anna)

    await registry.setCredential(actor, msa, { username: anna, secondary: annie, hash: two })
    const after = await store.credentials.find(msa, undefined, annie)
    t.strictSame(after.current, { ...before.current, secondary: annie, hash: two })
    t.equal((await store.credentials.find(msa, undefined, shortAnna)).current, undefined)

    await registry.setCredential(actor, msa, { username: anna, hash: two })
    t.notOk((await store.credentials.find(msa, undefined, anna)).current?.secondary)
    t.equal((await store.credentials.find(msa, undefined, annie)).current, undefined)
  })

  await t.test('a name that is given up is free for others', async t => {
    const registry = (await openFresh(t, make)).registry(silently)
    await registry.setCredential(actor, msa, { username: anna, secondary: shortAnna, hash: one })
    t.strictSame(
      await registry.setCredential(actor, msa, { username: boris, secondary: shortAnna, hash: one }),
      taken(shortAnna),
    )
    await registry.setCredential(actor, msa, { username: anna, hash: one })
    t.equal(
      await registry.setCredential(actor, msa, { username: boris, secondary: shortAnna, hash: one }),
      undefined,
    )
  })

  await t.test('primary and secondary names share one name space', async t => {
    const store = await openFresh(t, make)
    const registry = store.registry(silently)
    await registry.setCredential(actor, msa, { username: anna, secondary: shortAnna, hash: one })
    await registry.setCredential(actor, msa, { username: boris, hash: one })
    const set = (credential: Parameters<typeof registry.setCredential>[2]) =>
      registry.setCredential(actor, msa, credential)
    t.strictSame(await set({ username: boris, secondary: anna, hash: two }), taken(anna))
    t.strictSame(await set({ username: boris, secondary: shortAnna, hash: two }), taken(shortAnna))
    t.strictSame(await set({ username: shortAnna, hash: two }), taken(shortAnna))
    t.strictSame(await set({ username: annie, secondary: annie, hash: two }), taken(annie))
    t.equal((await store.credentials.find(msa, undefined, boris)).current?.hash, one)
    t.equal(await store.changes.revision(), revision(2))
  })

  await t.test('of two processes that give out one secondary name at once, exactly one does', async t => {
    const database = await make(t)
    const stores = [await open(t, database), await open(t, database)]
    const owners = [anna, boris]
    const answers = await Promise.all(
      stores.map((store, index) =>
        store
          .registry(silently)
          .setCredential(actor, msa, { username: owners[index] ?? anna, secondary: shortAnna, hash: one }),
      ),
    )
    t.equal(answers.filter(answer => answer === undefined).length, 1)
    t.strictSame(
      answers.find(answer => answer !== undefined),
      taken(shortAnna),
    )
    const winner = owners[answers.indexOf(undefined)]
    t.equal((await stores[0]?.credentials.find(msa, undefined, shortAnna))?.current?.username, winner)
  })

  await t.test('a credential is switched off and on by either of its names', async t => {
    const store = await openFresh(t, make)
    const registry = store.registry(silently)
    await registry.setCredential(actor, msa, { username: anna, secondary: shortAnna, hash: one })
    t.equal(await registry.switchCredential(actor, msa, shortAnna, false), undefined)
    t.equal((await store.credentials.find(msa, undefined, anna)).current?.enabled, false)
    t.equal(await registry.switchCredential(actor, msa, anna, true), undefined)
    t.equal((await store.credentials.find(msa, undefined, anna)).current?.enabled, true)
    t.strictSame(await registry.switchCredential(actor, msa, boris, false), {
      problem: 'no-such-credential',
      username: boris,
      scope: msa,
    })
  })

  await t.test('a credential for an unknown directory is refused', async t => {
    const registry = (await openFresh(t, make)).registry(silently)
    const noDirectory = { problem: 'no-such-directory', directoryId: north.id }
    t.strictSame(await registry.setCredential(actor, inNorth, { username: anna, hash: one }), noDirectory)
    t.strictSame(await registry.importCredentials(actor, inNorth, [], () => {}), noDirectory)
  })

  await t.test('a dearer hash takes the place of the one it was made from, and of no other', async t => {
    const store = await openFresh(t, make)
    await store
      .registry(silently)
      .setCredential(actor, msa, { username: anna, secondary: shortAnna, hash: one })
    const hash = async () => (await store.credentials.find(msa, undefined, anna)).current?.hash
    await store.credentials.upgrade(msa, shortAnna, one, two)
    t.equal(await hash(), two)
    await store.credentials.upgrade(msa, anna, one, hashOf('late'))
    await store.credentials.upgrade(inNorth, anna, two, hashOf('elsewhere'))
    t.equal(await hash(), two)
    t.equal(await store.changes.revision(), revision(1))
  })

  await t.test('a list of credentials shows everything but the hash', async t => {
    const store = await openFresh(t, make, () => 1000)
    const registry = store.registry(silently)
    const bcrypt = '$2b$10$abcdefghijklmnopqrstuv' as typeof one
    await registry.setCredential(actor, msa, { username: boris, hash: bcrypt })
    await registry.setCredential(actor, msa, { username: anna, secondary: shortAnna, hash: one })
    await registry.switchCredential(actor, msa, boris, false)
    const kept = { scope: msa, setAt: 1000, confirmedAt: 1000 }
    t.strictSame(await registry.credentials(msa), [
      { ...kept, username: anna, secondary: shortAnna, enabled: true, algorithm: 'argon2id' },
      { ...kept, username: boris, enabled: false, disabledBy: ['operator'], algorithm: 'bcrypt' },
    ])
    t.strictSame(await registry.credentials(inNorth), [])
  })
}
