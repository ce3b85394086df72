import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import type { Test } from 'tap'
import { keptTableNames, leftOutTables, type TakeOptions } from '../../src/store/backup.ts'
import { type ReadBackup, readBackup } from '../../src/store/restore.ts'
import { openStore, type Store } from '../../src/store/store.ts'
import { type FreshDatabase, type MakeDatabase, open } from './contract.ts'
import { actor, anna, boris, fabrikam, hashOf, msa, silently } from './samples.ts'
import { columnsAfter } from './schemas/columns.ts'
import { insertsInto, rows } from './schemas/rows.ts'

/** The text of a backup. */
export async function textOf(store: Store, meanwhile: () => Promise<void> = async () => {}): Promise<string> {
  const pieces: string[] = []
  const write: TakeOptions['write'] = async text => {
    for await (const piece of text) {
      if (pieces.length === 1) await meanwhile()
      pieces.push(piece)
    }
  }
  await store.backup({ version: '0.1.0', now: Date.now(), write, progress() {} })
  return pieces.join('')
}

export function reading(text: string | Buffer): Promise<ReadBackup> {
  return readBackup(Readable.from([Buffer.from(text)]), Date.now(), async () => {})
}

export const restoring = {
  actor,
  announce: async () => {},
  replace: true,
  isNew: false,
  progress: async () => {},
  committing() {},
} as const

/** A store with rows in every table. */
export async function openFull(t: Test, database: FreshDatabase): Promise<Store> {
  const store = await open(t, database)
  await database.execute(insertsInto(await columnsAfter()).join(';\n'))
  return store
}

/** Everything in a backup but what it says of itself. */
function contentOf(text: string): readonly string[] {
  return text.split('\n').slice(1, -2)
}

/** The text of a backup of these lines, with the last one, which anyone can compute. */
function sealed(lines: readonly { readonly table?: string }[]): string {
  const rows: Record<string, number> = {}
  let table = ''
  for (const line of lines)
    if (Array.isArray(line)) rows[table] = (rows[table] ?? 0) + 1
    else if (line.table !== undefined) rows[(table = line.table)] = 0
  const text = lines.map(line => `${JSON.stringify(line)}\n`).join('')
  const sha256 = createHash('sha256').update(text).digest('hex')
  return `${text}${JSON.stringify({ rows, sha256 })}\n`
}

