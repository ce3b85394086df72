import { setTimeout as delay } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { Outage } from '../../src/gateway/outage.ts'
import { Secret } from '../../src/gateway/secret.ts'
import { openStore, type Store } from '../../src/store/store.ts'
import { startPostgresPair } from '../support/postgres-pair.ts'
import { until } from '../support/until.ts'
import { actor, anna, hashOf, msa, silently } from './samples.ts'

/** What an outage says of a server that follows another one. */
const standby = /accepts no changes|read-only|recovery/

/** Changes and looks without a pause; what was said to be done must be there whenever it is looked for. */
function work(t: Test, store: Store) {
  const registry = store.registry(silently)
  let going = true
  let done = 0
  const outages: string[] = []
  let lastTrouble = performance.now()
  const trouble = async (error: unknown) => {
    outages.push(
      error instanceof Outage && error.cause instanceof Error ? error.cause.message : String(error),
    )
    lastTrouble = performance.now()
    await delay(10)
  }
  async function changing(): Promise<void> {
    for (let count = 1; going; count += 1) {
      const hash = hashOf(`number ${count}`)
      try {
        await registry.setCredential(actor, msa, { username: anna, hash })
        done = count
        const { current } = await store.credentials.find(msa, undefined, anna)
        if (current?.hash !== hash) t.fail(`change ${count} was made, and is not there`)
      } catch (error) {
        await trouble(error)
      }
    }
  }
  async function looking(): Promise<void> {
    while (going) await store.ping().catch(trouble)
  }
  const running = Promise.all([changing(), looking(), looking(), looking()])
  return {
    made: () => done,
    /** Why each was one. */
    outages: (): readonly string[] => outages,
    /** Seconds from now until it works again: half a second passed without an outage, and changes were made. */
    async recovery(): Promise<number> {
      const [began, before] = [performance.now(), done]
      await until(() => done > before + 2 && performance.now() - lastTrouble > 500)
      return Math.max(0, lastTrouble - began) / 1000
    },
    async stop() {
      going = false
      await running
    },
  }
}

async function openBoth(t: Test, url: string): Promise<Store> {
  const store = await openStore({ url: new Secret(url) })
  t.teardown(() => store.close())
  return store
}

t.test('a standby that takes the place of its primary, and back', async t => {
  const { first, second, url } = await startPostgresPair(t)
  const store = await openBoth(t, url)
  const work1 = work(t, store)
  await until(() => work1.made() > 5)

  await first.stop('fast')
  await second.promote()
  t.ok((await work1.recovery()) < 2, 'the second server takes over')
  await first.follow() // comes back as a standby, first in the list
  const seen = work1.outages().length
  await delay(300)
  // On a busy machine an answer may be late, which is an outage of another kind.
  t.notMatch(work1.outages().slice(seen).join('\n'), standby, 'no connection returns to a standby')

  await second.stop('fast')
  await first.promote()
  t.ok((await work1.recovery()) < 2, 'the first server takes over')
  await work1.stop()
})

t.test('a primary that no longer accepts changes, but still answers', async t => {
  const { first, second, url } = await startPostgresPair(t)
  const store = await openBoth(t, `${url}?target_session_attrs=read-write`)
  const working = work(t, store)
  await until(() => working.made() > 5)
  // It still runs, all connections stand, and reads would be answered: with what was true before.
  await first.query(`alter system set default_transaction_read_only = on`)
  await first.query('select pg_reload_conf()')
  await second.promote()
  t.ok((await working.recovery()) < 2, 'read-only')
  t.equal((await first.query('select newest from revision')).length, 1, 'it answers still')
  await working.stop()
  t.ok(
    Number((await second.query('select newest from revision'))[0]?.['newest']) >
      Number((await first.query('select newest from revision'))[0]?.['newest']),
    'changes go to the other one',
  )
})

t.test('where only a standby answers there is no store', async t => {
  const { first, second, url } = await startPostgresPair(t)
  const store = await openBoth(t, url)
  await store.ping()
  await first.stop('immediate')
  await t.rejects(store.ping(), { name: 'Outage', part: 'store' })
  await t.rejects(openStore({ url: new Secret(url) }), {
    cause: { message: /accepts no changes|ECONNREFUSED/ },
  })
  await second.promote()
  await store.ping()
})
