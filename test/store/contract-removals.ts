import type { Test } from 'tap'
import { createGeneratedPasswords } from '../../src/gateway/generated-password.ts'
import type { Change } from '../../src/gateway/history.ts'
import type { AccountName, Owner } from '../../src/gateway/names.ts'
import { type MakeDatabase, open, openFresh } from './contract.ts'
import {
  actor,
  anna,
  annaOwner,
  boris,
  borisOwner,
  contoso,
  fabrikam,
  hashOf,
  inNorth,
  msa,
  north,
  shortAnna,
  silently,
  south,
  toNorth,
  upstream,
} from './samples.ts'

const annaInNorth = 'eeeeeeee-0000-4000-8000-00000000000a' as Owner
const renamed = 'fabrikam-archive' as AccountName

/** Anna is a member of fabrikam, has used it, has a named password, a sign-in, and a link to herself in North. */
async function aStore(t: Test, make: MakeDatabase) {
  const database = await make(t)
  const store = await open(t, database)
  const announced: Change[] = []
  const registry = store.registry(async change => void announced.push(change))
  await registry.addDirectory(actor, north)
  await registry.addDirectory(actor, south)
  await registry.addAccount(actor, { name: fabrikam, upstream })
  await registry.setCredential(actor, msa, {
    username: anna,
    secondary: shortAnna,
    owner: annaOwner,
    hash: hashOf('anna'),
  })
  await registry.setCredential(actor, inNorth, { username: boris, owner: annaInNorth, hash: hashOf('n') })
  await registry.addMembers(actor, fabrikam, msa, [anna])
  const { id, mac } = createGeneratedPasswords(Buffer.alloc(32, 1)).make()
  await registry.addPassword(actor, msa, { username: anna }, { id, mac, name: 'build', readOnly: false })
  await registry.link(actor, { scope: msa, owner: annaOwner }, { scope: inNorth, owner: annaInNorth })
  await registry.giveGrant(actor, {
    scope: msa,
    owner: annaOwner,
    issuer: 'https://login.example.com',
    clientId: 'altgate',
    refreshToken: 'sealed',
  })
  const { current } = await store.credentials.find(msa, undefined, anna)
  if (current === undefined) throw new Error('the test has not made that credential')
  const use = { scope: msa, subject: current.subject, at: 1, from: '192.0.2.7' }
  await store.lastUsed.record([{ ...use, account: fabrikam }])
  announced.length = 0
  /** Fails if the table has rows: the database itself refuses what the check forbids. */
  const isEmpty = async (table: string) => {
    await database.execute(`create table no_${table} (n integer check (n = 0))`)
    await database.execute(`insert into no_${table} select count(*) from ${table}`)
  }
  return { store, registry, announced, current, isEmpty }
}

