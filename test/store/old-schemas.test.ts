import argon2 from 'argon2'
import { copyFileSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import t, { type Test } from 'tap'
import { createSealing } from '../../src/delegation/sealing.ts'
import { createGeneratedPasswords } from '../../src/gateway/generated-password.ts'
import { type DirectoryId, foldUsername, type Owner, type Scope } from '../../src/gateway/names.ts'
import type { PasswordHash } from '../../src/gateway/ports.ts'
import { Secret } from '../../src/gateway/secret.ts'
import { type Cell, writeLines } from '../../src/store/backup-lines.ts'
import { keptTableNames } from '../../src/store/backup.ts'
import { migrationNames } from '../../src/store/migrations.ts'
import { openStore, type Store } from '../../src/store/store.ts'
import { canRunHere, runHere } from '../support/in-process.ts'
import { altgate } from '../support/program.ts'
import { temporaryDirectory } from '../support/directory.ts'
import { query, startPostgres } from '../support/postgres.ts'
import { reading, restoring, textOf } from './contract-backup.ts'
import { actor, anna, boris, contoso, fabrikam, msa, silently } from './samples.ts'
import { madeAt, opened } from './schemas/rows.ts'

/** The last migration of the newest release. To raise it, run `node test/store/schemas/make.ts` first. */
const released = '0019-upstream-auth'

const folder = join(import.meta.dirname, 'schemas')
const names = readdirSync(folder)
  .filter(name => name.endsWith('.sqlite.sql'))
  .map(name => name.replace('.sqlite.sql', ''))
  .toSorted()

function dumpOf(name: string, kind: 'sqlite' | 'postgres'): string {
  return readFileSync(join(folder, `${name}.${kind}.sql`), 'utf8')
}

const north = opened.north as string as Scope
const owner = opened.owner as Owner
const clara = foldUsername('clara@example.com')
const has = (name: string, since: string) => name >= since

/** All that was in the store when it had gone through the migrations up to `name`. */
async function works(t: Test, name: string, store: Store): Promise<void> {
  const chosen = async (scope: Scope, user: typeof anna, password: string) => {
    const { current } = await store.credentials.find(scope, undefined, user)
    t.ok(current?.enabled, user)
    t.ok(await argon2.verify(current?.hash ?? '', password), `the password of ${user}`)
  }
  await chosen(msa, anna, opened.anna)
  await chosen(north, boris, opened.boris)
  await chosen(north, foldUsername('boris'), opened.boris)

  const registry = store.registry(silently)
  const account = await registry.account(fabrikam)
  t.match(account?.connection, { kind: 'entra', directoryId: opened.north as DirectoryId })
  t.equal(account?.history.length, 2)
  t.match((await store.accounts.find(contoso)).account?.connection, { kind: 'msa' })
  const history = await store.changes.list({ most: 10 })
  const made = history.filter(({ action }) => action !== 'store-restored')
  t.strictSame(
    made.map(({ action }) => action),
    ['account-connected', 'credential-set'],
  )
  t.equal(
    await store.key('passwords').then(bytes => Buffer.from(bytes).toString('base64')),
    opened.passwordKey,
  )

  if (has(name, '0002')) t.match(await registry.ownCredential(msa, owner), { username: anna })
  if (has(name, '0003')) {
    t.equal((await registry.members(fabrikam)).length, 3)
    t.equal((await registry.usesOf(contoso)).length, 1)
  }
  if (has(name, '0007')) {
    const { grant } = await store.grants.of(msa, owner)
    const sealing = createSealing([{ id: 'k1', key: new Secret(opened.sealingKey) }])
    const token = grant && sealing.open(grant.refreshToken ?? '', { refreshOf: grant })
    t.equal(token?.reveal(), opened.refreshToken)
  }
  if (has(name, '0009')) {
    const generated = createGeneratedPasswords(await store.keyRing('passwords'))
    for (const text of opened.clara) {
      const password = new Secret(text)
      const read = generated.read(password)
      const { current } = await store.credentials.find(north, undefined, clara, read?.id)
      t.ok(!generated.isForged(password) && generated.proves(password, current?.generated?.mac), text)
    }
    t.match(await registry.passwords(north, clara, 'all'), { length: 2 })
  }
  if (has(name, '0012')) t.ok(await store.refusals.find('a0a0a0a0a0a0a0a0a0a0a0a0'))

  const hash = '$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$' as PasswordHash
  t.equal(await registry.setCredential(actor, msa, { username: anna, hash }), undefined, 'a change')
  t.match((await store.credentials.find(msa, undefined, anna)).current, { hash })
}

function loaded(name: string, path: string): DatabaseSync {
  const file = new DatabaseSync(path)
  file.exec(dumpOf(name, 'sqlite'))
  return file
}

t.test('a store is there for each migration that was released', async t => {
  t.strictSame(
    migrationNames.filter(name => name <= released),
    names.filter(name => name <= released),
  )
})

t.test('SQLite: a store of each earlier schema is brought up to date, and all in it works', async t => {
  for (const name of names)
    await t.test(name, async t => {
      const path = join(temporaryDirectory(t), 'altgate.db')
      loaded(name, path).close()
      const store = await openStore({ url: new Secret(`sqlite:${path}`), how: 'serve', clock: () => madeAt })
      t.teardown(() => store.close())
      if (has(name, '0002')) t.equal(await store.sessions.get('a-session'), 'what it keeps')
      t.strictSame(
        await store.key('names'),
        Buffer.alloc(32, has(name, '0015') ? 'names' : 'verdicts'),
        'gateways have named everything by it',
      )
      t.strictNotSame(await store.key('verdicts'), await store.key('names'), 'which backups hold')
      await works(t, name, store)
    })
})

t.test('PostgreSQL: the same', async t => {
  const server = await startPostgres(t)
  for (const name of names)
    await t.test(name, async t => {
      await query(server.url, 'drop schema public cascade; create schema public')
      await query(server.url, dumpOf(name, 'postgres'))
      const store = await openStore({ url: new Secret(server.url), how: 'serve', clock: () => madeAt })
      t.teardown(() => store.close())
      await works(t, name, store)
    })
})

/** The backup that the version of that time would have made. */
async function backupOf(name: string): Promise<string> {
  const file = loaded(name, ':memory:')
  async function* tables() {
    for (const table of keptTableNames) {
      const columns = file.prepare('select name from pragma_table_info(?)').all(table)
      if (columns.length === 0) continue
      const rows = file.prepare(`select * from "${table}"`).all()
      yield {
        table,
        columns: columns.map(column => String(column['name'])),
        rows: (async function* () {
          yield rows.map(row => Object.values(row) as Cell[])
        })(),
      }
    }
  }
  const header = { altgate: 'backup', format: 1, version: '0.1.0', store: 'a-store', changes: 7 } as const
  const migrations = file.prepare('select name from migrations order by name').all()
  const more = { token: 'token-7', takenAt: new Date(0).toISOString() }
  let text = ''
  const all = { ...header, ...more, migrations: migrations.map(row => String(row['name'])) }
  for await (const piece of writeLines(all, tables(), () => {})) text += piece
  file.close()
  return text
}

t.test('a backup of each earlier schema is restored into the present one, and all in it works', async t => {
  // Making its tables takes longer than a restore.
  const empty = join(temporaryDirectory(t), 'empty.db')
  await (await openStore({ url: new Secret(`sqlite:${empty}`), clock: () => madeAt })).close()
  for (const name of names)
    await t.test(name, async t => {
      const backup = await reading(await backupOf(name))
      const path = join(temporaryDirectory(t), 'altgate.db')
      copyFileSync(empty, path)
      const store = await openStore({ url: new Secret(`sqlite:${path}`), clock: () => madeAt })
      t.teardown(async () => {
        backup.close()
        await store.close()
      })
      await store.restore(backup, restoring)
      await works(t, name, store)
      t.match(await textOf(store), /"store-restored"/)
    })
})

t.test(
  'serve and commands refuse a store of a newer version with a sentence, and leave it as it is',
  async t => {
    const path = join(temporaryDirectory(t), 'altgate.db')
    const file = loaded(released, path)
    file.exec("insert into migrations (name, applied_at) values ('9999-of-the-future', 0)")
    const before = readFileSync(path)
    const env = { ...process.env, ALTGATE__STORE__URL: `sqlite:${path}`, ALTGATE__OPERATIONS__PORT: '0' }
    for (const words of [['serve'], ['account', 'list'], ['backup', '-'], ['keys', 'list']]) {
      const { code, stderr, stdout } = await (canRunHere(words) ? runHere : altgate)(words, env)
      t.equal(code, 1, words.join(' '))
      t.match(
        stderr,
        /^altgate: The store was made by a newer version of Altgate: [^\n]*\n$/m,
        words.join(' '),
      )
      if (words[0] !== 'serve') t.equal(stdout, '')
    }
    file.close()
    t.strictSame(readFileSync(path).subarray(100), before.subarray(100))
  },
)
