import type { Test } from 'tap'
import { createGeneratedPasswords, type Generated } from '../../src/gateway/generated-password.ts'
import { foldUsername, type Subject, type Username } from '../../src/gateway/names.ts'
import { noPassword } from '../../src/gateway/ports.ts'
import { mostPasswords, type NewPassword } from '../../src/gateway/registry.ts'
import type { Store } from '../../src/store/store.ts'
import { type MakeDatabase, open, openFresh } from './contract.ts'
import { actor, anna, annaOwner, borisOwner, fabrikam, hashOf, msa, shortAnna, silently } from './samples.ts'

const generated = createGeneratedPasswords(Buffer.alloc(32, 1))
const day = 24 * 60 * 60 * 1000
const start = Date.UTC(2027, 0, 1)

/** A password to add, and what was made. */
function named(name: string, rest: Partial<NewPassword> = {}): NewPassword & { readonly made: Generated } {
  const made = generated.make()
  return { id: made.id, mac: made.mac, name, readOnly: false, endsAt: start + 30 * day, ...rest, made }
}

async function found(store: Store, { id }: Pick<Generated, 'id'>, name: Username = anna) {
  return (await store.credentials.find(msa, undefined, name, id)).current
}

export async function passwordsContract(t: Test, make: MakeDatabase): Promise<void> {
  await t.test('a set holds several passwords, each found by its own id', async t => {
    const store = await openFresh(t, make, () => start)
    const registry = store.registry(silently)
    await registry.setCredential(actor, msa, { username: anna, secondary: shortAnna, hash: hashOf('chosen') })
    const [build, mirror] = [named('build'), named('mirror', { readOnly: true })]
    for (const each of [build, mirror])
      t.equal(await registry.addPassword(actor, msa, { username: shortAnna }, each), undefined)

    t.match(await found(store, build), {
      hash: hashOf('chosen'),
      generated: { id: build.id, mac: build.mac, name: 'build' },
    })
    t.match(await found(store, mirror, shortAnna), {
      generated: { name: 'mirror', readOnly: true, endsAt: start + 30 * day },
    })
    t.equal((await found(store, generated.make()))?.generated, undefined)
    t.equal((await store.credentials.find(msa, undefined, anna)).current?.generated, undefined)
    t.strictSame(
      (await registry.passwords(msa, shortAnna))
        .map(({ name }) => name)
        .toSorted((one = '', other = '') => one.localeCompare(other)),
      ['build', 'mirror'],
    )
    t.notMatch(JSON.stringify(await registry.passwords(msa, anna)), new RegExp(build.mac.slice(2, 20)))
  })

  await t.test('a set without a chosen password is made with its first one', async t => {
    const store = await openFresh(t, make, () => start)
    const registry = store.registry(silently)
    const build = named('build')
    t.equal(await registry.addPassword(actor, msa, { username: anna, owner: annaOwner }, build), undefined)
    t.match(await found(store, build), { hash: noPassword, enabled: true, generated: { name: 'build' } })
    t.match(await registry.ownCredential(msa, annaOwner), { username: anna, algorithm: 'generated' })
    t.match(await registry.addPassword(actor, msa, { username: anna, owner: borisOwner }, named('x')), {
      problem: 'username-taken',
    })
    const renamed = foldUsername('anna.new@example.com')
    t.equal(
      await registry.addPassword(actor, msa, { username: renamed, owner: annaOwner }, named('x')),
      undefined,
    )
    t.match(
      await found(store, build, renamed),
      { generated: { name: 'build' } },
      'a new name keeps the passwords',
    )
    t.equal(await found(store, build), undefined)
  })

  await t.test('a password is replaced at once, or goes on for a while; of one name one goes on', async t => {
    let now = start
    const store = await openFresh(t, make, () => now)
    const registry = store.registry(silently)
    await registry.setCredential(actor, msa, { username: anna, hash: hashOf('chosen') })
    const [first, second, third] = [named('build'), named('build'), named('build')]
    const add = (each: NewPassword, graceMs?: number) =>
      registry.addPassword(
        actor,
        msa,
        { username: anna },
        {
          ...each,
          ...(graceMs !== undefined && { replacing: { graceMs } }),
        },
      )
    await add(first)
    t.match(await add(second), { problem: 'password-name-taken', name: 'build' })
    now += 1000
    t.equal(await add(second, 7_200_000), undefined)
    t.match((await found(store, first))?.generated, { replacedAt: now, endsAt: now + 7_200_000 })
    now += 3_600_000
    t.equal(await add(third, 7_200_000), undefined)
    t.match((await found(store, first))?.generated, { replacedAt: now, endsAt: now })
    t.match((await found(store, second))?.generated, { replacedAt: now, endsAt: now + 7_200_000 })
    t.match(await registry.passwords(msa, anna), [
      { id: third.id },
      { id: second.id, replacedAt: now },
      { id: first.id, over: { cause: 'replaced', at: now } },
    ])
    now += 91 * day
    await add(named('other'))
    t.strictSame(
      (await registry.passwords(msa, anna)).map(({ name }) => name),
      ['other', 'build'],
      'old ones are pruned',
    )
  })

  await t.test('a set has a limit, which counts what works and was not replaced', async t => {
    const store = await openFresh(t, make, () => start)
    const registry = store.registry(silently)
    await registry.setCredential(actor, msa, { username: anna, hash: hashOf('chosen') })
    for (let count = 0; count < mostPasswords; count += 1)
      t.equal(await registry.addPassword(actor, msa, { username: anna }, named(`build-${count}`)), undefined)
    t.match(await registry.addPassword(actor, msa, { username: anna }, named('one more')), {
      problem: 'too-many-passwords',
    })
    const again = { ...named('build-3'), replacing: { graceMs: 0 } }
    t.equal(await registry.addPassword(actor, msa, { username: anna }, again), undefined)
    t.equal(await registry.revokePasswords(actor, msa, anna, { name: 'build-4' }), undefined)
    t.equal(await registry.addPassword(actor, msa, { username: anna }, named('one more')), undefined)
  })

  await t.test('of two gateways that add at once, one gets the last place, or the name', async t => {
    const database = await make(t)
    const stores = [await open(t, database, () => start), await open(t, database, () => start)]
    const registries = stores.map(store => store.registry(silently))
    const add = (name: string) =>
      Promise.all(registries.map(each => each.addPassword(actor, msa, { username: anna }, named(name))))
    const sorted = (outcomes: Awaited<ReturnType<typeof add>>) =>
      outcomes.map(each => each?.problem ?? 'made').toSorted((one, other) => one.localeCompare(other))
    t.strictSame(sorted(await add('build')), ['made', 'password-name-taken'])
    for (let count = 2; count < mostPasswords; count += 1)
      await registries[0]?.addPassword(actor, msa, { username: anna }, named(`build-${count}`))
    const last = await Promise.all(
      registries.map((each, at) => each.addPassword(actor, msa, { username: anna }, named(`last ${at}`))),
    )
    t.strictSame(sorted(last), ['made', 'too-many-passwords'])
  })

  await t.test('passwords are revoked one by one or all at once; the main one stays', async t => {
    const store = await openFresh(t, make, () => start)
    const registry = store.registry(silently)
    const { password: _, ...main } = generated.make()
    await registry.setCredential(actor, msa, { username: anna, hash: noPassword, generated: main })
    const [build, mirror, laptop] = [named('build'), named('mirror'), named('laptop')]
    for (const each of [build, mirror, laptop])
      await registry.addPassword(actor, msa, { username: anna }, each)
    t.match(await registry.revokePasswords(actor, msa, anna, { name: 'none' }), {
      problem: 'no-such-password',
    })
    t.match(await registry.revokePasswords(actor, msa, foldUsername('nobody@example.com'), 'all'), {
      problem: 'no-such-credential',
    })
    t.equal(await registry.revokePasswords(actor, msa, anna, { id: mirror.id }), undefined)
    t.match((await found(store, mirror))?.generated, { revokedAt: start })
    t.notMatch((await found(store, build))?.generated, { revokedAt: start })
    t.equal(await registry.revokePasswords(actor, msa, anna, 'all'), undefined)
    for (const each of [build, laptop]) t.match((await found(store, each))?.generated, { revokedAt: start })
    t.notMatch((await found(store, main))?.generated, { revokedAt: start })
    t.match(await registry.revokePasswords(actor, msa, anna, 'all'), { problem: 'no-such-password' })
  })

  await t.test('a new main password replaces the one before, and leaves the named ones alone', async t => {
    let now = start
    const store = await openFresh(t, make, () => now)
    const registry = store.registry(silently)
    const { password: _, ...main } = generated.make()
    const build = named('build')
    await registry.setCredential(actor, msa, { username: anna, hash: noPassword, generated: main })
    await registry.addPassword(actor, msa, { username: anna }, build)
    now += day
    await registry.setCredential(actor, msa, { username: anna, hash: hashOf('chosen') })
    t.match(await found(store, main), { hash: hashOf('chosen'), generated: { replacedAt: now, endsAt: now } })
    t.equal((await found(store, build))?.generated?.replacedAt, undefined)
  })

  await t.test('a password that was a hash is turned, once', async t => {
    const store = await openFresh(t, make, () => start)
    const registry = store.registry(silently)
    const before = await store.changes.revision()
    await registry.setCredential(actor, msa, { username: anna, secondary: shortAnna, hash: hashOf('old') })
    const { password: _, ...old } = generated.make()
    const turn = () => store.credentials.turn(msa, shortAnna, hashOf('old'), old)
    await Promise.all([turn(), turn()])
    t.match(await found(store, old), { hash: noPassword, generated: { mac: old.mac } })
    t.equal(await store.changes.revision(), before + 1, 'this is no change')
    await registry.setCredential(actor, msa, { username: anna, hash: hashOf('new') })
    await turn()
    t.match(await found(store, old), { hash: hashOf('new') }, 'a reset meanwhile is left alone')
  })

  await t.test(
    'the last password of a credential helper is kept, so that it can be renewed late',
    async t => {
      let now = start
      const store = await openFresh(t, make, () => now)
      const registry = store.registry(silently)
      await registry.setCredential(actor, msa, { username: anna, hash: hashOf('chosen') })
      const [first, second] = [named('laptop', { client: 'helper' }), named('laptop', { client: 'helper' })]
      await registry.addPassword(actor, msa, { username: anna }, first)
      now += day
      await registry.addPassword(actor, msa, { username: anna }, { ...second, replacing: { graceMs: 0 } })
      now += 300 * day
      await registry.addPassword(actor, msa, { username: anna }, named('other', { endsAt: now + day }))
      const names = (all: readonly { readonly id: string }[]) => all.map(({ id }) => id)
      t.notOk(names(await registry.passwords(msa, anna)).includes(second.id), 'it is listed no more')
      const kept = names(await registry.passwords(msa, anna, 'all'))
      t.ok(kept.includes(second.id))
      t.notOk(kept.includes(first.id), 'a replaced one is pruned')
    },
  )

  await t.test('the last use of each password is kept, with the tool', async t => {
    const database = await make(t)
    const store = await open(t, database, () => start)
    const registry = store.registry(silently)
    await registry.setCredential(actor, msa, { username: anna, hash: hashOf('chosen') })
    const [build, mirror] = [named('build'), named('mirror')]
    for (const each of [build, mirror]) await registry.addPassword(actor, msa, { username: anna }, each)
    const subject = (await found(store, build))?.subject ?? ('' as Subject)
    const use = { account: fabrikam, scope: msa, subject, from: '192.0.2.1' }
    await store.lastUsed.record([
      { ...use, at: start + 2000, password: build.id, tool: 'git/2.47.1' },
      { ...use, at: start + 1000, password: build.id, tool: 'curl/8' },
      { ...use, at: start + 3000, password: mirror.id },
      { ...use, at: start + 4000 },
    ])
    const passwords = await registry.passwords(msa, anna)
    const of = (name: string) => passwords.find(each => each.name === name)?.lastUsed
    t.strictSame(of('build'), { at: start + 2000, from: '192.0.2.1', tool: 'git/2.47.1' })
    t.strictSame(of('mirror'), { at: start + 3000, from: '192.0.2.1' })
  })
}
