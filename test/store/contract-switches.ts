import type { Test } from 'tap'
import type { Change } from '../../src/gateway/history.ts'
import type { Scope, Username } from '../../src/gateway/names.ts'
import { openStore } from '../../src/store/store.ts'
import { type MakeDatabase, open, openFresh } from './contract.ts'
import {
  actor,
  anna,
  annaOwner,
  boris,
  borisOwner,
  hashOf,
  inNorth,
  inSouth,
  msa,
  north,
  shortAnna,
  south,
} from './samples.ts'

async function aStore(t: Test, make: MakeDatabase) {
  const store = await openFresh(t, make)
  const announced: Change[] = []
  const registry = store.registry(async change => void announced.push(change))
  await registry.addDirectory(actor, north)
  await registry.addDirectory(actor, south)
  await registry.setCredential(actor, msa, {
    username: anna,
    secondary: shortAnna,
    owner: annaOwner,
    hash: hashOf('anna'),
  })
  announced.length = 0
  const state = async (scope: Scope = msa, username: Username = anna) => {
    const { enabled, disabledBy } =
      (await registry.credentials(scope)).find(each => each.username === username) ?? {}
    const { current } = await store.credentials.find(scope, undefined, username)
    t.equal(current?.enabled, enabled, 'shown as it counts')
    return enabled ? 'on' : disabledBy?.join(' ')
  }
  return { store, registry, announced, state }
}

/** Takes the tables back to what they were before migration 0011, with every credential off. */
const beforeBlocks = [
  'alter table credentials drop column blocked',
  'alter table credentials drop column off_by',
  'alter table directories drop column removed_at',
  'alter table changes drop column accounts',
  'drop table blocked_people',
  `delete from migrations where name = '0011-blocks'`,
  'update credentials set enabled = 0',
]

