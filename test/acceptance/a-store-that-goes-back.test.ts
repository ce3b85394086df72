import { renameSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { cheapHashing, startAltgate, type Altgate } from '../support/altgate.ts'
import { ask, summary } from '../support/ask.ts'
import { startPostgres } from '../support/postgres.ts'
import { workersOf } from '../support/processes.ts'
import { altgate as run } from '../support/program.ts'
import { recordingUpstream } from '../support/recording-upstream.ts'
import { startRedis } from '../support/redis.ts'
import { until } from '../support/until.ts'

const anna = 'anna@example.com'
const path = '/contoso/welcome.git/info/refs'

async function answers(altgates: readonly Altgate[], password: string): Promise<string> {
  return summary(await Promise.all(altgates.map(({ url }) => ask(url + path, { as: [anna, password] }))))
}

/**
 * What was set in the lost time is accepted by no gateway once something else was set, though it had been used, and
 * though the numbers of the changes have meanwhile passed those that were lost.
 */
async function gatewaysThatLose(t: Test, altgates: readonly [Altgate, ...Altgate[]]) {
  const [first] = altgates
  const upstream = await recordingUpstream(t)
  const set = (password: string) =>
    first.must(['credential', 'set', '--scope', 'msa', '--user', anna], { stdin: `${password}\n` })
  await first.arrange({ accounts: { contoso: upstream.url }, passwords: { [anna]: 'in the backup' } })
  return {
    /** What is lost: the store was saved before, and goes back afterwards. */
    async change(t: Test): Promise<void> {
      await until(async () => (await answers(altgates, 'in the backup')) === '200 allow')
      await set('lost A')
      await first.arrange({ accounts: { another: upstream.url } })
      await set('lost B')
      t.equal(await answers(altgates, 'lost B'), '200 allow')
      t.equal(await answers(altgates, 'lost B'), '200 allow', 'and is remembered')
    },
    async goOn(t: Test, lookFirst: boolean): Promise<void> {
      if (lookFirst) await until(async () => (await answers(altgates, 'lost B')) === '401 refused')
      for (const password of ['new C', 'new D', 'new E']) {
        await set(password)
        t.equal(await answers(altgates, 'lost B'), '401 refused', `after ${password}`)
        t.equal(await answers(altgates, password), '200 allow')
      }
      t.equal(await answers(altgates, 'in the backup'), '401 refused')
    },
  }
}

t.test('PostgreSQL loses commits', async t => {
  const [database, redis] = await Promise.all([startPostgres(t), startRedis(t)])
  const start = (settings: object) => startAltgate(t, { settings: { hashing: cheapHashing, ...settings } })
  const both = { store: { url: database.url }, redis: { url: redis.url } }
  const withRedis = await gatewaysThatLose(t, [await start(both), await start(both)])
  const alone = { store: { url: await database.database('alone') } }
  const withoutRedis = await gatewaysThatLose(t, [await start(alone)])
  await database.save()
  for (const each of [withRedis, withoutRedis]) await each.change(t)
  await database.goBack()
  await t.test('with Redis, and a change follows before any request', t => withRedis.goOn(t, false))
  await t.test('without Redis, and requests follow before any change', t => withoutRedis.goOn(t, true))
})

t.test('a worker that starts after the store was exchanged does not use the other store', async t => {
  const altgate = await startAltgate(t, { settings: { hashing: cheapHashing } })
  const upstream = await recordingUpstream(t)
  const [file, other] = ['altgate.db', 'other.db'].map(name => join(altgate.directory, name)) as [
    string,
    string,
  ]
  const inOther = { ...process.env, ALTGATE__STORE__URL: `sqlite:${other}` }
  const set = ['credential', 'set', '--scope', 'msa', '--user', anna]
  for (const words of [['store', 'init'], ['account', 'add', 'contoso', '--upstream', upstream.url], set]) {
    const { code, stderr } = await run([...words, '--config', altgate.config], inOther, {
      stdin: 'of the other\n',
    })
    t.equal(code, 0, stderr)
  }
  await altgate.arrange({ accounts: { contoso: upstream.url }, passwords: { [anna]: 'of this one' } })
  await until(async () => (await answers([altgate], 'of this one')) === '200 allow')
  const moved = (from: string, to: string) =>
    ['', '-wal', '-shm'].forEach(end => renameSync(from + end, to + end))
  const oldWorker = workersOf(altgate.pid)

  moved(file, `${file}.away`)
  renameSync(other, file) // its log was folded into it
  process.kill(oldWorker[0] ?? 0, 'SIGKILL')
  await until(() => altgate.logs().includes('is not the store that the process started with'))
  t.match(await altgate.tell('/ready'), '0 of 1 listen')
  for (const password of ['of the other', 'of this one'])
    await t.rejects(ask(altgate.url + path, { as: [anna, password] }), { code: 'ECONNREFUSED' })

  renameSync(file, other)
  moved(`${file}.away`, file)
  await until(async () => (await altgate.tell('/ready')).includes('1 of 1 listen'))
  t.equal(await answers([altgate], 'of this one'), '200 allow')
  t.equal(await answers([altgate], 'of the other'), '401 refused')
})
