import type { Test } from 'tap'
import type { Change } from '../../src/gateway/history.ts'
import type { Owner, Scope, Username } from '../../src/gateway/names.ts'
import { type MakeDatabase, openFresh } from './contract.ts'
import {
  actor,
  anna,
  annaOwner,
  annie,
  boris,
  borisOwner,
  hashOf,
  inNorth,
  inSouth,
  msa,
  north,
  shortAnna,
  silently,
  south,
} from './samples.ts'

const annaInNorth = 'eeeeeeee-0000-4000-8000-00000000000a' as Owner
const borisInNorth = 'eeeeeeee-0000-4000-8000-00000000000b' as Owner

/** Anna and Boris have credentials of Microsoft accounts; Anna is linked to herself in North. */
async function aStore(t: Test, make: MakeDatabase) {
  const store = await openFresh(t, make)
  const announced: Change[] = []
  const registry = store.registry(async change => void announced.push(change))
  await registry.addDirectory(actor, north)
  await registry.addDirectory(actor, south)
  const set = (scope: Scope, username: Username, owner: Owner) =>
    registry.setCredential(actor, scope, { username, owner, hash: hashOf(username) })
  await registry.setCredential(actor, msa, {
    username: anna,
    secondary: shortAnna,
    owner: annaOwner,
    hash: hashOf('anna'),
  })
  await set(msa, boris, borisOwner)
  const link = (owner: Owner, other: Owner) =>
    registry.link(actor, { scope: msa, owner }, { scope: inNorth, owner: other })
  await link(annaOwner, annaInNorth)
  const isLinked = async (username: Username, scope = inNorth, former = msa) =>
    (await store.credentials.find(scope, former, username)).linked === true
  return { registry, announced, set, link, isLinked }
}

export async function linksContract(t: Test, make: MakeDatabase): Promise<void> {
  await t.test(
    'a look-up says whether the holder of the former credential is linked to the scope',
    async t => {
      const { registry, isLinked } = await aStore(t, make)
      t.equal(await isLinked(anna), true)
      t.equal(await isLinked(shortAnna), true)
      t.equal(await isLinked(boris), false)
      t.equal(await isLinked(anna, inSouth), false, 'a link to North is none to South')
      t.strictSame(await registry.links(msa, inNorth), new Map([[annaOwner, annaInNorth]]))
      t.strictSame(await registry.links(inNorth, msa), new Map([[annaInNorth, annaOwner]]))
      t.strictSame(await registry.links(msa, inSouth), new Map())
      t.equal(await registry.linkedTo({ scope: msa, owner: annaOwner }, inNorth), annaInNorth)
      t.equal(await registry.linkedTo({ scope: msa, owner: annaOwner }, inSouth), undefined)
    },
  )

  await t.test('a credential without an owner is not linked', async t => {
    const { registry, isLinked } = await aStore(t, make)
    await registry.setCredential(actor, msa, { username: annie, hash: hashOf('annie') })
    t.equal(await isLinked(annie), false)
  })

  await t.test('an owner whose credential is switched off in the scope is not bridged into it', async t => {
    const { registry, announced, set, isLinked } = await aStore(t, make)
    await set(inNorth, annie, annaInNorth)
    t.equal(await isLinked(anna), true)
    await registry.switchCredential(actor, inNorth, annie, false)
    t.equal(await isLinked(anna), false)
    t.match(
      announced.at(-1),
      { scope: inNorth, usernames: [annie, anna, shortAnna] },
      'what was found about the linked names there is dropped, too',
    )
    await registry.switchCredential(actor, inNorth, annie, true)
    t.equal(await isLinked(anna), true)
  })

  await t.test('each has one other self in a scope: a new link takes the place of the old ones', async t => {
    const { registry, announced, link, isLinked } = await aStore(t, make)
    await link(borisOwner, borisInNorth)
    t.strictSame([await isLinked(anna), await isLinked(boris)], [true, true])
    await link(borisOwner, annaInNorth)
    t.strictSame([await isLinked(anna), await isLinked(boris)], [false, true])
    t.strictSame(await registry.links(inNorth, msa), new Map([[annaInNorth, borisOwner]]))
    const dropped = announced.at(-1)?.usernames
    t.strictSame(new Set(dropped), new Set([anna, shortAnna, boris]), 'also of the previous link')
  })

  await t.test('a link drops what was found about both, whichever way an account moves', async t => {
    const { announced, set, link } = await aStore(t, make)
    await set(inNorth, annie, annaInNorth)
    await link(annaOwner, annaInNorth)
    const last = announced.at(-1)
    t.match(last, { action: 'identities-linked', scope: msa })
    t.strictSame(new Set(last?.usernames), new Set([annie, anna, shortAnna]))
  })

  await t.test('a link of owners without credentials is kept for later', async t => {
    const store = await openFresh(t, make)
    const registry = store.registry(silently)
    t.equal(
      await registry.link(actor, { scope: inNorth, owner: annaInNorth }, { scope: msa, owner: annaOwner }),
      undefined,
    )
    await registry.setCredential(actor, msa, { username: anna, owner: annaOwner, hash: hashOf('anna') })
    t.equal((await store.credentials.find(inNorth, msa, anna)).linked, true)
  })
}
