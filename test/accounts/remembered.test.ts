import { setImmediate } from 'node:timers/promises'
import t from 'tap'
import { createRememberedAccounts } from '../../src/accounts/remembered.ts'
import type { Account } from '../../src/gateway/account.ts'
import type { AccountName, Revision } from '../../src/gateway/names.ts'
import { Outage } from '../../src/gateway/outage.ts'
import type { FoundAccount } from '../../src/gateway/ports.ts'

const fabrikam = 'fabrikam' as AccountName
const contoso = 'contoso' as AccountName
const at = (revision: number) => revision as Revision

const onMsa: Account = { name: fabrikam, connection: { kind: 'msa' }, upstream: 'http://127.0.0.1:1' }
const moved: Account = { ...onMsa, upstream: 'http://127.0.0.1:2' }

/** A store that answers when the test says so, and a clock set by hand. */
function setUp(entries: { readonly entries?: number; readonly absentEntries?: number } = {}) {
  const reads: PromiseWithResolvers<FoundAccount>[] = []
  let now = 0
  const accounts = createRememberedAccounts({
    store: {
      find() {
        const read = Promise.withResolvers<FoundAccount>()
        reads.push(read)
        return read.promise
      },
    },
    now: () => now,
    ...entries,
  })
  return {
    accounts,
    reads,
    answer: (read: number, asOf: number, account: Account | undefined) =>
      reads[read]?.resolve({ asOf: at(asOf), account }),
    advance: (seconds: number) => (now += seconds * 1000),
  }
}

t.test('an account is read once, and known for five minutes', async t => {
  const { accounts, reads, answer, advance } = setUp()
  const first = accounts.find(fabrikam)
  answer(0, 1, onMsa)
  t.equal(await first, onMsa)
  t.equal(accounts.find(fabrikam), onMsa, 'without waiting')
  advance(299)
  t.equal(accounts.find(fabrikam), onMsa)
  advance(1)
  void accounts.find(fabrikam)
  t.equal(reads.length, 2)
})

t.test('that there is no such account is known for half a minute', async t => {
  const { accounts, reads, answer, advance } = setUp()
  const first = accounts.find(fabrikam)
  answer(0, 1, undefined)
  t.equal(await first, undefined)
  advance(29)
  t.equal(accounts.find(fabrikam), undefined)
  t.equal(reads.length, 1)
  advance(1)
  void accounts.find(fabrikam)
  t.equal(reads.length, 2)
})

t.test('invented names do not push out the accounts that there are', async t => {
  const { accounts, reads, answer } = setUp({ entries: 2, absentEntries: 3 })
  const known = accounts.find(fabrikam)
  answer(0, 1, onMsa)
  await known
  for (let guess = 1; guess <= 10; guess += 1) {
    const absent = accounts.find(`invented-${guess}` as AccountName)
    answer(guess, 1, undefined)
    await absent
  }
  t.equal(accounts.find(fabrikam), onMsa)
  void accounts.find('invented-1' as AccountName)
  t.equal(reads.length, 12, 'of the invented ones only a few are kept')
})

t.test('many who ask at the same time share one read', async t => {
  const { accounts, reads, answer } = setUp()
  const asked = [1, 2, 3].map(async () => accounts.find(fabrikam))
  const other = accounts.find(contoso)
  await setImmediate()
  t.equal(reads.length, 2)
  answer(0, 1, onMsa)
  answer(1, 1, undefined)
  t.strictSame(await Promise.all(asked), [onMsa, onMsa, onMsa])
  t.equal(await other, undefined)
})

t.test('after a change the account is read again', async t => {
  const { accounts, answer } = setUp()
  const first = accounts.find(fabrikam)
  answer(0, 1, onMsa)
  await first
  accounts.forget(fabrikam, at(2))
  const second = accounts.find(fabrikam)
  answer(1, 2, moved)
  t.equal(await second, moved)
  t.equal(accounts.find(fabrikam), moved)
  accounts.forget(fabrikam, at(2))
  t.equal(accounts.find(fabrikam), moved, 'the same news again take nothing away')
})

t.test('what was read between announcement and commit is used, and not remembered', async t => {
  const { accounts, reads, answer } = setUp()
  accounts.forget(fabrikam, at(2))
  const before = accounts.find(fabrikam)
  answer(0, 1, onMsa)
  t.equal(await before, onMsa, 'the change is not made yet')
  const after = accounts.find(fabrikam)
  t.equal(reads.length, 2)
  answer(1, 2, moved)
  t.equal(await after, moved)
})

t.test('who comes after a commit does not share a read that began before it', async t => {
  const { accounts, reads, answer } = setUp()
  accounts.forget(fabrikam, at(2))
  const before = accounts.find(fabrikam)
  const after = [1, 2, 3].map(async () => accounts.find(fabrikam))
  answer(0, 1, onMsa)
  t.equal(await before, onMsa)
  await setImmediate()
  t.equal(reads.length, 2, 'those who come after it share another one')
  answer(1, 2, moved)
  t.strictSame(await Promise.all(after), [moved, moved, moved])
})

t.test('a read that began before a change and ends after it leaves nothing behind', async t => {
  const { accounts, reads, answer, advance } = setUp()
  const late = accounts.find(fabrikam)
  accounts.forget(fabrikam, at(2))
  answer(0, 1, onMsa)
  await late
  const again = accounts.find(fabrikam)
  t.equal(reads.length, 2)
  answer(1, 1, onMsa)
  await again
  advance(599)
  const stillOld = accounts.find(fabrikam)
  answer(2, 1, onMsa)
  await stillOld
  advance(1)
  void accounts.find(fabrikam)
  t.equal(reads.length, 4, 'not even when the news have been put away')
})

t.test('after a gap in the log every account is read again', async t => {
  const { accounts, reads, answer } = setUp()
  const first = accounts.find(fabrikam)
  answer(0, 1, onMsa)
  await first
  accounts.forgetAll(at(2))
  void accounts.find(fabrikam)
  t.equal(reads.length, 2)
})

t.test('while the store is down the accounts that are known go on, and the others are an outage', async t => {
  const { accounts, reads, answer } = setUp()
  const first = accounts.find(fabrikam)
  answer(0, 1, onMsa)
  await first
  const [one, other] = [accounts.find(contoso), accounts.find(contoso)]
  reads[1]?.reject(new Outage('store', new Error('down')))
  await t.rejects(Promise.resolve(one), { name: 'Outage', part: 'store' })
  await t.rejects(Promise.resolve(other), { name: 'Outage', part: 'store' })
  t.equal(accounts.find(fabrikam), onMsa)
  const again = accounts.find(contoso)
  answer(2, 1, undefined)
  t.equal(await again, undefined, 'and an outage is not remembered')
})
