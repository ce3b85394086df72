import type { Test } from 'tap'
import type { PasswordId, Subject } from '../../src/gateway/names.ts'
import type { PasswordMac } from '../../src/gateway/generated-password.ts'
import type { CountedUse, ToolUse, ToolUseKey } from '../../src/gateway/tool-uses.ts'
import { type MakeDatabase, openFresh } from './contract.ts'
import { actor, anna, boris, contoso, fabrikam, hashOf, msa, silently, upstream } from './samples.ts'

const day = 24 * 60 * 60 * 1000
const minute = 60_000

export async function toolUsesContract(t: Test, make: MakeDatabase): Promise<void> {
  await t.test(
    'uses of tools are counted, kept for some days, and go with their user and account',
    async t => {
      let now = 100 * day
      const store = await openFresh(t, make, () => now)
      const registry = store.registry(silently)
      await registry.addAccount(actor, { name: fabrikam, upstream })
      for (const username of [anna, boris])
        await registry.setCredential(actor, msa, { username, hash: hashOf('one') })
      const id = 'p234567890' as PasswordId
      await registry.addPassword(
        actor,
        msa,
        { username: anna },
        { id, mac: 'mac' as PasswordMac, name: 'laptop', readOnly: false },
      )
      const subjectOf = async (username: typeof anna): Promise<Subject> => {
        const { current } = await store.credentials.find(msa, undefined, username)
        if (current === undefined) throw new Error('the test has not made that credential')
        return current.subject
      }
      const [isAnna, isBoris] = [await subjectOf(anna), await subjectOf(boris)]
      const use = (rest: Partial<CountedUse> = {}): CountedUse => ({
        account: fabrikam,
        subject: isAnna,
        tool: 'git/2',
        network: '192.0.2.1',
        path: 'git:r',
        firstAt: now,
        lastAt: now,
        requests: 1,
        ...rest,
      })
      const record = (...uses: readonly CountedUse[]) => store.toolUses.record(uses, 30 * day)
      const list = async (filter = {}) =>
        (await store.toolUses.list(filter)).map(({ username, tool, password, path, requests }) =>
          [username.split('@')[0], tool ?? '-', password.name ?? '-', path, requests].join(' '),
        )

      await record(
        use({ requests: 5 }),
        use({ password: id, lastAt: now + 3 }),
        use({ tool: undefined, lastAt: now + 2 }),
      )
      await record(use({ lastAt: now + 5, requests: 2 }), use({ subject: isBoris, lastAt: now + 1 }))
      await record(use({ firstAt: now - 9, lastAt: now - 9 }), use({ subject: 'unknown' as Subject }))
      t.strictSame(await list(), [
        'anna git/2 - git:r 8',
        'anna git/2 laptop git:r 1',
        'anna - - git:r 1',
        'boris git/2 - git:r 1',
      ])
      const [first, second] = await store.toolUses.list({})
      t.match(first, {
        account: fabrikam,
        scope: msa,
        network: '192.0.2.1',
        firstAt: now - 9,
        lastAt: now + 5,
        password: { generated: false, setAt: now },
      })
      t.match(second?.password, { generated: true, name: 'laptop', setAt: now })
      t.strictSame(await list({ since: now + 3 }), ['anna git/2 - git:r 8', 'anna git/2 laptop git:r 1'])
      t.strictSame(await list({ account: contoso }), [])

      const crowd = Array.from({ length: 250 }, (_, at) => use({ path: `git:r${at}`, lastAt: now + 10 + at }))
      now += 11 * minute
      await record(...crowd)
      const kept = await list()
      t.equal(kept.filter(each => each.startsWith('anna')).length, 200, 'a user fills no store')
      t.equal(kept[0], 'anna git/2 - git:r249 1')
      t.ok(kept.includes('boris git/2 - git:r 1'), 'nor displaces another')

      const paged: ToolUse[] = []
      let after: ToolUseKey | undefined
      do {
        const page = await store.toolUses.page({ account: fabrikam, since: now - 30 * day, after, most: 67 })
        t.ok(page.uses.length <= 67)
        paged.push(...page.uses)
        after = page.next
      } while (after !== undefined)
      const byPath = (uses: readonly ToolUse[]) =>
        uses.toSorted((one, other) =>
          `${one.path} ${one.username}` < `${other.path} ${other.username}` ? -1 : 1,
        )
      t.strictSame(byPath(paged), byPath(await store.toolUses.list({})), 'each is in one page')
      t.strictSame(await store.toolUses.page({ account: contoso, most: 5 }), { uses: [] })

      t.equal(await registry.setAccount(actor, fabrikam, { rename: contoso }), undefined)
      t.equal((await list({ account: contoso })).length, kept.length)
      t.equal(await registry.removeCredential(actor, msa, anna), undefined)
      t.strictSame(await list(), ['boris git/2 - git:r 1'])
      now += 29 * day
      await record()
      t.equal((await list()).length, 1)
      now += 2 * day
      await record()
      t.strictSame(await list(), [])
      await record(use({ account: contoso, subject: isBoris }))
      t.equal(await registry.removeAccount(actor, contoso), undefined)
      t.strictSame(await list(), [])
    },
  )
}
