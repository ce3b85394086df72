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

// Each gateway is restored in every way that its store has, with an account and users of its own for each way.
const [server, redis] = await Promise.all([startPostgres(t), startRedis(t)])
const settings = {
  hashing: cheapHashing,
  store: { url: await server.database('with Redis') },
  redis: { url: redis.url },
}
const sqlite = await startAltgate(t, { settings: { hashing: cheapHashing } })
const two = [await startAltgate(t, { settings }), await startAltgate(t, { settings })] as const

type Altgates = readonly [Altgate, ...Altgate[]]

/** Two passwords before the backup, another state after it, all of it in use. */
async function arrange(t: Test, altgates: Altgates, way: string, save: () => Promise<void>) {
  const [first] = altgates
  const [account, anna, boris] = [`contoso-${way}`, `anna-${way}@example.com`, `boris-${way}@example.com`]
  const answers = async (password: string, user = anna) => {
    const asking = altgates.map(({ url }) => ask(`${url}/${account}/x`, { as: [user, password] }))
    return summary(await Promise.all(asking))
  }
  const upstream = await recordingUpstream(t)
  const set = (password: string) =>
    first.must(['credential', 'set', '--scope', 'msa', '--user', anna], { stdin: `${password}\n` })
  await first.arrange({
    accounts: { [account]: upstream.url },
    passwords: { [anna]: 'in the backup', [boris]: 'of boris' },
  })
  const generated = (
    await first.must(['credential', 'password', 'add', '--scope', 'msa', '--user', anna, '--name', 'laptop'])
  ).match(/agp_\w+/)?.[0]
  await until(async () => (await answers('in the backup')) === '200 allow')
  await save()
  await set('since the backup')
  await first.must(['credential', 'disable', '--scope', 'msa', '--user', boris])
  await first.must(['credential', 'password', 'revoke', '--scope', 'msa', '--user', anna, '--name', 'laptop'])
  for (const _ of [1, 2]) {
    t.equal(await answers('since the backup'), '200 allow')
    t.equal(await answers('in the backup'), '401 refused', 'and is remembered')
    t.equal(await answers('of boris', boris), '403 disabled')
    t.equal(await answers(generated ?? ''), '401 expired')
  }
  return {
    answers,
    /** From the first request on, and for good. */
    isRestored: async () => {
      t.equal(await answers('since the backup'), '401 refused')
      t.equal(await answers('in the backup'), '200 allow')
      t.equal(await answers('of boris', boris), '200 allow')
      t.equal(await answers(generated ?? ''), '200 allow')
      await set('new')
      t.equal(await answers('new'), '200 allow')
      for (const old of ['in the backup', 'since the backup']) t.equal(await answers(old), '401 refused', old)
    },
  }
}

async function restores(t: Test, altgates: Altgates, way = 'backup'): Promise<void> {
  const [first] = altgates
  const file = join(first.directory, 'a.backup')
  const { isRestored } = await arrange(
    t,
    altgates,
    way,
    async () => void (await first.must(['backup', file])),
  )
  t.match(await first.must(['restore', file, '--replace', '--yes']), /in every running gateway/)
  await isRestored()
}

t.test('SQLite: when a restore has ended, nothing of the time after the backup counts', async t => {
  await restores(t, [sqlite])
})

t.test('PostgreSQL without Redis: the same', async t => {
  const url = await server.database('without Redis')
  await restores(t, [await startAltgate(t, { settings: { hashing: cheapHashing, store: { url } } })])
})

t.test('PostgreSQL and Redis, two gateways: the same in both', async t => {
  await restores(t, two)
})

t.test('PostgreSQL by pg_dump and pg_restore, with Redis: when `store restored` has ended', async t => {
  const { url } = settings.store
  const dump = join(server.directory, 'a.dump')
  const save = () => postgres('pg_dump', ['--format=custom', '--file', dump, url])
  const { isRestored } = await arrange(t, two, 'dump', save)
  const how = ['--clean', '--if-exists', '--single-transaction', '--exit-on-error']
  await postgres('pg_restore', [...how, '--dbname', url, dump])
  t.match(await two[0].must(['store', 'restored']), /has dropped what it remembered/)
  await isRestored()
})

t.test('SQLite by VACUUM INTO, and the copy put in place of the file while the gateway runs', async t => {
  const [file, copy] = [join(sqlite.directory, 'altgate.db'), join(sqlite.directory, 'copy.db')]
  const { isRestored, answers } = await arrange(t, [sqlite], 'copy', async () => {
    const database = new DatabaseSync(file)
    database.exec(`vacuum into '${copy}'`)
    database.close()
  })
  for (const end of ['-wal', '-shm']) rmSync(file + end, { force: true })
  renameSync(copy, file)
  // Until it has opened the file anew, it answers that the store is unavailable.
  await until(async () => !(await sqlite.cli(['store', 'restored'])).code)
  await until(async () => (await answers('in the backup')) !== '503 unavailable')
  await isRestored()
})
