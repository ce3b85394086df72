import type { Test } from 'tap'
import type { Presence } from '../../src/gateway/overview.ts'
import { type MakeDatabase, open, openFresh } from './contract.ts'
import { actor, contoso, fabrikam, north, silently, toNorth, upstream } from './samples.ts'

const gateway: Presence = {
  id: 'g1',
  host: 'one',
  version: '1.2.3',
  startedAt: 1000,
  settings: '0123456789ab',
  ready: true,
  workers: { listening: 2, of: 2 },
  decisionsPerSecond: 12.5,
}

export async function overviewContract(t: Test, make: MakeDatabase): Promise<void> {
  await t.test('each gateway is seen by the others, until it leaves or another run replaces it', async t => {
    const database = await make(t)
    const { overview } = await open(t, database)
    const { overview: elsewhere } = await open(t, database)
    const seen = async () => (await elsewhere.gateways()).map(({ id }) => id)
    await overview.announce(gateway)
    await overview.announce({ ...gateway, ready: false })
    const [first] = await elsewhere.gateways()
    t.match(first, { ...gateway, ready: false })
    t.ok((first?.seenMsAgo ?? -1) >= 0 && (first?.seenMsAgo ?? 1e9) < 10_000, 'just now')

    await overview.announce({ ...gateway, id: 'g2', host: 'two' })
    await overview.announce({ ...gateway, id: 'g3' })
    t.strictSame(await seen(), ['g1', 'g3', 'g2'], 'by host; two may run on one')
    await database.execute(`update presences set seen_at = seen_at - 31000 where id in ('g1', 'g2')`)
    t.ok(((await elsewhere.gateways())[0]?.seenMsAgo ?? 0) > 30_000, 'it says nothing any more')
    await overview.announce({ ...gateway, id: 'g3' })
    t.strictSame(await seen(), ['g3', 'g2'], 'the one before it on this host is replaced, others are silent')
    await database.execute(`update presences set seen_at = seen_at - 86400000 where id = 'g2'`)
    t.strictSame(await seen(), ['g3'], 'after a day it is forgotten')
    await overview.leave('g3')
    t.strictSame(await seen(), [])
  })

  await t.test('the last moves are those of accounts that signed in with something else before', async t => {
    let now = 1000
    const store = await openFresh(t, make, () => now)
    const registry = store.registry(silently)
    await registry.addDirectory(actor, north)
    await registry.addAccount(actor, { name: fabrikam, upstream })
    await registry.addAccount(actor, { name: contoso, upstream, directoryId: north.id })
    t.strictSame(await store.overview.lastMoves(5), [], 'what is new has not moved')
    now = 2000
    await registry.connect(actor, fabrikam, north.id)
    now = 3000
    await registry.disconnect(actor, contoso)
    now = 4000
    await registry.undoMove('cli:olga', contoso)
    const moves = [
      { account: contoso, at: 4000, actor: 'cli:olga', to: toNorth, undo: true },
      { account: contoso, at: 3000, actor, to: { kind: 'msa' }, undo: false },
      { account: fabrikam, at: 2000, actor, to: toNorth, undo: false },
    ]
    t.strictSame(await store.overview.lastMoves(5), moves)
    t.strictSame(await store.overview.lastMoves(2), moves.slice(0, 2), 'the newest')
  })
}
