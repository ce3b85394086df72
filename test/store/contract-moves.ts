import type { Test } from 'tap'
import { type MakeDatabase, openFresh } from './contract.ts'
import type { MovingUser } from '../../src/gateway/moves.ts'
import {
  actor,
  anna,
  annaOwner,
  boris,
  borisOwner,
  contoso,
  fabrikam,
  hashOf,
  inNorth,
  inSouth,
  msa,
  north,
  silently,
  south,
  toNorth,
  toSouth,
  upstream,
} from './samples.ts'

const msaConnection = { kind: 'msa' } as const

async function aStore(t: Test, make: MakeDatabase, clock: () => number) {
  const store = await openFresh(t, make, clock)
  const registry = store.registry(silently)
  await registry.addDirectory(actor, north)
  await registry.addDirectory(actor, south)
  await registry.addAccount(actor, { name: fabrikam, upstream })
  return { store, registry }
}

export async function movesContract(t: Test, make: MakeDatabase): Promise<void> {
  await t.test('a move may be bridged, and the bridge belongs to that one move', async t => {
    const { store, registry } = await aStore(t, make, () => 1000)
    t.equal(await registry.connect(actor, fabrikam, north.id, 9000), undefined)
    const { account } = await store.accounts.find(fabrikam)
    t.strictSame(account?.former, { connection: msaConnection, leftAt: 1000, bridgedUntil: 9000 })
    t.equal((await registry.account(fabrikam))?.history.at(-1)?.bridgedUntil, 9000)

    t.equal(await registry.connect(actor, fabrikam, south.id), undefined)
    const { account: later } = await store.accounts.find(fabrikam)
    t.strictSame(later?.former, { connection: toNorth, leftAt: 1000 })

    t.equal(await registry.disconnect(actor, fabrikam, 8000), undefined)
    const { account: last } = await store.accounts.find(fabrikam)
    t.strictSame(last?.former, { connection: toSouth, leftAt: 1000, bridgedUntil: 8000 })
  })

  await t.test('the last move can be undone, once, and its bridge is gone with it', async t => {
    let now = 1000
    const { store, registry } = await aStore(t, make, () => now)
    const nothing = { problem: 'nothing-to-undo', name: fabrikam }
    t.strictSame(await registry.undoMove(actor, fabrikam), nothing)
    t.strictSame(await registry.undoMove(actor, contoso), { problem: 'no-such-account', name: contoso })

    await registry.connect(actor, fabrikam, north.id, 9000)
    now = 2000
    t.equal(await registry.undoMove('cli:olga', fabrikam), undefined)
    const { account } = await store.accounts.find(fabrikam)
    t.strictSame(account?.connection, msaConnection)
    t.strictSame(account?.former, { connection: toNorth, leftAt: 2000 })
    t.strictSame((await registry.account(fabrikam))?.history.at(-1), {
      connection: msaConnection,
      since: 2000,
      actor: 'cli:olga',
      undo: true,
    })
    t.strictSame(await registry.undoMove(actor, fabrikam), nothing)

    await registry.connect(actor, fabrikam, south.id)
    t.equal(await registry.undoMove(actor, fabrikam), undefined, 'a move after it can be undone again')
    t.strictSame((await store.accounts.find(fabrikam)).account?.connection, msaConnection)
  })

  await t.test('a plan opens nothing, can be changed and cancelled, and ends with any move', async t => {
    let now = 1000
    const { store, registry } = await aStore(t, make, () => now)
    const plan = async () => (await store.accounts.find(fabrikam)).account?.planned
    const before = (await store.accounts.find(fabrikam)).account
    t.strictSame(await registry.planMove(actor, contoso, inNorth, '2027-01-31'), {
      problem: 'no-such-account',
      name: contoso,
    })
    t.strictSame(await registry.planMove(actor, fabrikam, msa, '2027-01-31'), {
      problem: 'already-connected',
      name: fabrikam,
      connection: msaConnection,
    })
    t.strictSame(await registry.cancelMove(actor, fabrikam), { problem: 'no-planned-move', name: fabrikam })

    t.equal(await registry.planMove(actor, fabrikam, inNorth, '2027-01-31'), undefined)
    const planned = { to: toNorth, on: '2027-01-31' }
    t.strictSame((await store.accounts.find(fabrikam)).account, { ...before, planned })
    t.strictSame(await registry.planMove(actor, fabrikam, inNorth, '2027-01-31'), {
      problem: 'planned-already',
      name: fabrikam,
      to: toNorth,
      on: '2027-01-31',
    })
    now = 2000
    t.equal(await registry.planMove('cli:olga', fabrikam, inNorth, '2027-02-01'), undefined)
    t.strictSame((await registry.account(fabrikam))?.planned, {
      to: toNorth,
      on: '2027-02-01',
      since: 1000,
      actor: 'cli:olga',
    })
    t.equal(await registry.setDirectory(actor, north.id, { name: 'Norden' }), undefined)
    t.match(await plan(), { to: { directoryName: 'Norden' } })
    t.match(await store.changes.list({ account: fabrikam, most: 1 }), [{ action: 'directory-changed' }])
    t.match(await registry.removeDirectory(actor, north.id), {
      problem: 'directory-in-use',
      accounts: [fabrikam],
    })

    t.equal(await registry.cancelMove(actor, fabrikam), undefined)
    t.equal(await plan(), undefined)
    t.equal((await registry.account(fabrikam))?.planned, undefined)
    const actions = (await store.changes.list({ account: fabrikam, most: 9 })).map(({ action }) => action)
    t.strictSame(actions.slice(-4), [
      'move-planned',
      'move-plan-changed',
      'directory-changed',
      'move-plan-cancelled',
    ])

    for (const move of [
      () => registry.connect(actor, fabrikam, north.id),
      () => registry.undoMove(actor, fabrikam),
      () => registry.connect(actor, fabrikam, north.id),
      () => registry.disconnect(actor, fabrikam),
    ]) {
      t.equal(await registry.planMove(actor, fabrikam, inSouth, '2027-03-01'), undefined)
      t.equal(await move(), undefined)
      t.equal(await plan(), undefined)
    }

    await registry.connect(actor, fabrikam, north.id)
    t.equal(await registry.planMove(actor, fabrikam, msa, '2027-03-01'), undefined, 'to Microsoft accounts')
    t.strictSame(await plan(), { to: msaConnection, on: '2027-03-01' })
    t.equal(await registry.setAccount(actor, fabrikam, { rename: contoso }), undefined)
    t.strictSame((await store.accounts.find(contoso)).account?.planned, {
      to: msaConnection,
      on: '2027-03-01',
    })
    t.equal(await registry.removeAccount(actor, contoso), undefined)
    await registry.addAccount(actor, { name: contoso, upstream })
    t.equal((await registry.account(contoso))?.planned, undefined)
  })

  await t.test('of a planned move each user is told once a day, until they are ready', async t => {
    const { store, registry } = await aStore(t, make, () => 1000)
    const set = (scope: typeof msa, username: typeof anna, owner?: typeof annaOwner) =>
      registry.setCredential(actor, scope, { username, hash: hashOf('one'), ...(owner && { owner }) })
    await set(msa, anna, annaOwner)
    await set(msa, boris)
    const user = async (name: typeof anna): Promise<MovingUser> => {
      const { current } = await store.credentials.find(msa, undefined, name)
      if (current === undefined) throw new Error('the test has not made that credential')
      return { account: fabrikam, scope: msa, subject: current.subject }
    }
    const [isAnna, isBoris] = [await user(anna), await user(boris)]
    const take = (who: MovingUser, today = '2027-01-01') => store.moveNotices.take(who, inNorth, today)
    const atOnce = await Promise.all([take(isAnna), take(isAnna), take(isAnna)])
    t.strictSame(atOnce.toSorted(), ['due', 'told', 'told'])
    t.equal(await take(isBoris), 'due')
    t.equal(await take(isAnna, '2027-01-02'), 'due')
    t.equal(await take(isAnna, '2027-01-01'), 'told', 'a clock that was set back says nothing twice')
    await store.moveNotices.giveBack(isAnna, '2027-01-02')
    t.equal(await take(isAnna, '2027-01-02'), 'due')
    t.equal(await take({ ...isAnna, account: contoso }), 'told', 'there is no such account any more')

    await set(inNorth, boris)
    t.equal(await take(isBoris, '2027-01-03'), 'ready', 'the same name')
    await registry.switchCredential(actor, inNorth, boris, false)
    t.equal(await take(isBoris, '2027-01-03'), 'due', 'it is switched off there')
    await set(inNorth, anna)
    const person = (scope: typeof msa, owner: typeof annaOwner) => ({ scope, owner })
    await registry.link(actor, person(msa, annaOwner), person(inNorth, borisOwner))
    t.equal(await take(isAnna, '2027-01-03'), 'due', 'linked: the namesake is another person')
    await set(inNorth, 'annie@example.com' as typeof anna, borisOwner)
    t.equal(await take(isAnna, '2027-01-04'), 'ready')

    t.equal(await registry.removeCredential(actor, msa, anna), undefined)
    t.equal(await take(isAnna, '2027-01-05'), 'ready', 'nobody is left to be told')
    t.equal(await registry.setAccount(actor, fabrikam, { rename: contoso }), undefined)
    t.equal(await take({ ...isBoris, account: contoso }, '2027-01-03'), 'told')
    t.equal(await registry.removeAccount(actor, contoso), undefined)
  })
}
