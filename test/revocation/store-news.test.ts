import { renameSync } from 'node:fs'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { createAttemptKeys } from '../../src/gateway/attempt.ts'
import type { Change } from '../../src/gateway/history.ts'
import { msaScope, type Revision } from '../../src/gateway/names.ts'
import type { Outage } from '../../src/gateway/outage.ts'
import type { ChangeLog } from '../../src/gateway/ports.ts'
import type { Stale } from '../../src/revocation/stale.ts'
import { createStoreNews } from '../../src/revocation/store-news.ts'
import { temporaryDirectory } from '../support/directory.ts'
import { anna, makeTinyStore, openTinyStore } from './tiny-store.ts'

const slotOf = createAttemptKeys(Buffer.alloc(32, 17)).slot
const slotOfAnna = slotOf(msaScope, anna)

function listen(changes: ChangeLog) {
  const forgotten: Stale[] = []
  const floors: Revision[] = []
  const outages: Outage[] = []
  const news = createStoreNews({
    changes,
    slotOf,
    forget: stale => forgotten.push(stale),
    forgetAll: revision => floors.push(revision),
    outage: outage => outages.push(outage),
  })
  return { news, forgotten, floors, outages }
}

function tinyStore(t: Test, options?: { readonly versioned: boolean }) {
  const file = join(temporaryDirectory(t), 'store.json')
  makeTinyStore(file, 'secret')
  return { file, store: openTinyStore(file, options), otherProcess: openTinyStore(file, options) }
}

t.test('with a data version: the log is asked when there is a change, and only then', async t => {
  const { store, otherProcess } = tinyStore(t, { versioned: true })
  const { news, forgotten } = listen(store)
  await news.catchUp()
  const asked = store.asked()
  await news.catchUp()
  t.equal(store.asked(), asked)
  otherProcess.commit()
  await news.catchUp()
  t.strictSame(forgotten, [{ revision: 1, account: undefined, slots: [slotOfAnna] }])
  await news.catchUp()
  t.equal(store.asked(), asked + 1)
})

t.test('without a data version: whatever was committed before the call is known after it', async t => {
  const { store, otherProcess } = tinyStore(t)
  const { news, forgotten } = listen(store)
  await news.catchUp()
  otherProcess.commit()
  otherProcess.commit()
  await news.catchUp()
  t.strictSame(
    forgotten.map(({ revision }) => revision),
    [1, 2],
  )
})

t.test('callers share a question to the log only if it was asked after they came', async t => {
  const { store, otherProcess } = tinyStore(t)
  const asked: ((answer: readonly Change[]) => void)[] = []
  const slow: ChangeLog = { ...store, since: async () => new Promise(answer => asked.push(answer)) }
  const { news, forgotten } = listen(slow)
  const first = news.catchUp()
  await setImmediate()
  const [second, third] = [news.catchUp(), news.catchUp()]
  t.equal(asked.length, 1, 'the later ones wait')
  const change = otherProcess.commit()
  asked[0]?.([])
  await first
  t.strictSame(forgotten, [])
  await setImmediate()
  t.equal(asked.length, 2, 'for one question of their own')
  asked[1]?.([change])
  await Promise.all([second, third])
  t.equal(forgotten.length, 1)
})

t.test(
  'a process that starts is told of the last changes: Redis may still hold what they revoked',
  async t => {
    const { store } = tinyStore(t)
    const first = store.commit()
    const all = Array.from({ length: 1003 }, (_, before) => ({
      ...first,
      revision: (before + 1) as Revision,
    }))
    const { news, forgotten, floors } = listen({
      ...store,
      revision: async () => 1003 as Revision,
      since: async from => all.filter(({ revision }) => revision > from),
    })
    await news.catchUp()
    t.equal(forgotten.length, 1000)
    t.equal(forgotten[0]?.revision, 4)
    t.strictSame(floors, [3], 'and believes nothing from before those')
  },
)

t.test('after a gap in the log all is forgotten', async t => {
  const { store } = tinyStore(t)
  let gap = false
  const { news, floors, forgotten } = listen({
    ...store,
    since: async from => (gap ? 'gap' : store.since(from)),
  })
  await news.catchUp()
  for (let each = 0; each < 7; each += 1) store.commit()
  gap = true
  await news.catchUp()
  t.strictSame(floors, [0, 7])
  gap = false
  store.commit()
  await news.catchUp()
  t.strictSame(
    forgotten.map(({ revision }) => revision),
    [8],
  )
})

for (const versioned of [true, false]) {
  const kind = versioned ? 'with' : 'without'
  t.test(
    `${kind} a data version: while the store is down memory is trusted for a lease; then what was missed is heard`,
    async t => {
      const { store, file } = tinyStore(t, { versioned })
      const { news, forgotten, outages } = listen(store)
      await news.catchUp()
      store.commit()
      renameSync(file, `${file}.away`)
      news.trust(performance.now() + 60_000)
      await news.catchUp()
      news.trust(performance.now())
      await t.rejects(async () => news.catchUp(), { name: 'Outage', part: 'store' })
      t.equal(await news.look(), false)
      t.match(outages, [{ part: 'store' }, { part: 'store' }, { part: 'store' }])
      t.strictSame(forgotten, [])
      renameSync(`${file}.away`, file)
      t.equal(await news.look(), true)
      t.equal(forgotten.length, 1)
    },
  )
}

t.test(
  'a store that hangs is waited for by the first callers only, and by each only for a moment',
  async t => {
    const { store } = tinyStore(t)
    let hung = false
    const { news } = listen({
      ...store,
      since: revision => (hung ? new Promise(() => {}) : store.since(revision)),
    })
    await news.catchUp()
    hung = true
    const took: number[] = []
    for (let each = 0; each < 20; each += 1) {
      const began = performance.now()
      await t.rejects(async () => news.catchUp(), { name: 'Outage', part: 'store' })
      took.push(performance.now() - began)
    }
    // Not the slowest: a busy machine keeps one or the other waiting.
    t.ok(took.filter(each => each > 1000).length < 3, took.map(Math.round).join(' '))
    t.ok(took.filter(each => each > 200).length < 10, 'most wait for nothing')
  },
)
