import type { Test } from 'tap'
import { type MakeDatabase, openFresh } from './contract.ts'
import { actor, contoso, fabrikam, north, silently, south, toNorth, toSouth, upstream } from './samples.ts'

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
}
