import type { Test } from 'tap'
import { type MakeDatabase, open, openFresh } from './contract.ts'
import { revision } from './samples.ts'

const minute = 60_000

/** What the authorization server keeps, in every kind of store. */
export async function oauthContract(t: Test, make: MakeDatabase): Promise<void> {
  await t.test('entries are shared, and end by themselves', async t => {
    let now = 1000
    const database = await make(t)
    const clock = () => now
    const [{ oauth }, other] = [await open(t, database, clock), await open(t, database, clock)]
    await oauth.set('code', { data: '{"a":1}', expiresAt: now + minute, grant: 'grant', userCode: 'user' })
    t.strictSame(await other.oauth.find('code'), { data: '{"a":1}', used: false })
    t.strictSame(await other.oauth.findByUserCode('user'), { key: 'code', data: '{"a":1}', used: false })
    t.equal(await other.oauth.find('user'), undefined)
    now += minute
    t.equal(await other.oauth.find('code'), undefined)
    t.equal(await other.oauth.findByUserCode('user'), undefined)
    t.equal(await oauth.add('code', { data: '{}', expiresAt: now + minute }), true, 'it may be taken again')
    t.equal((await oauth.find('code'))?.used, false)
  })

  await t.test('of many who use one entry, one is the first', async t => {
    const database = await make(t)
    const [{ oauth }, other] = [await open(t, database, () => 1000), await open(t, database, () => 1000)]
    await oauth.set('code', { data: '{}', expiresAt: 2000 })
    const used = await Promise.all([oauth.use('code'), other.oauth.use('code'), oauth.use('code')])
    t.equal(used.filter(Boolean).length, 1)
    await oauth.set('code', { data: '{"b":2}', expiresAt: 2000 })
    t.strictSame(await oauth.find('code'), { data: '{"b":2}', used: true }, 'it stays used')
    t.equal(await oauth.use('nothing'), false)
    const added = await Promise.all(['', ''].map(data => oauth.add('turn', { data, expiresAt: 2000 })))
    t.equal(added.filter(Boolean).length, 1)
  })

  await t.test('everything of a grant ends together, and nothing else', async t => {
    const { oauth } = await openFresh(t, make, () => 1000)
    for (const [key, grant] of [
      ['one', 'first'],
      ['two', 'first'],
      ['three', 'second'],
    ] as const)
      await oauth.set(key, { data: key, expiresAt: 2000, grant })
    await oauth.deleteGrant('first')
    t.equal(await oauth.find('one'), undefined)
    t.equal(await oauth.find('two'), undefined)
    t.match(await oauth.find('three'), { data: 'three' })
    await oauth.delete('three')
    t.equal(await oauth.find('three'), undefined)
  })

  await t.test('they are no changes, and what has expired does not stay', async t => {
    let now = 1000
    const database = await make(t)
    const store = await open(t, database, () => now)
    await store.oauth.set('old', { data: 'canary', expiresAt: now + minute })
    now += 30 * minute
    await store.oauth.set('new', { data: '{}', expiresAt: now + minute })
    t.equal(await store.changes.revision(), revision(0))
    const past = await open(t, database, () => 1000)
    t.equal(await past.oauth.find('old'), undefined)
  })
}
