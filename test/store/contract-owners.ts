import type { Test } from 'tap'
import type { Registry } from '../../src/gateway/registry.ts'
import { type MakeDatabase, open, openFresh } from './contract.ts'
import {
  actor,
  anna,
  annaOwner,
  annie,
  boris,
  borisOwner,
  hashOf,
  inNorth,
  msa,
  north,
  revision,
  shortAnna,
  silently,
} from './samples.ts'

const one = hashOf('one')
const two = hashOf('two')
const annas = { username: anna, secondary: shortAnna, hash: one, owner: annaOwner }
const taken = (username: string) => ({ problem: 'username-taken', username, scope: msa })

export async function ownersContract(t: Test, make: MakeDatabase): Promise<void> {
  await t.test('people find their own credential, in each scope another one', async t => {
    const registry = (await openFresh(t, make, () => 1000)).registry(silently)
    await registry.addDirectory(actor, north)
    t.equal(await registry.ownCredential(msa, annaOwner), undefined)
    t.equal(await registry.setCredential('page:anna', msa, annas), undefined)
    t.equal(await registry.setCredential('page:anna', inNorth, { ...annas, hash: two }), undefined)
    t.equal(await registry.setCredential('page:boris', msa, { ...annas, ...borisNames }), undefined)
    for (const scope of [msa, inNorth]) {
      const own = {
        scope,
        username: anna,
        secondary: shortAnna,
        enabled: true,
        algorithm: 'argon2id',
        setAt: 1000,
        confirmedAt: 1000,
        owner: annaOwner,
      }
      t.strictSame(await registry.ownCredential(scope, annaOwner), own)
    }
    t.match(await registry.ownCredential(msa, borisOwner), { username: boris })
    t.equal(await registry.ownerOf(msa, boris), borisOwner)
    t.equal(await registry.ownerOf(inNorth, annie), undefined)
    t.equal(await registry.ownCredential(inNorth, borisOwner), undefined)
  })

  await t.test(
    'an owner who sets the credential again may change its name, and keeps the subject',
    async t => {
      const store = await openFresh(t, make)
      const registry = store.registry(silently)
      await registry.setCredential('page:anna', msa, annas)
      await registry.switchCredential('page:anna', msa, anna, false)
      const before = await store.credentials.find(msa, undefined, anna)
      const renamed = { username: annie, hash: two, owner: annaOwner }
      t.equal(await registry.setCredential('page:anna', msa, renamed), undefined)

      for (const name of [anna, shortAnna])
        t.equal((await store.credentials.find(msa, undefined, name)).current, undefined)
      const { current } = await store.credentials.find(msa, undefined, annie)
      t.strictSame(current, {
        username: annie,
        subject: before.current?.subject,
        hash: two,
        enabled: false,
      })
      const [change] = await store.changes.since(revision(2))
      t.strictSame(
        new Set(typeof change === 'object' ? change.usernames : []),
        new Set([anna, shortAnna, annie]),
        'every name that it has or had is told',
      )
      t.equal(await registry.setCredential('page:boris', msa, { ...annas, owner: borisOwner }), undefined)
    },
  )

  await t.test('a name of another credential cannot be taken', async t => {
    const store = await openFresh(t, make)
    const registry = store.registry(silently)
    await registry.setCredential('page:anna', msa, annas)
    const set = (credential: Parameters<typeof registry.setCredential>[2]) =>
      registry.setCredential('page:boris', msa, credential)
    const boriss = { username: boris, hash: two, owner: borisOwner }
    for (const _ of ['without one of his own', 'with one of his own']) {
      t.strictSame(await set({ ...boriss, username: anna }), taken(anna))
      t.strictSame(await set({ ...boriss, username: shortAnna }), taken(shortAnna))
      t.strictSame(await set({ ...boriss, secondary: shortAnna }), taken(shortAnna))
      t.strictSame(await set({ ...boriss, secondary: boris }), taken(boris))
      t.equal(await set(boriss), undefined)
    }
    await registry.setCredential(actor, msa, { username: annie, hash: one })
    t.strictSame(await set({ ...boriss, username: annie }), taken(annie), 'he has one: nothing to claim')
    t.equal((await store.credentials.find(msa, undefined, anna)).current?.hash, one)
  })

  await t.test('a credential that an operator made must be claimed before its owner changes it', async t => {
    const store = await openFresh(t, make)
    const registry = store.registry(silently)
    await registry.setCredential(actor, msa, { username: anna, secondary: shortAnna, hash: one })
    const unclaimed = { problem: 'unclaimed', username: anna, scope: msa }
    t.strictSame(await registry.setCredential('page:anna', msa, { ...annas, hash: two }), unclaimed)
    t.strictSame(
      await registry.setCredential('page:anna', msa, { ...annas, username: annie, hash: two }),
      taken(shortAnna),
      'a secondary name is no reason to claim',
    )
    t.equal((await store.credentials.find(msa, undefined, anna)).current?.hash, one)

    t.equal(await registry.claimCredential('page:anna', msa, shortAnna, annaOwner), undefined)
    t.match(await registry.ownCredential(msa, annaOwner), { username: anna, secondary: shortAnna })
    t.match(await store.changes.since(revision(1)), [
      { actor: 'page:anna', action: 'credential-claimed', scope: msa, usernames: [anna, shortAnna] },
    ])
    t.equal(await registry.setCredential('page:anna', msa, { ...annas, hash: two }), undefined)
    t.equal((await store.credentials.find(msa, undefined, anna)).current?.hash, two)
  })

  await t.test('a credential is claimed once, and not by an owner who has one', async t => {
    const store = await openFresh(t, make)
    const registry = store.registry(silently)
    await registry.setCredential('page:anna', msa, annas)
    await registry.setCredential(actor, msa, { username: boris, hash: one })
    const claim = (username: typeof boris, owner: typeof annaOwner) =>
      registry.claimCredential('page:x', msa, username, owner)
    t.strictSame(await claim(annie, borisOwner), {
      problem: 'no-such-credential',
      username: annie,
      scope: msa,
    })
    t.strictSame(await claim(boris, annaOwner), taken(boris))
    t.strictSame(await claim(anna, borisOwner), taken(anna))
    t.equal(await claim(boris, borisOwner), undefined)
    t.strictSame(await claim(boris, borisOwner), taken(boris))
    t.equal(await store.changes.revision(), revision(3))
  })

  await t.test('of two people who claim one credential at once, exactly one gets it', async t => {
    const database = await make(t)
    const registries = [await open(t, database), await open(t, database)].map(each => each.registry(silently))
    const [first] = registries
    await first?.setCredential(actor, msa, { username: anna, hash: one })
    const owners = [annaOwner, borisOwner]
    const answers = await Promise.all(
      registries.map((registry, at) =>
        registry.claimCredential('page:x', msa, anna, owners[at] ?? annaOwner),
      ),
    )
    t.strictSame(
      answers.filter(answer => answer !== undefined),
      [taken(anna)],
    )
    const [mine] = await (first?.credentials(msa) ?? [])
    t.equal(mine?.owner, owners[answers.indexOf(undefined)])
  })

  await t.test('what an operator sets anew or imports stays its owner’s', async t => {
    const registry = (await openFresh(t, make)).registry(silently)
    await registry.setCredential('page:anna', msa, annas)
    await registry.setCredential(actor, msa, { username: anna, hash: two })
    t.match(await registry.ownCredential(msa, annaOwner), { username: anna, owner: annaOwner })
    await registry.importCredentials(actor, msa, [{ username: anna, hash: one }], () => {})
    t.match(await registry.ownCredential(msa, annaOwner), { username: anna, owner: annaOwner })
  })

  await t.test('what a command sets anew has to be claimed again, by its owner alone', async t => {
    const ways: readonly (readonly [string, (registry: Registry) => Promise<unknown>])[] = [
      ['set', registry => registry.setCredential(actor, msa, { username: anna, hash: two })],
      [
        'import',
        registry => registry.importCredentials(actor, msa, [{ username: anna, hash: two }], () => {}),
      ],
    ]
    for (const [what, sets] of ways) {
      const registry = (await openFresh(t, make)).registry(silently)
      const unproved = async () => (await registry.ownCredential(msa, annaOwner))?.unproved
      await registry.setCredential('page:anna', msa, annas)
      t.equal(await unproved(), undefined)
      await sets(registry)
      t.equal(await unproved(), true, what)
      await registry.setCredential(actor, msa, { username: anna, hash: two, samePerson: true })
      t.equal(await unproved(), true, 'it proves nothing about the one before')
      t.match(await registry.claimCredential('page:boris', msa, anna, borisOwner), {
        problem: 'username-taken',
      })
      t.equal(await registry.claimCredential('page:anna', msa, anna, annaOwner), undefined)
      t.equal(await unproved(), undefined)
      t.match(
        await registry.claimCredential('page:anna', msa, anna, annaOwner),
        { problem: 'username-taken' },
        'once',
      )
      await registry.setCredential(actor, msa, { username: anna, hash: one, samePerson: true })
      t.equal(await unproved(), undefined, 'the operator knows that it is the same person')
      await sets(registry)
      await registry.setCredential('page:anna', msa, annas)
      t.equal(await unproved(), undefined, 'the owner has chosen another one')
    }
  })
}

const borisNames = { username: boris, secondary: annie, owner: borisOwner }
