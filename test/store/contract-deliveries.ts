import type { Test } from 'tap'
import { createDelivery, type DeliveryParts } from '../../src/common/delivery.ts'
import { type Delivered, idOf } from '../../src/gateway/deliveries.ts'
import type { AccountName } from '../../src/gateway/names.ts'
import { Outage } from '../../src/gateway/outage.ts'
import type { Store } from '../../src/store/store.ts'
import { type MakeDatabase, open, openFresh } from './contract.ts'
import { actor, silently, upstream } from './samples.ts'

const second = 1000

/** One gateway that delivers, and what its receiver got: numbers of changes, and gaps. */
function gateway(store: Store, name: string, clock: { now: number }, options: Partial<DeliveryParts> = {}) {
  const received: string[] = []
  const ids: string[] = []
  const state = { takes: Infinity }
  const delivery = createDelivery({
    deliveries: store.deliveries,
    dataVersion: () => store.changes.dataVersion(),
    turns: store.turns,
    to: 'audit',
    holder: `process of ${name}`,
    gateway: name,
    atOnce: 100,
    deliver: async news => {
      const taken = news.slice(0, state.takes)
      received.push(...taken.map(shown))
      for (const one of taken) if (one.kind === 'change') ids.push(idOf(one.change))
      return taken.length
    },
    steadyNow: () => clock.now,
    ...options,
  })
  return { delivery, received, ids, state, look: () => delivery.look() }
}

function shown(news: Delivered): string {
  if (news.kind === 'change') return String(news.change.number)
  return news.because === 'not-kept'
    ? `${news.first}-${news.last} gone`
    : `back from ${news.last} to ${news.newest}`
}

async function add(store: Store, ...names: readonly string[]): Promise<void> {
  for (const name of names)
    await store.registry(silently).addAccount(actor, { name: name as AccountName, upstream })
}

