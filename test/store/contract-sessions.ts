import type { Test } from 'tap'
import { type MakeDatabase, open, openFresh } from './contract.ts'
import { revision } from './samples.ts'

const minute = 60_000

export async function sessionsContract(t: Test, make: MakeDatabase): Promise<void> {
  await t.test('a session is there for every process until it expires or is ended', async t => {
    let now = 1000
    const database = await make(t)
    const [{ sessions }, other] = [await open(t, database, () => now), await open(t, database, () => now)]
    t.equal(await sessions.get('hash-1'), undefined)
    await sessions.set('hash-1', '{"owner":"anna"}', now + 5 * minute)
    await sessions.set('hash-2', '{}', now + minute)
    t.equal(await other.sessions.get('hash-1'), '{"owner":"anna"}')

    now += minute - 1
    t.equal(await other.sessions.get('hash-2'), '{}')
    now += 1
    t.equal(await other.sessions.get('hash-2'), undefined)

    await other.sessions.set('hash-1', 'renewed', now + 9 * minute)
    now += 8 * minute
    t.equal(await sessions.get('hash-1'), 'renewed')
    const ended = await Promise.all([sessions.delete('hash-1'), other.sessions.delete('hash-1')])
    t.strictSame(ended.toSorted(), [false, true], 'of two who end it at once, one is told so')
    t.equal(await other.sessions.get('hash-1'), undefined)
  })

  await t.test('an entry is added once, even from several connections', async t => {
    const database = await make(t)
    const [{ sessions }, other] = [await open(t, database, () => 1000), await open(t, database, () => 1000)]
    const added = await Promise.all([sessions.add('state', '', 2000), other.sessions.add('state', '', 2000)])
    t.strictSame(added.toSorted(), [false, true], 'of two who add it at once, one is told so')
    t.equal(await sessions.add('state', 'another', 9000), false)
    t.equal(await other.sessions.get('state'), '')
    t.equal(await other.sessions.add('state-2', '{}', 2000), true)
  })

  await t.test('sessions are no changes', async t => {
    const store = await openFresh(t, make, () => 1000)
    await store.sessions.set('hash-1', '{}', 2000)
    await store.sessions.delete('hash-1')
    t.equal(await store.changes.revision(), revision(0))
  })

  await t.test('what has expired does not stay in the store', async t => {
    let now = 1000
    const database = await make(t)
    const { sessions } = await open(t, database, () => now)
    await sessions.set('hash-1', 'canary', now + minute)
    now += 30 * minute
    await sessions.set('hash-2', '{}', now + minute)
    // Back in time, to see what is really there.
    const past = await open(t, database, () => 1000)
    t.equal(await past.sessions.get('hash-1'), undefined)
    t.equal(await past.sessions.get('hash-2'), '{}')
  })

  await t.test('what a flood has left goes in pieces, each with something that is written', async t => {
    let now = 1000
    const database = await make(t)
    const { sessions } = await open(t, database, () => now)
    await sessions.set('first', '{}', now + minute) // it prunes, and for ten minutes no other does
    for (let at = 0; at < 150; at += 1) await sessions.set(`flood-${at}`, '{}', now + minute)
    const past = await open(t, database, () => 1000)
    const left = async () => {
      const found = await Promise.all(
        Array.from({ length: 150 }, (_, at) => past.sessions.get(`flood-${at}`)),
      )
      return found.filter(each => each !== undefined).length
    }
    now += 30 * minute
    await sessions.set('good-1', '{}', now + 90 * minute)
    const between = await left()
    t.ok(between >= 50 && between < 150, `${between} are left`)
    await sessions.set('good-2', '{}', now + 90 * minute)
    t.equal(await left(), 0)
    t.equal(await sessions.get('good-1'), '{}')
  })
}