export async function switchesContract(t: Test, make: MakeDatabase): Promise<void> {
  await t.test('an operator’s block and a user’s own switch are two', async t => {
    const { registry, state } = await aStore(t, make)
    const turn = (on: boolean, by?: 'operator' | 'operator-overriding' | 'owner') =>
      registry.switchCredential(actor, msa, anna, on, by)
    t.equal(await state(), 'on')
    t.equal(await turn(false), undefined)
    t.equal(await state(), 'operator')
    t.match(await turn(true, 'owner'), { problem: 'blocked', username: anna, scope: msa })
    await registry.setCredential('page:x', msa, { username: anna, owner: annaOwner, hash: hashOf('new') })
    t.equal(await state(), 'operator', 'a new password does not end it')
    t.equal(await turn(true), undefined)
    t.equal(await state(), 'on')

    t.equal(await turn(false, 'owner'), undefined)
    t.equal(await state(), 'owner')
    t.match(await turn(true), { problem: 'off-by-owner', username: anna, scope: msa })
    t.equal(await turn(false), undefined)
    t.equal(await state(), 'operator owner')
    t.equal(await turn(true), undefined)
    t.equal(await state(), 'owner', 'the user’s own switch stays theirs')
    t.equal(await turn(true, 'owner'), undefined)
    t.equal(await state(), 'on')
    await turn(false, 'owner')
    await turn(false)
    t.equal(await turn(true, 'operator-overriding'), undefined)
    t.equal(await state(), 'on')
  })

  await t.test('what liveness has switched off, operators and users may switch on', async t => {
    const { registry, store, state } = await aStore(t, make)
    const whose = { scope: msa, owner: annaOwner }
    const give = () =>
      registry.giveGrant(actor, { ...whose, issuer: 'i', clientId: 'c', refreshToken: 'sealed' })
    for (const by of ['operator', 'owner'] as const) {
      await give()
      const { grant } = await store.grants.of(msa, annaOwner)
      await registry.refuseGrant('liveness', grant ?? { ...whose, version: 0 })
      t.equal(await state(), 'liveness')
      t.equal(await registry.switchCredential(actor, msa, anna, true, by), undefined)
      t.equal(await state(), 'on')
    }
  })

  await t.test('what was off before it was recorded by whom, both may switch on', async t => {
    const database = await make(t)
    for (const by of ['operator', 'owner'] as const) {
      const before = await openStore({ url: database.url })
      const credential = { username: anna, owner: annaOwner, hash: hashOf('a') }
      await before.registry(async () => {}).setCredential(actor, msa, credential)
      await before.close()
      for (const statement of beforeBlocks) await database.execute(statement)

      const store = await open(t, database)
      const registry = store.registry(async () => {})
      t.match(await registry.credentials(msa), [{ enabled: false, disabledBy: ['unknown'] }])
      t.equal(await registry.switchCredential(actor, msa, anna, true, by), undefined)
      t.match(await registry.credentials(msa), [{ enabled: true }])
    }
  })

  await t.test('a person is blocked in all scopes, with what is made later, and unblocked', async t => {
    const { registry, announced, state } = await aStore(t, make)
    await registry.setCredential(actor, inNorth, { username: anna, hash: hashOf('n') })
    await registry.setCredential(actor, inSouth, { username: boris, owner: borisOwner, hash: hashOf('s') })
    await registry.link(actor, { scope: msa, owner: annaOwner }, { scope: inSouth, owner: borisOwner })
    await registry.switchCredential(actor, inNorth, anna, false, 'owner')
    t.strictSame(
      new Set((await registry.person(shortAnna)).map(each => `${each.username} ${each.scope}`)),
      new Set([`${anna} ${msa}`, `${boris} ${inSouth}`]),
      'by the secondary name, and by the link',
    )
    announced.length = 0
    const done: Scope[] = []
    t.equal(await registry.blockPerson(actor, anna, true, scope => done.push(scope)), undefined)
    t.strictSame(new Set(done), new Set([msa, inNorth, inSouth]))
    t.ok(announced.every(({ action }) => action === 'person-blocked'))
    t.match(
      announced.find(({ scope }) => scope === msa),
      { usernames: [anna, shortAnna, boris] },
    )
    t.equal(await state(msa), 'operator')
    t.equal(await state(inNorth), 'operator owner')
    t.equal(await state(inSouth, boris), 'operator')
    t.strictSame(await registry.blockedNames(), [anna, boris])

    await registry.setCredential('page:x', inSouth, { username: anna, hash: hashOf('later') })
    t.equal(await state(inSouth, anna), 'operator', 'a credential that is made later')
    await registry.importCredentials(actor, inNorth, [{ username: boris, hash: hashOf('b') }], () => {})
    t.equal(await state(inNorth, boris), 'operator', 'an imported one')

    t.equal(await registry.blockPerson(actor, anna, false, () => {}), undefined)
    t.equal(await state(msa), 'on')
    t.equal(await state(inNorth), 'owner', 'the user’s own switch')
    t.equal(await state(inSouth, boris), 'on')
    t.equal(await state(inSouth, anna), 'on')
    t.strictSame(await registry.blockedNames(), [])
  })

  await t.test('a person without a credential is blocked by their address', async t => {
    const { registry, announced, state } = await aStore(t, make)
    t.match(await registry.blockPerson(actor, 'carla' as Username, true, () => {}), {
      problem: 'no-such-person',
    })
    t.match(await registry.blockPerson(actor, boris, false, () => {}), { problem: 'no-such-person' })
    t.equal(await registry.blockPerson(actor, boris, true, () => {}), undefined)
    t.match(announced, [{ action: 'person-blocked', usernames: [boris] }])
    await registry.setCredential('page:x', msa, { username: boris, owner: borisOwner, hash: hashOf('b') })
    t.equal(await state(msa, boris), 'operator')
    t.equal(await registry.switchCredential(actor, msa, boris, true), undefined)
    t.equal(await registry.blockPerson(actor, boris, false, () => {}), undefined)
  })
}
