import type { Test } from 'tap'
import type { Change } from '../../src/gateway/history.ts'
import { Outage } from '../../src/gateway/outage.ts'
import { type MakeDatabase, open, openFresh } from './contract.ts'
import {
  actor,
  anna,
  annie,
  fabrikam,
  hashOf,
  inNorth,
  msa,
  north,
  revision,
  shortAnna,
  silently,
  upstream,
} from './samples.ts'

const week = 7 * 24 * 60 * 60 * 1000

export async function changesContract(t: Test, make: MakeDatabase): Promise<void> {
  await t.test(
    'what is announced is what the log says, with every name that a credential has or had',
    async t => {
      const store = await openFresh(t, make, () => 1000)
      const announced: Change[] = []
      const registry = store.registry(async change => void announced.push(change))
      await registry.addDirectory(actor, north)
      await registry.addAccount(actor, { name: fabrikam, upstream })
      await registry.connect('page:anna', fabrikam, north.id)
      await registry.disconnect(actor, fabrikam)
      await registry.setCredential(actor, msa, { username: anna, secondary: shortAnna, hash: hashOf('one') })
      await registry.setCredential(actor, msa, { username: anna, secondary: annie, hash: hashOf('two') })
      await registry.switchCredential(actor, msa, anna, false)
      await registry.switchCredential(actor, msa, annie, true)

      const by = { at: 1000, actor }
      const expected = [
        { ...by, action: 'directory-added', scope: inNorth, usernames: [] },
        { ...by, action: 'account-added', account: fabrikam, scope: msa, usernames: [] },
        {
          ...by,
          actor: 'page:anna',
          action: 'account-connected',
          account: fabrikam,
          scope: inNorth,
          usernames: [],
        },
        { ...by, action: 'account-disconnected', account: fabrikam, scope: msa, usernames: [] },
        { ...by, action: 'credential-set', scope: msa, usernames: [anna, shortAnna] },
        { ...by, action: 'credential-set', scope: msa, usernames: [anna, shortAnna, annie] },
        { ...by, action: 'credential-disabled', scope: msa, usernames: [anna, annie] },
        { ...by, action: 'credential-enabled', scope: msa, usernames: [anna, annie] },
      ].map((change, index) => ({ revision: index + 1, ...change }))
      const inOrder = ({ usernames, ...change }: Change) => ({ ...change, usernames: new Set(usernames) })
      t.strictSame(
        announced.map(inOrder),
        expected.map(({ usernames, ...change }) => ({ ...change, usernames: new Set(usernames) })),
      )
      const logged = await store.changes.since(revision(0))
      t.strictSame(logged, announced)
      t.strictSame(await store.changes.since(revision(6)), announced.slice(6))
      t.strictSame(await store.changes.since(revision(8)), [])
    },
  )

  await t.test('a change that cannot be announced is not made, and the reason goes on', async t => {
    const store = await openFresh(t, make)
    const reason = new Outage('redis', new Error('no answer'))
    const failing = store.registry(() => Promise.reject(reason))
    await t.rejects(failing.setCredential(actor, msa, { username: anna, hash: hashOf('one') }), reason)
    await t.rejects(
      failing.importCredentials(actor, msa, [{ username: anna, hash: hashOf('one') }], () => {}),
      reason,
    )
    await t.rejects(failing.addAccount(actor, { name: fabrikam, upstream }), reason)
    t.equal((await store.credentials.find(msa, undefined, anna)).current, undefined)
    t.strictSame(await store.accounts.find(fabrikam), { asOf: revision(0), account: undefined })
    t.strictSame(await store.changes.since(revision(0)), [])

    await store.registry(silently).addAccount(actor, { name: fabrikam, upstream })
    t.equal(await store.changes.revision(), revision(1))
  })

  await t.test(
    'until a change has been announced all readers see the former state, and wait for nothing',
    async t => {
      const database = await make(t)
      const [store, other] = [await open(t, database), await open(t, database)]
      await store.registry(silently).setCredential(actor, msa, { username: anna, hash: hashOf('old') })
      const announcing = Promise.withResolvers<void>()
      const announced = Promise.withResolvers<void>()
      const registry = store.registry(() => {
        announcing.resolve()
        return announced.promise
      })
      const setting = registry.setCredential(actor, msa, { username: anna, hash: hashOf('new') })
      await announcing.promise
      for (const reader of [store, other]) {
        const { current, asOf } = await reader.credentials.find(msa, undefined, anna)
        t.equal(current?.hash, hashOf('old'))
        t.equal(asOf, revision(1))
        t.equal(await reader.changes.revision(), revision(1))
        t.strictSame(await reader.accounts.find(fabrikam), { asOf: revision(1), account: undefined })
      }

      announced.resolve()
      t.equal(await setting, undefined)
      for (const reader of [store, other]) {
        const { current, asOf } = await reader.credentials.find(msa, undefined, anna)
        t.equal(current?.hash, hashOf('new'))
        t.equal(asOf, revision(2))
      }
    },
  )

  await t.test(
    'changes of several processes at once each get a revision, and commit in its order',
    async t => {
      const database = await make(t)
      const stores = [await open(t, database), await open(t, database), await open(t, database)]
      const announced: number[] = []
      await Promise.all(
        stores.flatMap((store, index) => {
          const registry = store.registry(async change => {
            // At each announcement every earlier change is committed.
            announced.push(change.revision, await store.changes.revision())
          })
          return Array.from({ length: 4 }, (_, number) =>
            registry.addAccount(actor, { name: `account-${index}-${number}` as typeof fabrikam, upstream }),
          )
        }),
      )
      t.strictSame(announced, Array.from({ length: 12 }, (_, done) => [done + 1, done]).flat())
      t.equal((await stores[0]?.registry(silently).accounts())?.length, 12)
    },
  )

  await t.test('the log keeps a week, and reports a gap to a process that is further behind', async t => {
    let now = 1000
    const clock = () => now
    const database = await make(t)
    const registry = (await open(t, database, clock)).registry(silently)
    await registry.addDirectory(actor, north)
    now += week
    await registry.addAccount(actor, { name: fabrikam, upstream })
    const { changes: complete } = await open(t, database, clock)
    t.equal((await complete.since(revision(0))).length, 2)

    now += 1
    const { changes } = await open(t, database, clock)
    t.equal(await changes.since(revision(0)), 'gap')
    t.equal((await changes.since(revision(1))).length, 1)
    now += week
    const { changes: emptied } = await open(t, database, clock)
    t.equal(await emptied.since(revision(1)), 'gap')
    t.strictSame(await emptied.since(revision(2)), [])
  })

  await t.test(
    'a process more than 10,000 changes behind, or ahead of a restored backup, has a gap',
    async t => {
      const database = await make(t)
      const { changes } = await open(t, database)
      await database.execute(`
      with recursive numbers (n) as (select 1 union all select n + 1 from numbers where n < 10001)
      insert into changes (revision, at, actor, action, usernames)
      select n, 0, 'cli:root', 'credential-set', '[]' from numbers order by n desc`)
      await database.execute('update revision set newest = 10001')
      t.equal(await changes.since(revision(0)), 'gap')
      const latest = await changes.since(revision(1))
      const revisions = latest === 'gap' ? latest : latest.map(change => Number(change.revision))
      t.strictSame(
        revisions,
        Array.from({ length: 10_000 }, (_, index) => index + 2),
        'oldest first',
      )
      t.equal(await changes.since(revision(10_002)), 'gap')
    },
  )
}
