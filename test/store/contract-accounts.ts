import type { Test } from 'tap'
import type { Account } from '../../src/gateway/account.ts'
import type { AccountName } from '../../src/gateway/names.ts'
import type { Store } from '../../src/store/store.ts'
import { type MakeDatabase, openFresh } from './contract.ts'
import {
  actor,
  contoso,
  fabrikam,
  inNorth,
  inSouth,
  msa,
  north,
  revision,
  silently,
  south,
  toNorth,
  toSouth,
  upstream,
} from './samples.ts'

const msaConnection = { kind: 'msa' } as const

/** The account, as of the newest revision. */
async function find(store: Store, name: AccountName): Promise<Account | undefined> {
  const { asOf, account } = await store.accounts.find(name)
  if (asOf !== (await store.changes.revision())) throw new Error('read as of another revision')
  return account
}

export async function accountsContract(t: Test, make: MakeDatabase): Promise<void> {
  await t.test('an account starts with Microsoft accounts, or with the directory it is given', async t => {
    const store = await openFresh(t, make)
    const registry = store.registry(silently)
    await registry.addDirectory(actor, north)
    t.equal(await registry.addAccount(actor, { name: fabrikam, upstream }), undefined)
    t.equal(await registry.addAccount(actor, { name: contoso, upstream, directoryId: north.id }), undefined)
    t.strictSame(await find(store, fabrikam), { name: fabrikam, upstream, connection: msaConnection })
    t.strictSame(await find(store, contoso), { name: contoso, upstream, connection: toNorth })
  })

  await t.test('an account that was never added is not found', async t => {
    const store = await openFresh(t, make)
    t.strictSame(await store.accounts.find(fabrikam), { asOf: revision(0), account: undefined })
    t.equal(await store.registry(silently).account(fabrikam), undefined)
  })

  await t.test('after each move an account tells where it is, where it was and when it left', async t => {
    let now = 1000
    const store = await openFresh(t, make, () => now)
    const registry = store.registry(silently)
    await registry.addDirectory(actor, north)
    await registry.addDirectory(actor, south)
    await registry.addAccount(actor, { name: fabrikam, upstream })

    const moves = [
      { make: () => registry.connect(actor, fabrikam, north.id), to: toNorth, from: msaConnection },
      { make: () => registry.connect(actor, fabrikam, south.id), to: toSouth, from: toNorth },
      { make: () => registry.disconnect(actor, fabrikam), to: msaConnection, from: toSouth },
    ]
    for (const move of moves) {
      now += 1000
      t.equal(await move.make(), undefined)
      const former = { connection: move.from, leftAt: now }
      t.strictSame(await find(store, fabrikam), {
        name: fabrikam,
        upstream,
        connection: move.to,
        former,
      })
    }
  })

  await t.test('the history of an account says who moved it and when, oldest first', async t => {
    let now = 1000
    const store = await openFresh(t, make, () => now)
    const registry = store.registry(silently)
    await registry.addDirectory(actor, north)
    await registry.addAccount('cli:olga', { name: fabrikam, upstream })
    now = 2000
    await registry.connect('page:anna', fabrikam, north.id)
    await registry.addAccount(actor, { name: contoso, upstream })

    const moved = {
      name: fabrikam,
      upstream,
      connection: toNorth,
      history: [
        { connection: msaConnection, since: 1000, actor: 'cli:olga' },
        { connection: toNorth, since: 2000, actor: 'page:anna' },
      ],
    }
    t.strictSame(await registry.account(fabrikam), moved)
    const [first, second, ...others] = await registry.accounts()
    t.equal(first?.name, contoso)
    t.strictSame(second, moved)
    t.strictSame(others, [])
  })

  await t.test('the accounts of a scope are those that its credentials open today', async t => {
    const registry = (await openFresh(t, make)).registry(silently)
    await registry.addDirectory(actor, north)
    await registry.addDirectory(actor, south)
    await registry.addAccount(actor, { name: fabrikam, upstream })
    await registry.addAccount(actor, { name: contoso, upstream })
    t.strictSame(await registry.accountsIn(msa), [contoso, fabrikam])
    t.strictSame(await registry.accountsIn(inNorth), [])
    await registry.connect(actor, fabrikam, north.id)
    t.strictSame(await registry.accountsIn(msa), [contoso])
    t.strictSame(await registry.accountsIn(inNorth), [fabrikam])
    const inUse = new Map([
      [inNorth, 1],
      [msa, 1],
    ])
    t.strictSame(await registry.scopesInUse(), inUse)
    await registry.connect(actor, fabrikam, south.id)
    t.strictSame(await registry.accountsIn(inNorth), [])
    t.strictSame(await registry.accountsIn(inSouth), [fabrikam])
    await registry.disconnect(actor, fabrikam)
    t.strictSame(await registry.accountsIn(msa), [contoso, fabrikam])
  })

  await t.test('moves keep their order when the clock stands still or steps back', async t => {
    const times = [5000, 5000, 5000, 5000, 5000, 5000, 4000]
    const store = await openFresh(t, make, () => times.shift() ?? 3000)
    const registry = store.registry(silently)
    await registry.addDirectory(actor, north)
    await registry.addAccount(actor, { name: fabrikam, upstream })
    await registry.connect(actor, fabrikam, north.id)
    await registry.disconnect(actor, fabrikam)
    await registry.connect(actor, fabrikam, north.id)
    const account = await find(store, fabrikam)
    t.strictSame(account?.connection, toNorth)
    t.strictSame(account?.former?.connection, msaConnection)
  })

  await t.test('directories are listed with their issuer', async t => {
    const registry = (await openFresh(t, make)).registry(silently)
    await registry.addDirectory(actor, south)
    await registry.addDirectory(actor, north)
    t.strictSame(await registry.directories(), [north, south])
  })

  await t.test('a directory that has its id for a name is given one, once', async t => {
    const store = await openFresh(t, make)
    const registry = store.registry(silently)
    t.equal(await registry.addDirectory('azure-devops', { id: north.id, name: north.id }), undefined)
    const exists = { problem: 'directory-exists', directoryId: north.id } as const
    t.strictSame(await registry.addDirectory('azure-devops', { id: north.id, name: north.id }), exists)
    t.equal(await registry.addDirectory(actor, north), undefined)
    t.strictSame(await registry.directories(), [north])
    t.strictSame(await registry.addDirectory(actor, north), exists)
  })

  await t.test('what cannot be done is said, and changes nothing', async t => {
    const store = await openFresh(t, make)
    const registry = store.registry(silently)
    await registry.addDirectory(actor, north)
    await registry.addAccount(actor, { name: fabrikam, upstream, directoryId: north.id })
    await registry.addAccount(actor, { name: contoso, upstream })
    const before = await registry.accounts()

    t.strictSame(await registry.addDirectory(actor, { ...south, id: north.id }), {
      problem: 'directory-exists',
      directoryId: north.id,
    })
    t.strictSame(await registry.addAccount(actor, { name: fabrikam, upstream: 'https://else.example.com' }), {
      problem: 'account-exists',
      name: fabrikam,
    })
    const noDirectory = { problem: 'no-such-directory', directoryId: south.id }
    t.strictSame(await registry.connect(actor, fabrikam, south.id), noDirectory)
    const { name } = { name: 'tailspin' as typeof fabrikam }
    t.strictSame(await registry.addAccount(actor, { name, upstream, directoryId: south.id }), noDirectory)
    t.strictSame(await registry.connect(actor, name, north.id), { problem: 'no-such-account', name })
    t.strictSame(await registry.disconnect(actor, name), { problem: 'no-such-account', name })
    t.strictSame(await registry.connect(actor, fabrikam, north.id), {
      problem: 'already-connected',
      name: fabrikam,
      connection: toNorth,
    })
    t.strictSame(await registry.disconnect(actor, contoso), {
      problem: 'already-connected',
      name: contoso,
      connection: msaConnection,
    })

    t.strictSame(await registry.accounts(), before)
    t.strictSame(await registry.directories(), [north])
    t.equal(await store.changes.revision(), revision(3))
  })
}
