import type { Test } from 'tap'
import type { Change } from '../../src/gateway/history.ts'
import type { Store } from '../../src/store/store.ts'
import { type MakeDatabase, openFresh } from './contract.ts'
import {
  actor,
  anna,
  annaOwner,
  annie,
  boris,
  contoso,
  fabrikam,
  hashOf,
  inNorth,
  inSouth,
  msa,
  north,
  shortAnna,
  silently,
  south,
  upstream,
} from './samples.ts'

async function subjectOf(store: Store, username: typeof anna, scope = msa) {
  const { current } = await store.credentials.find(scope, undefined, username)
  if (current === undefined) throw new Error('the test has not made that credential')
  return current.subject
}

/** As the gateway reads it: `undefined` if it is open to all. */
async function listOf(store: Store) {
  const { account } = await store.accounts.find(fabrikam)
  return account?.members && new Map([...account.members].map(([scope, who]) => [scope, [...who].toSorted()]))
}

async function aStore(t: Test, make: MakeDatabase) {
  const store = await openFresh(t, make)
  const registry = store.registry(silently)
  await registry.addDirectory(actor, north)
  await registry.addAccount(actor, { name: fabrikam, upstream })
  await registry.setCredential(actor, msa, { username: anna, secondary: shortAnna, hash: hashOf('one') })
  return { store, registry }
}

export async function membersContract(t: Test, make: MakeDatabase): Promise<void> {
  await t.test('an account is open to all until it gets a member', async t => {
    const { store, registry } = await aStore(t, make)
    t.equal(await listOf(store), undefined)
    t.strictSame(await registry.members(fabrikam), [])
    t.equal((await registry.account(fabrikam))?.membersOnly, undefined)

    t.equal(await registry.addMembers(actor, fabrikam, msa, [shortAnna]), undefined)
    t.strictSame(await listOf(store), new Map([[msa, [await subjectOf(store, anna)]]]))
    t.strictSame(await registry.members(fabrikam), [{ scope: msa, username: anna, waiting: false }])
    t.equal((await registry.account(fabrikam))?.membersOnly, true)
  })

  await t.test('members are listed by subject: a rename neither removes nor adds one', async t => {
    const { store, registry } = await aStore(t, make)
    await registry.addMembers(actor, fabrikam, msa, [anna])
    const subject = await subjectOf(store, anna)
    await registry.claimCredential(actor, msa, anna, annaOwner)
    const renamed = { username: annie, hash: hashOf('two'), owner: annaOwner }
    t.equal(await registry.setCredential(actor, msa, renamed), undefined)
    t.equal(await registry.setCredential(actor, msa, { username: anna, hash: hashOf('x') }), undefined)

    t.strictSame(await listOf(store), new Map([[msa, [subject]]]))
    t.notSame(await subjectOf(store, anna), subject, 'another user has her old name now')
    t.strictSame(await registry.members(fabrikam), [{ scope: msa, username: annie, waiting: false }])
    t.equal(await registry.removeMembers(actor, fabrikam, [annie]), undefined)
    t.strictSame(await registry.members(fabrikam), [])
  })

  await t.test('an unused address waits for its credential, in its scope alone', async t => {
    const { store, registry } = await aStore(t, make)
    t.equal(await registry.addMembers(actor, fabrikam, inNorth, [boris]), undefined)
    t.strictSame(await listOf(store), new Map([[inNorth, [boris as string]]]))
    await registry.setCredential(actor, msa, { username: boris, hash: hashOf('elsewhere') })
    t.strictSame(await registry.members(fabrikam), [{ scope: inNorth, username: boris, waiting: true }])

    await registry.setCredential(actor, inNorth, { username: boris, hash: hashOf('here') })
    t.strictSame(await listOf(store), new Map([[inNorth, [await subjectOf(store, boris, inNorth)]]]))
    t.strictSame(await registry.members(fabrikam), [{ scope: inNorth, username: boris, waiting: false }])
  })

  await t.test('without its last member an account is closed; opened, it is open to all', async t => {
    const { store, registry } = await aStore(t, make)
    await registry.addMembers(actor, fabrikam, msa, [anna, boris])
    await registry.addMembers(actor, fabrikam, inNorth, [anna])
    t.equal(await registry.removeMembers(actor, fabrikam, [anna]), undefined)
    t.strictSame(await listOf(store), new Map([[msa, [boris as string]]]), 'she is off in every scope')
    t.equal(await registry.removeMembers(actor, fabrikam, [boris]), undefined)
    t.strictSame(await listOf(store), new Map())
    t.equal(await registry.openToAll(actor, fabrikam), undefined)
    t.equal(await listOf(store), undefined)
    await registry.addMembers(actor, fabrikam, msa, [anna])
    t.strictSame(await registry.members(fabrikam), [{ scope: msa, username: anna, waiting: false }])
  })

  await t.test('every change of a list names the account, so that all gateways forget it', async t => {
    const { store, registry } = await aStore(t, make)
    const announced: Change[] = []
    const telling = store.registry(async change => void announced.push(change))
    await telling.addMembers(actor, fabrikam, msa, [anna])
    await telling.removeMembers(actor, fabrikam, [anna])
    await telling.openToAll(actor, fabrikam)
    t.strictSame(
      announced.map(({ action, account, usernames }) => [action, account, usernames]),
      [
        ['members-added', fabrikam, [anna]],
        ['members-removed', fabrikam, [anna]],
        ['account-opened', fabrikam, []],
      ],
    )
    t.strictSame(await registry.members(contoso), [])
  })

  await t.test('what cannot be done to a list is said, and changes nothing', async t => {
    const { store, registry } = await aStore(t, make)
    const noAccount = { problem: 'no-such-account', name: contoso }
    t.strictSame(await registry.addMembers(actor, contoso, msa, [anna]), noAccount)
    t.strictSame(await registry.removeMembers(actor, contoso, [anna]), noAccount)
    t.strictSame(await registry.openToAll(actor, contoso), noAccount)
    t.strictSame(await registry.addMembers(actor, fabrikam, inSouth, [anna]), {
      problem: 'no-such-directory',
      directoryId: south.id,
    })
    t.strictSame(await registry.addMembers(actor, fabrikam, msa, [boris, annie]), {
      problem: 'no-such-credential',
      username: annie,
      scope: msa,
    })
    t.equal(await listOf(store), undefined)
    const open = { problem: 'no-members', name: fabrikam }
    t.strictSame(await registry.removeMembers(actor, fabrikam, [anna]), open)
    t.strictSame(await registry.openToAll(actor, fabrikam), open)

    await registry.addMembers(actor, fabrikam, msa, [anna])
    const before = await store.changes.revision()
    t.strictSame(await registry.removeMembers(actor, fabrikam, [anna, boris]), {
      problem: 'no-such-member',
      name: fabrikam,
      username: boris,
    })
    t.equal((await registry.members(fabrikam)).length, 1)
    t.equal(await store.changes.revision(), before)
  })
}
