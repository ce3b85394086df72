import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout } from 'node:timers/promises'
import t, { type Test } from 'tap'
import type { PasswordId } from '../../src/gateway/names.ts'
import { Secret } from '../../src/gateway/secret.ts'
import { openStore } from '../../src/store/store.ts'
import { temporaryDirectory } from '../support/directory.ts'
import { until } from '../support/until.ts'
import { open, openFresh, storeContract } from './contract.ts'
import { actor, anna, fabrikam, hashOf, msa, outage, silently, upstream } from './samples.ts'

/** As a store is that has been opened and closed: making its tables takes longer than most tests. */
const opened = join(temporaryDirectory(t), 'opened.db')
await (await openStore({ url: new Secret(`sqlite:${opened}`) })).close()

async function makeOpened(t: Test) {
  const file = await makeFile(t)
  mkdirSync(dirname(file.path), { mode: 0o700 })
  copyFileSync(opened, file.path)
  return file
}

async function makeFile(t: Test) {
  const path = join(temporaryDirectory(t), 'data', 'altgate.db')
  return {
    path,
    url: new Secret(`sqlite:${path}`),
    async execute(sql: string) {
      const database = new DatabaseSync(path, { timeout: 5000 })
      database.exec(sql)
      database.close()
    },
  }
}

t.test('SQLite keeps what a store promises', t => storeContract(t, makeOpened, makeFile))

t.test('other users of the machine cannot read the file, its log or its folder', async t => {
  const file = await makeFile(t)
  const store = await open(t, file)
  await store.registry(silently).addAccount(actor, { name: fabrikam, upstream })
  const mode = (path: string) => (statSync(path).mode & 0o777).toString(8)
  t.equal(mode(join(file.path, '..')), '700')
  for (const suffix of ['', '-wal', '-shm']) t.equal(mode(file.path + suffix), '600', `altgate.db${suffix}`)
})

t.test('a path is relative to the working directory', async t => {
  const directory = temporaryDirectory(t)
  const before = process.cwd()
  t.teardown(() => process.chdir(before))
  process.chdir(directory)
  await (await openStore({ url: new Secret('sqlite:./data/altgate.db') })).close()
  t.ok(existsSync(join(directory, 'data', 'altgate.db')))
})

t.test('the data version differs after every commit, by this process or another, and only then', async t => {
  const file = await makeFile(t)
  const [store, other] = [await open(t, file), await open(t, file)]
  const versions = [store.changes.dataVersion()]
  t.type(versions[0], 'number')
  t.equal(store.changes.dataVersion(), versions[0])
  for (const writer of [store, other]) {
    await writer.registry(silently).setCredential(actor, msa, { username: anna, hash: hashOf('one') })
    versions.push(store.changes.dataVersion())
    t.equal(store.changes.dataVersion(), versions.at(-1))
  }
  t.equal(new Set(versions).size, 3)

  const announcing = store.registry(async () => void versions.push(store.changes.dataVersion()))
  await announcing.setCredential(actor, msa, { username: anna, hash: hashOf('two') })
  t.equal(versions[3], versions[2], 'not before the commit')
})

t.test('a change waits for another process without holding up anything, and gives up in the end', async t => {
  const file = await makeFile(t)
  const store = await open(t, file)
  const intruder = new DatabaseSync(file.path)
  t.teardown(() => intruder.close())
  intruder.exec('begin immediate')
  const add = () => store.registry(silently).addAccount(actor, { name: fabrikam, upstream })
  let ended = false
  const refused = t.rejects(add(), outage).then(() => (ended = true))
  let read = 0
  while (!ended) {
    await store.ping()
    read += 1
    await setTimeout(20)
  }
  await refused
  t.ok(read > 20, `${read} reads in five seconds`)
  intruder.exec('rollback')
  t.equal(await add(), undefined)
})

