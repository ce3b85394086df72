import type { Test } from 'tap'
import type { Grant, NewGrant } from '../../src/gateway/delegation.ts'
import type { Change } from '../../src/gateway/history.ts'
import type { Owner, Subject } from '../../src/gateway/names.ts'
import { Outage } from '../../src/gateway/outage.ts'
import { until } from '../support/until.ts'
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
  inSouth,
  msa,
  north,
  revision,
  shortAnna,
  silently,
} from './samples.ts'

const annaInNorth = 'eeeeeeee-0000-4000-8000-00000000000a' as Owner
const hour = 3_600_000

const given: NewGrant = {
  scope: inNorth,
  owner: annaInNorth,
  issuer: 'https://login.example.com/north',
  clientId: 'altgate',
  username: anna,
  refreshToken: 'k1.refresh-1',
  access: { token: 'k1.access-1', of: 'resource/.default', lifeMs: hour },
}

const fresh = {
  refreshToken: 'k1.refresh-2',
  access: { token: 'k1.access-2', of: 'resource/.default', lifeMs: hour },
}

/** Anna has a credential in North and one of Microsoft accounts, and both identities are hers. */
async function aStore(t: Test, make: MakeDatabase) {
  const store = await openFresh(t, make)
  const announced: Change[] = []
  const registry = store.registry(async change => void announced.push(change))
  await registry.addDirectory(actor, north)
  const set = (scope: typeof msa, username: typeof anna, owner?: Owner) =>
    registry.setCredential(actor, scope, {
      username,
      ...(username === anna && { secondary: shortAnna }),
      hash: hashOf(username),
      ...(owner && { owner }),
    })
  await set(inNorth, anna, annaInNorth)
  await set(msa, annie, annaOwner)
  await set(msa, boris, borisOwner)
  await registry.link(actor, { scope: msa, owner: annaOwner }, { scope: inNorth, owner: annaInNorth })
  const subjectOf = async (scope: typeof msa, username: typeof anna) =>
    (await store.credentials.find(scope, undefined, username)).current?.subject ?? ('' as Subject)
  const grant = async (): Promise<Grant> => {
    const found = await store.grants.of(inNorth, annaInNorth)
    if (found.grant === undefined) throw new Error('there is no grant')
    return found.grant
  }
  return { store, grants: store.grants, changes: store.changes, registry, announced, subjectOf, grant }
}

