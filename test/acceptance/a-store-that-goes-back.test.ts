import t, { type Test } from 'tap'
import { startAltgate, type Altgate } from '../support/altgate.ts'
import { ask, summary } from '../support/ask.ts'
import { startPostgres } from '../support/postgres.ts'
import { recordingUpstream } from '../support/recording-upstream.ts'
import { startRedis } from '../support/redis.ts'
import { until } from '../support/until.ts'

const anna = 'anna@example.com'
const path = '/contoso/welcome.git/info/refs'
const hashing = { lanes: 1, memoryKiB: 7168, passes: 5 }

async function answers(altgates: readonly Altgate[], password: string): Promise<string> {
  return summary(await Promise.all(altgates.map(({ url }) => ask(url + path, { as: [anna, password] }))))
}

/**
 * What was set in the lost time is accepted by no gateway once something else was set, though it had been used, and
 * though the numbers of the changes have meanwhile passed those that were lost.
 */
async function losesTime(
  t: Test,
  altgates: readonly [Altgate, ...Altgate[]],
  { save, goBack }: { readonly save: () => Promise<void>; readonly goBack: () => Promise<void> },
  lookFirst: boolean,
): Promise<void> {
  const [first] = altgates
  const upstream = await recordingUpstream(t)
  const set = (password: string) =>
    first.must(['credential', 'set', '--scope', 'msa', '--user', anna], { stdin: `${password}\n` })
  await first.must(['account', 'add', 'contoso', '--upstream', upstream.url])
  await set('in the backup')
  await save()

  await until(async () => (await answers(altgates, 'in the backup')) === '200 allow')
  await set('lost A')
  await first.must(['account', 'add', 'another', '--upstream', upstream.url])
  await set('lost B')
  t.equal(await answers(altgates, 'lost B'), '200 allow')
  t.equal(await answers(altgates, 'lost B'), '200 allow', 'and is remembered')

  await goBack()
  if (lookFirst) await until(async () => (await answers(altgates, 'lost B')) === '401 refused')
  for (const password of ['new C', 'new D', 'new E']) {
    await set(password)
    t.equal(await answers(altgates, 'lost B'), '401 refused', `after ${password}`)
    t.equal(await answers(altgates, password), '200 allow')
  }
  t.equal(await answers(altgates, 'in the backup'), '401 refused')
}

t.test('PostgreSQL with Redis loses commits, and is asked again before anybody looked', async t => {
  const [database, redis] = await Promise.all([startPostgres(t), startRedis(t)])
  const settings = { hashing, store: { url: database.url }, redis: { url: redis.url } }
  const altgates = [await startAltgate(t, { settings }), await startAltgate(t, { settings })] as const
  await losesTime(t, altgates, database, false)
})

t.test('PostgreSQL without Redis loses commits, and is seen to have lost them', async t => {
  const database = await startPostgres(t)
  const altgate = await startAltgate(t, { settings: { hashing, store: { url: database.url } } })
  await losesTime(t, [altgate], database, true)
})