/** `makeEmpty`: a database whose store gets an identity of its own. */
export async function backupContract(t: Test, make: MakeDatabase, makeEmpty: MakeDatabase): Promise<void> {
  await t.test('each table is in a backup, or is left out on purpose', async t => {
    const tables = [...(await columnsAfter()).keys()]
    t.strictSame(tables.toSorted(), [...keptTableNames, ...leftOutTables].toSorted())
    for (const table of keptTableNames) t.ok(rows[table], `the test has rows of ${table}`)
  })

  await t.test('a backup restores everything into an empty store of either kind', async t => {
    const store = await openFull(t, await make(t))
    const text = await textOf(store)
    const backup = await reading(text)
    t.teardown(() => backup.close())
    t.match(backup.header, { changes: 7, token: 'token-7', store: store.history.store })
    t.equal(backup.rows['credentials'], 3)
    const other = await open(t, await makeEmpty(t))
    await other.restore(backup, { ...restoring, replace: false })
    const again = contentOf(await textOf(other))
    const restored = again.filter(line => !line.includes('"store-restored"'))
    // Gateways name things by a key that stays the store's own, and this store had not made one yet.
    t.strictSame(
      restored,
      contentOf(text).filter(line => !line.startsWith('["names"')),
    )
    t.equal(again.length, restored.length + 1, 'and it is in the log')
    t.not(other.history.store, store.history.store, 'it stays the store that it is')
  })

  await t.test('a backup is as of one moment, whatever is changed meanwhile', async t => {
    const store = await openFull(t, await make(t))
    const before = await textOf(store)
    const add = async () => {
      const set = { username: boris, hash: hashOf('new') }
      t.equal(await store.registry(silently).setCredential(actor, msa, set), undefined)
    }
    t.strictSame(contentOf(await textOf(store, add)), contentOf(before))
    t.equal((await store.registry(silently).credentials(msa)).length, 2)
  })

  await t.test('a store that is not empty is replaced only on demand', async t => {
    const store = await openFull(t, await make(t))
    const text = await textOf(store)
    const registry = store.registry(silently)
    await registry.setCredential(actor, msa, { username: anna, hash: hashOf('new') })
    await registry.removeAccount(actor, fabrikam)
    t.match(await store.contents(), { accounts: 1, credentials: 3, isEmpty: false })
    const backup = await reading(text)
    t.teardown(() => backup.close())
    await t.rejects(store.restore(backup, { ...restoring, replace: false }), { message: /--replace/ })
    t.match(await store.contents(), { accounts: 1 })
    await store.restore(backup, restoring)
    t.match(await store.contents(), { accounts: 2, changes: 10 })
    t.strictSame(
      contentOf(await textOf(store)).filter(line => !line.includes('"store-restored"')),
      contentOf(text),
    )
  })

  await t.test('a store that has nothing but a token of the API is not empty', async t => {
    const full = await openFull(t, await make(t))
    const backup = await reading(await textOf(full))
    t.teardown(() => backup.close())
    const store = await open(t, await make(t))
    const token = {
      name: 'robot',
      scope: 'write',
      id: 'id-of-a-token' as never,
      mac: '1:mac' as never,
    } as const
    t.equal(await store.registry(silently).addToken(actor, token), undefined)
    t.match(await store.contents(), { isEmpty: false })
    await t.rejects(store.restore(backup, { ...restoring, replace: false }), { message: /--replace/ })
  })

  await t.test('what gateways could not read is refused before anything is changed', async t => {
    const store = await openFull(t, await make(t))
    const lines = (await textOf(store))
      .trimEnd()
      .split('\n')
      .slice(0, -1)
      .map(line => JSON.parse(line))
    const misread = (table: string, column: string, cell: string) => {
      const at = lines.findIndex(line => line.table === table)
      const row = lines[at + 1].with(lines[at].columns.indexOf(column), cell)
      return reading(sealed(lines.with(at + 1, row)))
    }
    for (const [table, column, cell] of [
      ['changes', 'usernames', '['],
      ['changes', 'usernames', '{}'],
      ['changes', 'accounts', 'x'],
      ['refusals', 'facts', '"x"'],
    ] as const)
      await t.rejects(
        misread(table, column, cell),
        { message: /damaged: its rows do not fit/ },
        `${column} ${cell}`,
      )
    const [first, ...rest] = lines
    const gap = { ...first, migrations: first.migrations.toSpliced(3, 1) }
    await t.rejects(reading(sealed([gap, ...rest])), { message: /^The backup is damaged/ })
  })

  await t.test('a restore that fails changes nothing, wherever it fails', async t => {
    const store = await openFull(t, await make(t))
    const backup = await reading(await textOf(store))
    t.teardown(() => backup.close())
    await store.registry(silently).setCredential(actor, msa, { username: boris, hash: hashOf('new') })
    const before = contentOf(await textOf(store))
    const fails = async () => Promise.reject(new Error('it fails here'))
    for (const failing of [{ progress: fails }, { announce: fails }]) {
      await t.rejects(store.restore(backup, { ...restoring, ...failing }), { message: 'it fails here' })
      t.strictSame(contentOf(await textOf(store)), before)
    }
  })

  await t.test('a restored store is one that has gone back, for whoever has read it before', async t => {
    const database = await make(t)
    const store = await openFull(t, database)
    const reader = await open(t, database)
    const backup = await reading(await textOf(store))
    t.teardown(() => backup.close())
    const before = await reader.changes.revision()
    const voided: number[] = []
    reader.history.onTurn(above => voided.push(above))
    await store.restore(backup, restoring)
    t.equal(await reader.changes.since(before), 'gap')
    t.ok((voided[0] ?? 0) > before, 'what it has read is void')
    t.notOk(reader.history.isPresent(before))
    const now = await reader.changes.revision()
    t.strictSame(await reader.changes.since(now), [], 'and it goes on from there')
    const [last] = await reader.changes.list({ most: 1 })
    t.match(last, { action: 'store-restored', actor })
  })

  await t.test('a store that was made for a backup becomes the store that it was taken of', async t => {
    const store = await openFull(t, await make(t))
    const backup = await reading(await textOf(store))
    t.teardown(() => backup.close())
    const database = await make(t)
    const made = await openStore({ url: database.url })
    await made.restore(backup, { ...restoring, isNew: true })
    await made.close()
    t.equal((await open(t, database)).history.store, store.history.store)
  })
}
