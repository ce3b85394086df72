import { renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import t, { type Test } from 'tap'
import { cheapHashing, startAltgate, type Altgate } from '../support/altgate.ts'
import { ask, summary } from '../support/ask.ts'
import { postgres, startPostgres } from '../support/postgres.ts'
import { recordingUpstream } from '../support/recording-upstream.ts'
import { startRedis } from '../support/redis.ts'
import { until } from '../support/until.ts'

const anna = 'anna@example.com'
const boris = 'boris@example.com'
const path = '/contoso/welcome.git/info/refs'

const server = await startPostgres(t)

type Altgates = readonly [Altgate, ...Altgate[]]

async function answers(altgates: Altgates, password: string, user = anna): Promise<string> {
  return summary(await Promise.all(altgates.map(({ url }) => ask(url + path, { as: [user, password] }))))
}

/** Two passwords before the backup, another state after it, all of it in use. */
async function arrange(t: Test, altgates: Altgates, save: () => Promise<void>) {
  const [first] = altgates
  const upstream = await recordingUpstream(t)
  const set = (password: string) =>
    first.must(['credential', 'set', '--scope', 'msa', '--user', anna], { stdin: `${password}\n` })
  await first.arrange({
    accounts: { contoso: upstream.url },
    passwords: { [anna]: 'in the backup', [boris]: 'of boris' },
  })
  const generated = (
    await first.must(['credential', 'password', 'add', '--scope', 'msa', '--user', anna, '--name', 'laptop'])
  ).match(/agp_\w+/)?.[0]
  await until(async () => (await answers(altgates, 'in the backup')) === '200 allow')
  await save()
  await set('since the backup')
  await first.must(['credential', 'disable', '--scope', 'msa', '--user', boris])
  await first.must(['credential', 'password', 'revoke', '--scope', 'msa', '--user', anna, '--name', 'laptop'])
  for (const _ of [1, 2]) {
    t.equal(await answers(altgates, 'since the backup'), '200 allow')
    t.equal(await answers(altgates, 'in the backup'), '401 refused', 'and is remembered')
    t.equal(await answers(altgates, 'of boris', boris), '403 disabled')
    t.equal(await answers(altgates, generated ?? ''), '401 expired')
  }
  return {
    set,
    /** From the first request on, and for good. */
    isRestored: async () => {
      t.equal(await answers(altgates, 'since the backup'), '401 refused')
      t.equal(await answers(altgates, 'in the backup'), '200 allow')
      t.equal(await answers(altgates, 'of boris', boris), '200 allow')
      t.equal(await answers(altgates, generated ?? ''), '200 allow')
      await set('new')
      t.equal(await answers(altgates, 'new'), '200 allow')
      for (const old of ['in the backup', 'since the backup'])
        t.equal(await answers(altgates, old), '401 refused', old)
    },
  }
}

async function restores(t: Test, altgates: Altgates): Promise<void> {
  const [first] = altgates
  const file = join(first.directory, 'a.backup')
  const { isRestored } = await arrange(t, altgates, async () => void (await first.must(['backup', file])))
  t.match(await first.must(['restore', file, '--replace', '--yes']), /in every running gateway/)
  await isRestored()
}

t.test('SQLite: when a restore has ended, nothing of the time after the backup counts', async t => {
  await restores(t, [await startAltgate(t, { settings: { hashing: cheapHashing } })])
})

t.test('PostgreSQL without Redis: the same', async t => {
  const url = await server.database('without Redis')
  await restores(t, [await startAltgate(t, { settings: { hashing: cheapHashing, store: { url } } })])
})

t.test('PostgreSQL and Redis, two gateways: the same in both', async t => {
  const [url, redis] = await Promise.all([server.database('with Redis'), startRedis(t)])
  const settings = { hashing: cheapHashing, store: { url }, redis: { url: redis.url } }
  const altgates = [await startAltgate(t, { settings }), await startAltgate(t, { settings })] as const
  await restores(t, altgates)
})

t.test('PostgreSQL by pg_dump and pg_restore, with Redis: when `store restored` has ended', async t => {
  const [url, redis] = await Promise.all([server.database('by pg_dump'), startRedis(t)])
  const settings = { hashing: cheapHashing, store: { url }, redis: { url: redis.url } }
  const altgates = [await startAltgate(t, { settings }), await startAltgate(t, { settings })] as const
  const dump = join(server.directory, 'a.dump')
  const save = () => postgres('pg_dump', ['--format=custom', '--file', dump, url])
  const { isRestored } = await arrange(t, altgates, save)
  const how = ['--clean', '--if-exists', '--single-transaction', '--exit-on-error']
  await postgres('pg_restore', [...how, '--dbname', url, dump])
  t.match(await altgates[0].must(['store', 'restored']), /has dropped what it remembered/)
  await isRestored()
})

t.test('SQLite by VACUUM INTO, and the copy put in place of the file while the gateway runs', async t => {
  const altgate = await startAltgate(t, { settings: { hashing: cheapHashing } })
  const [file, copy] = [join(altgate.directory, 'altgate.db'), join(altgate.directory, 'copy.db')]
  const { isRestored } = await arrange(t, [altgate], async () => {
    const database = new DatabaseSync(file)
    database.exec(`vacuum into '${copy}'`)
    database.close()
  })
  for (const end of ['-wal', '-shm']) rmSync(file + end, { force: true })
  renameSync(copy, file)
  // Until it has opened the file anew, it answers that the store is unavailable.
  await until(async () => !(await altgate.cli(['store', 'restored'])).code)
  await until(async () => (await answers([altgate], 'in the backup')) !== '503 unavailable')
  await isRestored()
})
