import { setTimeout as delay } from 'node:timers/promises'
import type { Test } from 'tap'
import { Secret } from '../../src/gateway/secret.ts'
import { startLine } from '../faults/line.ts'
import { type FreshDatabase, open } from './contract.ts'
import { actor, anna, boris, hashOf, msa, outage, revision, silently } from './samples.ts'

/** Milliseconds: longer than the server keeps the transaction of a process that says nothing. */
const longerThanSilence = 4000

/** What holds on a server that is shared, whatever stands before it. */
export async function cutOffContract(t: Test, make: (t: Test) => Promise<FreshDatabase>): Promise<void> {
  await t.test('a process that is cut off in a change does not hold up the others', async t => {
    const database = await make(t)
    const address = new URL(database.url.reveal())
    const line = await startLine(t, Number(address.port))
    address.port = String(line.port)
    const [cutOff, store] = [
      await open(t, { ...database, url: new Secret(address.href) }),
      await open(t, database),
    ]
    const others = Promise.withResolvers<void>()
    const isCut = Promise.withResolvers<void>()
    const lost = cutOff
      .registry(() => {
        line.set({ kind: 'silent' })
        isCut.resolve()
        return others.promise
      })
      .setCredential(actor, msa, { username: anna, hash: hashOf('lost') })
      .catch((error: unknown) => error)
    await isCut.promise
    const credential = { username: boris, hash: hashOf('one') }
    t.equal(await store.registry(silently).setCredential(actor, msa, credential), undefined)
    line.set({ kind: 'none' })
    others.resolve()
    t.match(await lost, outage, 'the one that was cut off is not made')
    const { asOf, current } = await store.credentials.find(msa, undefined, anna)
    t.strictSame([asOf, current], [revision(1), undefined])
  })

  await t.test('a change that takes long to announce is made all the same', async t => {
    const store = await open(t, await make(t))
    const registry = store.registry(() => delay(longerThanSilence))
    t.equal(await registry.setCredential(actor, msa, { username: anna, hash: hashOf('one') }), undefined)
    t.match((await store.credentials.find(msa, undefined, anna)).current, { hash: hashOf('one') })
  })
}