export async function deliveriesContract(t: Test, make: MakeDatabase): Promise<void> {
  await t.test('every change is delivered once and in order, also by the next process', async t => {
    const clock = { now: 0 }
    const database = await make(t)
    const store = await open(t, database)
    await add(store, 'a', 'b')
    const one = gateway(store, 'one', clock)
    await one.look()
    await add(store, 'c')
    await one.look()
    await one.look()
    t.strictSame(one.received, ['1', '2', '3'])
    await one.delivery.close()
    await add(store, 'd')
    const next = gateway(await open(t, database), 'one', clock)
    await next.look()
    t.strictSame(next.received, ['4'])
  })

  await t.test('more than fit in one read', async t => {
    const store = await openFresh(t, make)
    const names = Array.from({ length: 105 }, (_, at) => `a${at}`)
    await add(store, ...names)
    const one = gateway(store, 'one', { now: 0 }, { atOnce: 40 })
    await one.look()
    t.strictSame(
      one.received,
      names.map((_, at) => String(at + 1)),
    )
  })

  await t.test('what the receiver did not take is delivered again, and nothing else', async t => {
    const store = await openFresh(t, make)
    await add(store, 'a', 'b', 'c')
    const one = gateway(store, 'one', { now: 0 })
    one.state.takes = 2
    await one.look()
    t.strictSame(one.received, ['1', '2'])
    one.state.takes = 0
    await one.look()
    one.state.takes = Infinity
    await one.look()
    t.strictSame(one.received, ['1', '2', '3'])
  })

  await t.test(
    'the gateway that delivered last goes first, and another takes over after a while',
    async t => {
      const clock = { now: 0 }
      const database = await make(t)
      const [store, other] = [await open(t, database), await open(t, database)]
      const [one, two] = [gateway(store, 'one', clock), gateway(other, 'two', clock)]
      await add(store, 'a')
      await Promise.all([one.look(), two.look()])
      t.strictSame([...one.received, ...two.received], ['1'])
      const [busy, idle] = one.received.length > 0 ? [one, two] : [two, one]
      await add(store, 'b')
      await idle.look()
      t.strictSame(idle.received, [], 'not its turn')
      busy.state.takes = 0
      await busy.look()
      clock.now += 2 * second
      await idle.look()
      t.strictSame(idle.received, [])
      clock.now += 2 * second
      await idle.look()
      t.strictSame(idle.received, ['2'])
      busy.state.takes = Infinity
      await busy.look()
      t.strictSame(busy.received, ['1'], 'what the other has delivered is not delivered again')
    },
  )

  await t.test('a place that could not be recorded does not repeat what is delivered', async t => {
    const store = await openFresh(t, make)
    await add(store, 'a', 'b')
    let fails = true
    const deliveries = {
      ...store.deliveries,
      moved: (...words: Parameters<Store['deliveries']['moved']>) =>
        fails ? Promise.reject(new Outage('store', new Error('gone'))) : store.deliveries.moved(...words),
    }
    const one = gateway(store, 'one', { now: 0 }, { deliveries })
    await t.rejects(one.look(), Outage)
    await add(store, 'c')
    fails = false
    await one.look()
    t.strictSame(one.received, ['1', '2', '3'])
  })

  await t.test('changes that are gone before they were delivered are told, wherever they are', async t => {
    const database = await make(t)
    const store = await open(t, database)
    const one = gateway(store, 'one', { now: 0 })
    await add(store, 'a')
    await one.look()
    await add(store, 'b', 'c', 'd', 'e', 'f')
    await database.execute('delete from changes where revision in (2, 3, 5)')
    await one.look()
    t.strictSame(one.received, ['1', '2-3 gone', '4', '5-5 gone', '6'])
    await add(store, 'g', 'h')
    await database.execute('delete from changes')
    await one.look()
    await one.look()
    t.strictSame(one.received.slice(5), ['7-8 gone'], 'once')
    await add(store, 'i')
    await one.look()
    t.strictSame(one.received.slice(6), ['9'])
  })

  await t.test('a store that goes back is told of, and its new changes are delivered', async t => {
    const database = await make(t)
    const store = await open(t, database)
    const one = gateway(store, 'one', { now: 0 })
    await add(store, 'a', 'b')
    await one.look()
    await add(store, 'c', 'd')
    // Which were delivered, and recorded as that after the state to which the store goes back.
    await one.look()
    await database.execute(`delete from changes where revision = 4`)
    await database.execute(
      `update revision set newest = 3, token = (select token from changes where revision = 3)`,
    )
    await database.execute(
      `update deliveries set number = 2, token = (select token from changes where revision = 2)`,
    )
    await add(store, 'e')
    await one.look()
    await one.look()
    t.strictSame(one.received, ['1', '2', '3', '4', 'back from 4 to 4', '4'])
    t.equal(new Set(one.ids).size, 5, 'both changes with the number 4 have ids of their own')
  })

  await t.test('a place that the log does not have is told of; what is kept is delivered', async t => {
    const database = await make(t)
    const store = await open(t, database)
    await add(store, 'a', 'b', 'c')
    await gateway(store, 'one', { now: 0 }).look()
    await database.execute(`update deliveries set number = 9, token = 'unknown'`)
    const next = gateway(store, 'one', { now: 0 })
    await next.look()
    t.strictSame(next.received, ['back from 9 to 3', '1', '2', '3'])
  })

  await t.test('a receiver that is new to an old store begins with the next change', async t => {
    const database = await make(t)
    const store = await open(t, database)
    await add(store, 'a', 'b')
    const young = gateway(store, 'one', { now: 0 }, { to: 'webhook' })
    await young.look()
    t.strictSame(young.received, ['1', '2'])
    await database.execute(`delete from deliveries where receiver = 'webhook'`)
    await database.execute('delete from changes where revision = 1')
    const old = gateway(store, 'one', { now: 0 }, { to: 'webhook' })
    await old.look()
    await add(store, 'c')
    await old.look()
    t.strictSame(old.received, ['3'])
  })
}