export async function removalsContract(t: Test, make: MakeDatabase): Promise<void> {
  await t.test('a credential is removed with everything that belongs to it', async t => {
    const { store, registry, announced, current, isEmpty } = await aStore(t, make)
    t.equal(await registry.removeCredential(actor, msa, shortAnna), undefined)
    t.match(announced, [{ action: 'credential-removed', scope: msa, usernames: [anna, shortAnna, boris] }])
    t.equal((await store.credentials.find(msa, undefined, anna)).current, undefined)
    t.strictSame(await registry.members(fabrikam), [])
    t.match(await registry.account(fabrikam), { membersOnly: true }, 'it stays restricted')
    t.strictSame(await registry.usesOf(fabrikam), [])
    for (const table of ['passwords', 'grants', 'links', 'account_uses', 'members'])
      await t.resolves(isEmpty(table), table)
    t.equal((await store.grants.of(msa, annaOwner)).grant, undefined)
    t.equal(await registry.linkedTo({ scope: inNorth, owner: annaInNorth }, msa), undefined)
    t.match((await store.credentials.find(inNorth, undefined, boris)).current, { username: boris })
    t.match(await registry.removeCredential(actor, msa, anna), { problem: 'no-such-credential' })

    // The address passes to another person.
    await registry.setCredential(actor, msa, { username: anna, owner: borisOwner, hash: hashOf('other') })
    const { current: heir } = await store.credentials.find(msa, undefined, anna)
    t.not(heir?.subject, current.subject)
    t.strictSame(await registry.members(fabrikam), [], 'the heir is no member')
    const { account } = await store.accounts.find(fabrikam)
    t.notOk(account?.members?.get(msa)?.has(anna))
  })

  await t.test(
    'an account is removed with its members, uses and connections, and can be added anew',
    async t => {
      const { store, registry, announced } = await aStore(t, make)
      await registry.connect(actor, fabrikam, north.id)
      announced.length = 0
      t.equal(await registry.removeAccount(actor, fabrikam), undefined)
      t.match(announced, [{ action: 'account-removed', account: fabrikam, usernames: [] }])
      t.equal((await store.accounts.find(fabrikam)).account, undefined)
      t.strictSame(await registry.usesOf(fabrikam), [])
      t.match(await registry.removeAccount(actor, fabrikam), { problem: 'no-such-account', name: fabrikam })

      await registry.addAccount(actor, { name: fabrikam, upstream })
      const { account } = await store.accounts.find(fabrikam)
      t.match(account, { connection: { kind: 'msa' }, members: undefined, former: undefined })
      t.equal((await registry.account(fabrikam))?.history.length, 1)
    },
  )

  await t.test(
    'an account gets another upstream and another name, and what belongs to it follows',
    async t => {
      const { store, registry, announced } = await aStore(t, make)
      await registry.addAccount(actor, { name: contoso, upstream })
      await registry.connect(actor, fabrikam, north.id)
      announced.length = 0
      const elsewhere = 'https://elsewhere.example/'
      t.equal(await registry.setAccount(actor, fabrikam, { upstream: elsewhere }), undefined)
      t.match(announced, [{ action: 'account-changed', account: fabrikam }])
      t.equal(await registry.setAccount(actor, fabrikam, { upstreamAuth: 'tfs' }), undefined)
      t.match(announced.at(-1), { action: 'account-changed', account: fabrikam })
      t.match((await store.accounts.find(fabrikam)).account, { upstream: elsewhere, upstreamAuth: 'tfs' })
      t.match((await registry.upstreamsIn(inNorth))[0], { name: fabrikam, upstreamAuth: 'tfs' })
      t.match(await registry.setAccount(actor, fabrikam, { rename: contoso }), {
        problem: 'account-exists',
        name: contoso,
      })
      t.match(await registry.setAccount(actor, renamed, { rename: contoso }), { problem: 'no-such-account' })

      announced.length = 0
      t.equal(await registry.setAccount(actor, fabrikam, { rename: renamed }), undefined)
      t.match(announced, [{ action: 'account-renamed', accounts: [fabrikam, renamed], usernames: [] }])
      t.equal((await store.accounts.find(fabrikam)).account, undefined)
      t.match((await store.accounts.find(renamed)).account, {
        upstream: elsewhere,
        connection: toNorth,
        former: { connection: { kind: 'msa' } },
      })
      t.equal((await registry.account(renamed))?.history.length, 2)
      t.equal((await registry.account(renamed))?.upstreamAuth, 'tfs', 'it follows the name')
      t.equal(await registry.setAccount(actor, renamed, { upstreamAuth: null }), undefined)
      t.equal((await registry.account(renamed))?.upstreamAuth, undefined)
      t.equal((await store.accounts.find(renamed)).account?.upstreamAuth, undefined)
      t.match(await registry.members(renamed), [{ username: anna }])
      t.match(await registry.usesOf(renamed), [{ username: anna }])
      const last = (await store.changes.revision()) - 2
      t.match(
        await store.changes.since(last as never),
        [{ accounts: [fabrikam, renamed] }, { account: renamed }],
        'in the log, too',
      )
      t.equal(await registry.setAccount(actor, renamed, { rename: renamed }), undefined, 'its own name')
    },
  )

  await t.test('a directory gets another name and issuer, for all accounts that show it', async t => {
    const { store, registry, announced } = await aStore(t, make)
    await registry.connect(actor, fabrikam, north.id)
    announced.length = 0
    t.equal(await registry.setDirectory(actor, north.id, { name: 'Northwind' }), undefined)
    t.match(announced, [{ action: 'directory-changed', scope: inNorth, accounts: [fabrikam] }])
    t.match((await store.accounts.find(fabrikam)).account, { connection: { directoryName: 'Northwind' } })
    await registry.setDirectory(actor, north.id, { issuer: 'https://login.example.com/n' })
    await registry.setDirectory(actor, south.id, { issuer: null })
    t.strictSame(await registry.directories(), [
      { id: north.id, name: 'Northwind', issuer: 'https://login.example.com/n' },
      { id: south.id, name: south.name },
    ])
    const unknown = 'cccccccc-0000-4000-8000-000000000003' as typeof north.id
    t.match(await registry.setDirectory(actor, unknown, { name: 'x' }), { problem: 'no-such-directory' })
  })

  await t.test(
    'a directory is removed with its credentials, but not while accounts are connected',
    async t => {
      const { store, registry, announced } = await aStore(t, make)
      await registry.connect(actor, fabrikam, north.id)
      t.strictSame(await registry.removeDirectory(actor, north.id), {
        problem: 'directory-in-use',
        directoryId: north.id,
        accounts: [fabrikam],
      })
      await registry.disconnect(actor, fabrikam)
      announced.length = 0
      t.equal(await registry.removeDirectory(actor, north.id), undefined)
      t.match(announced, [{ action: 'directory-removed', scope: inNorth, usernames: [boris] }])
      t.strictSame(await registry.credentials(inNorth), [])
      t.equal(await registry.linkedTo({ scope: msa, owner: annaOwner }, inNorth), undefined)
      t.strictSame(
        (await registry.directories()).map(({ id }) => id),
        [south.id],
      )
      t.match(await registry.removeDirectory(actor, north.id), { problem: 'no-such-directory' })
      t.match(await registry.connect(actor, fabrikam, north.id), { problem: 'no-such-directory' })
      t.match(
        (await store.accounts.find(fabrikam)).account?.former,
        { connection: toNorth },
        'the history keeps its name',
      )
      t.equal(await registry.addDirectory(actor, { ...north, name: 'North again' }), undefined)
      t.equal(await registry.connect(actor, fabrikam, north.id), undefined)
    },
  )

  await t.test('links end, one or all', async t => {
    const { registry, announced } = await aStore(t, make)
    t.match(await registry.unlink(actor, { scope: msa, owner: borisOwner }), { problem: 'not-linked' })
    t.match(await registry.unlink(actor, { scope: inNorth, owner: annaInNorth }, inNorth), {
      problem: 'not-linked',
    })
    t.equal(await registry.unlink(actor, { scope: msa, owner: annaOwner }), undefined)
    t.match(announced, [{ action: 'identities-unlinked', scope: msa }])
    t.strictSame(new Set(announced[0]?.usernames), new Set([anna, shortAnna, boris]))
    t.equal(await registry.linkedTo({ scope: inNorth, owner: annaInNorth }, msa), undefined)
  })

  await t.test('sessions of a user end, or of all; other entries stay', async t => {
    const store = await openFresh(t, make)
    const registry = store.registry(silently)
    const until = Date.now() + 60_000
    const session = (owner: Owner, username: string) =>
      JSON.stringify({ csrf: 'x', identities: [{ scope: msa, owner, username }] })
    for (let n = 0; n < 600; n++) await store.sessions.set(`other${n}`, session(borisOwner, boris), until)
    await store.sessions.set('by-owner', session(annaOwner, 'former@example.com'), until)
    await store.sessions.set('by-name', session('x' as Owner, anna), until)
    await store.sessions.set('pending', '', until)
    await store.sessions.set('contest', '1234567', until)
    const whose = { people: [{ scope: msa, owner: annaOwner }], username: anna }
    t.equal(await registry.revokeSessions(actor, { ...whose, scope: inNorth, people: [] }), 0)
    t.equal(await store.changes.revision(), 0, 'nothing was changed')
    t.equal(await registry.revokeSessions(actor, whose), 2)
    t.equal(await store.sessions.get('by-owner'), undefined)
    t.ok(await store.sessions.get('other1'))
    t.match(await store.changes.since(0 as never), [{ action: 'sessions-revoked', usernames: [anna] }])
    t.equal(await registry.revokeSessions(actor, 'all'), 600)
    t.equal(await store.sessions.get('contest'), '1234567')
    t.equal(await store.sessions.get('pending'), '')
  })

  await t.test('a reset makes no credential', async t => {
    const { registry } = await aStore(t, make)
    const credential = { username: boris, hash: hashOf('new') }
    t.match(await registry.resetCredential(actor, msa, credential), { problem: 'no-such-credential' })
    t.equal(await registry.resetCredential(actor, inNorth, credential), undefined)
    t.equal((await registry.credentials(msa)).length, 1)
  })
}