export async function grantsContract(t: Test, make: MakeDatabase): Promise<void> {
  await t.test('a grant is found by its owner, and by the credential of its owner', async t => {
    const { grants, registry, subjectOf } = await aStore(t, make)
    t.equal((await grants.of(inNorth, annaInNorth)).grant, undefined)
    await registry.giveGrant('page:anna', given)
    const found = await grants.of(inNorth, annaInNorth)
    const { access, ...rest } = given
    t.match(found.grant, {
      ...rest,
      version: 1,
      ended: undefined,
      access: { token: 'k1.access-1', of: access?.of },
    })
    const { grantedAt = 0, renewedAt = 0, access: kept } = found.grant ?? {}
    t.equal(renewedAt, grantedAt)
    t.equal((kept?.endsAt ?? 0) - grantedAt, hour)
    t.ok(found.now >= grantedAt && found.now - grantedAt < 60_000, 'by one clock')
    t.strictSame((await grants.ofSubject(inNorth, await subjectOf(inNorth, anna))).grant, found.grant)
  })

  await t.test('a credential of a former scope finds the grant of the linked owner', async t => {
    const { grants, registry, subjectOf } = await aStore(t, make)
    await registry.giveGrant(actor, given)
    const annies = await subjectOf(msa, annie)
    t.equal((await grants.ofSubject(inNorth, annies)).grant?.owner, annaInNorth)
    t.equal((await grants.ofSubject(msa, annies)).grant, undefined, 'she has none of Microsoft accounts')
    t.equal((await grants.ofSubject(inSouth, annies)).grant, undefined)
    t.equal((await grants.ofSubject(inNorth, await subjectOf(msa, boris))).grant, undefined)
    t.equal((await grants.ofSubject(inNorth, 'nobody' as Subject)).grant, undefined)
  })

  await t.test('a password that a command has set since finds no grant until it is claimed', async t => {
    const { grants, registry, subjectOf } = await aStore(t, make)
    await registry.giveGrant(actor, given)
    const [own, linked] = [await subjectOf(inNorth, anna), await subjectOf(msa, annie)]
    const found = async () => [
      (await grants.ofSubject(inNorth, own)).grant?.owner,
      (await grants.ofSubject(inNorth, linked)).grant?.owner,
    ]
    await registry.setCredential('cli:root', inNorth, { username: anna, hash: hashOf(annie) })
    t.strictSame(await found(), [undefined, annaInNorth])
    await registry.setCredential('cli:root', msa, { username: annie, hash: hashOf(anna) })
    t.strictSame(await found(), [undefined, undefined], 'nor by a link')
    t.equal((await grants.of(inNorth, annaInNorth)).grant?.ended, undefined, 'it is still the user’s')
    await registry.claimCredential('page:anna', inNorth, anna, annaInNorth)
    await registry.claimCredential('page:anna', msa, annie, annaOwner)
    t.strictSame(await found(), [annaInNorth, annaInNorth])
  })

  await t.test('a credential without an owner has no grant', async t => {
    const { grants, registry, subjectOf } = await aStore(t, make)
    await registry.giveGrant(actor, given)
    await registry.setCredential(actor, inNorth, { username: boris, hash: hashOf('boris') })
    t.equal((await grants.ofSubject(inNorth, await subjectOf(inNorth, boris))).grant, undefined)
  })

  await t.test('giving and ending are changes about everyone whom the grant lets act', async t => {
    const { grants, registry, announced, changes, grant } = await aStore(t, make)
    const before = await changes.revision()
    await registry.giveGrant('page:anna', given)
    const ended = await registry.endGrant('page:anna', given, 'disconnected')
    t.match(ended, { refreshToken: 'k1.refresh-1', access: { token: 'k1.access-1' } }, 'to be revoked')
    for (const [at, action] of ['grant-given', 'grant-ended'].entries()) {
      const change = announced.at(at - 2)
      t.match(change, { action, actor: 'page:anna', scope: inNorth })
      t.strictSame(new Set(change?.usernames), new Set([anna, shortAnna, annie]))
    }
    t.equal(await changes.revision(), before + 2)
    const left = await grant()
    t.match(left, { ended: { cause: 'disconnected' }, refreshToken: undefined, access: undefined })
    t.strictSame(await grants.count(), { active: 0, ended: 1 })
  })

  await t.test('a grant that has ended is not ended again, and a new sign-in takes its place', async t => {
    const { grants, registry, announced, grant } = await aStore(t, make)
    t.equal(await registry.endGrant(actor, given, 'signed-out'), undefined, 'there is none')
    await registry.giveGrant(actor, given)
    await registry.endGrant(actor, given, 'refused')
    const changes = announced.length
    t.equal(await registry.endGrant(actor, given, 'disconnected'), undefined)
    t.equal(announced.length, changes, 'no change')
    t.equal((await grant()).ended?.cause, 'refused')

    const { access: _, ...withoutAccess } = given
    await registry.giveGrant(actor, { ...withoutAccess, refreshToken: 'k1.refresh-9' })
    const anew = await grant()
    t.match(anew, { refreshToken: 'k1.refresh-9', ended: undefined, access: undefined })
    t.ok(anew.version > 2)
    t.strictSame(await grants.count(), { active: 1, ended: 0 })
  })

  await t.test('a grant is ended as of a version, unless it has changed since', async t => {
    const { grants, registry, grant } = await aStore(t, make)
    await registry.giveGrant(actor, given)
    const seen = await grant()
    t.equal(await grants.renewed(seen, fresh), true)
    t.equal(await registry.endGrant(actor, seen, 'refused'), undefined)
    t.equal((await grant()).refreshToken, 'k1.refresh-2')
    t.match(await registry.endGrant(actor, await grant(), 'refused'), { refreshToken: 'k1.refresh-2' })
  })

  await t.test('of many processes one gets the turn, and what it writes ends it', async t => {
    const database = await make(t)
    const stores = [await open(t, database), await open(t, database), await open(t, database)]
    const [one] = stores as [(typeof stores)[0]]
    await one.registry(silently).giveGrant(actor, given)
    const grant = async () => {
      const found = await one.grants.of(inNorth, annaInNorth)
      return found.grant as Grant
    }
    const seen = await grant()
    const turns = await Promise.all(stores.map(({ grants }) => grants.takeTurn(seen, 30_000)))
    t.strictSame(
      turns.filter(turn => turn !== undefined),
      [2],
    )
    t.equal(await one.grants.takeTurn(await grant(), 30_000), undefined, 'not even by the newest version')
    t.equal(await one.grants.renewed(seen, fresh), false, 'without the turn')
    t.equal(await one.grants.renewed({ ...seen, version: 2 }, fresh), true)
    const renewed = await grant()
    t.match(renewed, { refreshToken: 'k1.refresh-2', access: { token: 'k1.access-2' }, version: 3 })
    t.equal((renewed.access?.endsAt ?? 0) - renewed.renewedAt, hour)
    t.equal(renewed.grantedAt, seen.grantedAt)
    t.equal(await one.grants.takeTurn(renewed, 30_000), 4, 'the next one')
  })

  await t.test('a turn that is given back, or whose time is over, is free for others', async t => {
    const { grants, registry, grant } = await aStore(t, make)
    await registry.giveGrant(actor, given)
    const version = (await grants.takeTurn(await grant(), 30_000)) ?? 0
    await grants.giveTurnBack({ ...given, version })
    const again = await grants.takeTurn(await grant(), 1)
    t.ok(again !== undefined)
    // The one that had it is gone.
    await until(async () => (await grants.takeTurn(await grant(), 1)) !== undefined)
    t.equal(
      await grants.renewed({ ...given, version: again ?? 0 }, fresh),
      false,
      'and writes nothing any more',
    )
    t.equal((await grant()).refreshToken, 'k1.refresh-1')
  })

  await t.test('a grant that has ended gives no turn and takes no tokens', async t => {
    const { grants, registry, grant } = await aStore(t, make)
    await registry.giveGrant(actor, given)
    const version = (await grants.takeTurn(await grant(), 30_000)) ?? 0
    await registry.endGrant(actor, given, 'disconnected')
    t.equal(await grants.renewed({ ...given, version }, fresh), false)
    t.equal(await grants.takeTurn(await grant(), 30_000), undefined)
    t.equal(await grants.renewed(await grant(), fresh), false)
    t.equal((await grant()).refreshToken, undefined)
  })

  await t.test('only a refresh token may be written, and sealed texts be replaced', async t => {
    const { grants, registry, grant, changes } = await aStore(t, make)
    await registry.giveGrant(actor, given)
    const before = await changes.revision()
    t.equal(await grants.renewed(await grant(), { refreshToken: 'k1.refresh-3' }), true)
    const seen = await grant()
    t.match(seen, { refreshToken: 'k1.refresh-3', access: { token: 'k1.access-1' } })
    t.equal(await grants.reseal(seen, { refreshToken: 'k2.refresh-3', access: 'k2.access-1' }), true)
    t.match(await grant(), {
      refreshToken: 'k2.refresh-3',
      access: { ...seen.access, token: 'k2.access-1' },
      renewedAt: seen.renewedAt,
    })
    t.equal(await grants.reseal(seen, { refreshToken: 'k3.refresh-3' }), false, 'it has changed since')
    t.equal(await changes.revision(), before, 'none of this is a change')
  })

  await t.test('all grants are listed, in batches, and those that were not checked for long', async t => {
    const { grants, registry } = await aStore(t, make)
    const owners = Array.from({ length: 3 }, (_, at) => `owner-${at}` as Owner)
    for (const owner of owners) await registry.giveGrant(actor, { ...given, owner })
    await registry.giveGrant(actor, { ...given, scope: msa, owner: annaOwner })
    const all = await grants.list(undefined, undefined)
    t.strictSame(
      all.map(({ scope, owner }) => [scope, owner]),
      [...owners.map(owner => [inNorth, owner]), [msa, annaOwner]],
    )
    t.strictSame(await grants.list(undefined, all[1]), all.slice(2))
    t.strictSame(await grants.list(inNorth, all[1]), all.slice(2, 3))
    t.strictSame(await grants.list(undefined, all[3]), [])
    await registry.endGrant(actor, { scope: inNorth, owner: owners[0] as Owner }, 'refused')
    const everywhere = { except: [] }
    const due = await grants.unchecked(everywhere, 0, undefined)
    t.equal(due.length, 3)
    const rest = await grants.unchecked(everywhere, 0, due[0])
    t.strictSame(
      rest.map(({ grant }) => grant),
      due.slice(1).map(({ grant }) => grant),
    )
    t.equal((await grants.unchecked({ scope: inNorth }, 0, undefined)).length, 2)
    t.equal((await grants.unchecked({ except: [inNorth] }, 0, undefined)).length, 1)
    t.equal((await grants.unchecked(everywhere, hour, undefined)).length, 0)
  })

  await t.test('a grant that is refused ends with the credential of its owner, in one change', async t => {
    const { store, grants, registry, announced, changes, grant, subjectOf } = await aStore(t, make)
    const { credentials } = store
    await registry.giveGrant(actor, given)
    const seen = await grant()
    t.equal(await registry.refuseGrant('liveness', { ...seen, version: seen.version + 1 }), undefined)
    t.equal((await credentials.find(inNorth, undefined, anna)).current?.enabled, true, 'it has changed since')
    const before = await changes.revision()
    t.match(await registry.refuseGrant('liveness', seen), { refreshToken: 'k1.refresh-1' })
    t.equal(await changes.revision(), before + 1)
    const change = announced.at(-1)
    t.match(change, { action: 'credential-disabled-by-liveness', actor: 'liveness', scope: inNorth })
    t.strictSame(new Set(change?.usernames), new Set([anna, shortAnna, annie]), 'and the linked one')
    t.match(await grant(), { ended: { cause: 'refused' }, refreshToken: undefined, access: undefined })
    t.equal((await credentials.find(inNorth, undefined, anna)).current?.enabled, false)
    t.equal((await credentials.find(msa, undefined, annie)).current?.enabled, true, 'in that scope only')
    t.equal((await credentials.find(msa, undefined, boris)).current?.enabled, true)
    t.equal((await credentials.find(inNorth, msa, annie)).linked, undefined, 'no bridge leads around it')
    t.match((await changes.since(before)) as readonly Change[], [
      { action: 'credential-disabled-by-liveness' },
    ])

    await registry.giveGrant(actor, given)
    await registry.refuseGrant('liveness', await grant())
    t.match(announced.at(-1), { action: 'grant-ended', actor: 'liveness' }, 'it was switched off already')
    t.equal((await grants.ofSubject(inNorth, await subjectOf(inNorth, anna))).grant?.ended?.cause, 'refused')
  })

  await t.test('of many gateways one has the turn, until it leaves it or its time is over', async t => {
    const database = await make(t)
    const [one, other] = [(await open(t, database)).turns, (await open(t, database)).turns]
    const taken = await Promise.all([
      one.take('liveness', 'one', 60_000),
      other.take('liveness', 'other', 60_000),
    ])
    t.not(taken[0], taken[1], 'one has it')
    const [holder, next] = taken[0] ? ['one', 'other'] : ['other', 'one']
    t.equal(await one.take('liveness', holder, 60_000), true, 'it keeps the turn')
    t.equal(await one.take('liveness', next, 60_000), false)
    await other.leave('liveness', next)
    t.equal(await one.take('liveness', next, 60_000), false, 'it had none to leave')
    await database.execute('update turns set until = until + 3000')
    t.equal(await one.take('liveness', next, 60_000), false, 'nor was it taken while the other one waited')
    await database.execute('update turns set until = until + 3600000')
    t.equal(await one.take('liveness', next, 60_000), true, 'but after the clock was set back')
    t.equal(await one.take('liveness', holder, 60_000), false)
    await one.leave('liveness', next)
    t.equal(await one.take('liveness', holder, 60_000), true)
    await one.leave('liveness', holder)
    t.equal(await other.take('liveness', next, 1), true)
    await until(() => one.take('liveness', holder, 1)) // the one that had it is gone
  })

  await t.test(
    'a sign-in that cannot be announced gives nothing, and one that cannot be ended stays',
    async t => {
      const { store, grants, registry, grant } = await aStore(t, make)
      const reason = new Outage('redis', new Error('no answer'))
      const failing = store.registry(() => Promise.reject(reason))
      await t.rejects(failing.giveGrant(actor, given), reason)
      t.equal((await grants.of(inNorth, annaInNorth)).grant, undefined)
      await registry.giveGrant(actor, given)
      const seen = await grant()
      await t.rejects(failing.endGrant(actor, given, 'disconnected'), reason)
      t.strictSame(await grant(), seen)
    },
  )

  await t.test('an answer is as of the revision that it saw', async t => {
    const { grants, registry, changes } = await aStore(t, make)
    const before = await grants.of(inNorth, annaInNorth)
    t.equal(before.asOf, await changes.revision())
    await registry.giveGrant(actor, given)
    t.equal((await grants.of(inNorth, annaInNorth)).asOf, revision(before.asOf + 1))
  })
}