t.test('a single statement waits for another process as a change does', async t => {
  const file = await makeFile(t)
  const store = await open(t, file)
  const intruder = new DatabaseSync(file.path)
  t.teardown(() => intruder.close())
  async function whileBusy<T>(write: () => Promise<T>): Promise<T> {
    intruder.exec('begin immediate')
    const written = write()
    await setTimeout(50)
    intruder.exec('rollback')
    return await written
  }
  await whileBusy(() => store.revocations.add(0.25))
  t.strictSame(await whileBusy(() => store.revocations.take()), [0.25], 'no measurement is lost')
  await t.resolves(whileBusy(() => store.apiTokens.used('unknown' as PasswordId, 1)))
})

t.test(
  'a file that is no database is refused with a sentence, one that cannot be made is an outage',
  async t => {
    const directory = temporaryDirectory(t)
    const path = join(directory, 'notes.txt')
    writeFileSync(path, 'not a database, but long enough to be looked at as if it were one\n'.repeat(100))
    const before = readFileSync(path)
    const place = (file: string) => ({ url: new Secret(`sqlite:${file}`) })
    await t.rejects(openStore(place(path)), { name: 'Error', message: /is not a database, or is damaged/ })
    await t.rejects(openStore(place(join(path, 'altgate.db'))), outage)
    await t.rejects(openStore(place(directory)), outage)
    t.strictSame(readFileSync(path), before)
  },
)

t.test('a store that has been closed is an outage', async t => {
  const store = await openFresh(t, makeFile)
  const closed = await openStore({ url: (await makeFile(t)).url })
  await closed.close()
  await t.rejects(closed.ping(), outage)
  t.throws(() => closed.changes.dataVersion(), outage)
  await store.ping()
})

t.test('only the gateway and store init create a store; other commands say that there is none', async t => {
  const { path, url } = await makeFile(t)
  await t.rejects(openStore({ url, how: 'expect' }), {
    name: 'Error',
    message: /There is no store in .*store init/,
  })
  t.equal(existsSync(path), false)
  await (await openStore({ url })).close()
  await (await openStore({ url, how: 'expect' })).close()
  writeFileSync(path, '')
  for (const how of ['expect', 'make'] as const)
    await t.rejects(openStore({ url, how }), { name: 'Error', message: /is empty: it was truncated/ })
})

t.test('a file that was taken away or exchanged is an outage, until the store is back', async t => {
  const [file, elsewhere] = [await makeFile(t), await makeFile(t)]
  const [store, other] = [await open(t, file), await openStore({ url: elsewhere.url })]
  const set = (password: string) =>
    store.registry(silently).setCredential(actor, msa, { username: anna, hash: hashOf(password) })
  await set('one')
  await other.registry(silently).addAccount(actor, { name: fabrikam, upstream })
  await other.close()
  const isDown = async (what: string) => {
    await t.rejects(set('two'), outage, what)
    await t.rejects(store.credentials.find(msa, undefined, anna), outage, what)
    await t.rejects(store.sessions.set('id', 'data', 1), outage, what)
    t.throws(() => store.changes.dataVersion(), outage, what)
  }
  const back = async () => {
    await until(async () => (await store.ping().catch(() => 'down')) === undefined)
    t.match(await store.credentials.find(msa, undefined, anna), { current: { hash: hashOf('one') } })
  }
  const before = store.changes.dataVersion()

  renameSync(file.path, `${file.path}.away`)
  await isDown('taken away')
  copyFileSync(elsewhere.path, file.path)
  await isDown('another store')
  writeFileSync(file.path, 'no database, but long enough to be taken for one\n'.repeat(100))
  await isDown('no store')
  rmSync(file.path)
  renameSync(`${file.path}.away`, file.path)
  await back()
  t.not(store.changes.dataVersion(), before)

  renameSync(file.path, `${file.path}.away`)
  writeFileSync(file.path, '')
  await isDown('cut to nothing')
  rmSync(file.path)
  renameSync(`${file.path}.away`, file.path)
  await back()
})
