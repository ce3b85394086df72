import { join } from 'node:path'
import type { Test } from 'tap'
import { openStore } from '../../src/store/store.ts'
import { run, succeeded } from '../support/run.ts'
import { type MakeDatabase, open, openFresh } from './contract.ts'
import {
  actor,
  anna,
  annaOwner,
  boris,
  fabrikam,
  hashOf,
  msa,
  revision,
  silently,
  upstream,
} from './samples.ts'

export async function openingContract(t: Test, make: MakeDatabase): Promise<void> {
  await t.test('three processes that start at once on nothing make one store, with one key', async t => {
    const database = await make(t)
    const startAt = String(Date.now() + 1500)
    const opening = Array.from({ length: 3 }, async (_, number) => {
      const args = [join(import.meta.dirname, '../support/store-opener.ts'), startAt, `account-${number}`]
      return succeeded(
        'a starting process',
        await run(process.execPath, args, { env: process.env, stdin: database.url.reveal() }),
      )
    })
    const keys = await Promise.all(opening)
    t.equal(new Set(keys).size, 1)
    const store = await open(t, database)
    t.equal(keys[0], Buffer.from(await store.key('verdicts')).toString('hex'))
    t.equal((await store.registry(silently).accounts()).length, 3)
  })

  await t.test('the key is 32 random bytes, the same ever after', async t => {
    const database = await make(t)
    const [store, other] = [await open(t, database), await open(t, database)]
    const [one, two] = await Promise.all([store.key('verdicts'), other.key('verdicts')])
    t.equal(one.length, 32)
    t.same(one, two)
    t.notSame(one, await store.key('passwords'), 'each name has its own')
    const elsewhere = await (await openFresh(t, make)).key('verdicts')
    t.notSame(one, elsewhere)
  })

  await t.test('what was kept is there when the store is opened again', async t => {
    const database = await make(t)
    const first = await openStore({ url: database.url })
    await first.registry(silently).addAccount(actor, { name: fabrikam, upstream })
    await first.close()
    const second = await open(t, database)
    t.match(await second.accounts.find(fabrikam), {
      asOf: revision(1),
      account: { name: fabrikam, upstream },
    })
    await second.ping()
  })

  await t.test('a store of the first version is brought up to date, with all that is in it', async t => {
    const database = await make(t)
    const first = await openStore({ url: database.url })
    await first.registry(silently).setCredential(actor, msa, { username: anna, hash: hashOf('one') })
    await first.registry(silently).setCredential(actor, msa, { username: boris, hash: hashOf('one') })
    await first.close()
    await database.execute(`
      drop table sessions;
      drop index credentials_owner;
      alter table credentials drop column owner;
      alter table credentials drop column last_used_at;
      alter table credentials drop column last_used_from;
      delete from migrations where name = '0002-owners-and-sessions'`)
    const registry = (await open(t, database)).registry(silently)
    for (const { owner, lastUsed } of await registry.credentials(msa))
      t.strictSame([owner, lastUsed], [undefined, undefined])
    t.equal(await registry.claimCredential(actor, msa, anna, annaOwner), undefined)
    t.match(await registry.ownCredential(msa, annaOwner), { username: anna })
  })

  await t.test('a store of the second version is brought up to date: every account is open', async t => {
    const database = await make(t)
    const first = await openStore({ url: database.url })
    await first.registry(silently).addAccount(actor, { name: fabrikam, upstream })
    await first.close()
    await database.execute(`
      drop table members;
      drop table account_uses;
      drop table links;
      alter table accounts drop column members_only;
      alter table connections drop column bridged_until;
      alter table connections drop column undo;
      delete from migrations where name = '0003-members-uses-and-links'`)
    const store = await open(t, database)
    t.strictSame((await store.accounts.find(fabrikam)).account, {
      name: fabrikam,
      upstream,
      connection: { kind: 'msa' },
    })
    t.strictSame(await store.registry(silently).usesOf(fabrikam), [])
  })

  await t.test(
    'a store that a newer version has made is refused with a sentence, and left as it is',
    async t => {
      const database = await make(t)
      await (await openStore({ url: database.url })).close()
      await database.execute("insert into migrations (name, applied_at) values ('9999-of-the-future', 0)")
      await t.rejects(openStore({ url: database.url }), {
        message: /made by a newer version of Altgate/,
      })
      await database.execute("delete from migrations where name = '9999-of-the-future'")
      await (await open(t, database)).ping()
    },
  )
}
