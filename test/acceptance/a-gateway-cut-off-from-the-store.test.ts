import pg from 'pg'
import t from 'tap'
import { cheapHashing, startAltgate } from '../support/altgate.ts'
import { ask } from '../support/ask.ts'
import { startInjectingRelay } from '../support/injecting-relay.ts'
import { startPostgres } from '../support/postgres.ts'
import { recordingUpstream } from '../support/recording-upstream.ts'
import { until } from '../support/until.ts'

const anna = 'anna@example.com'
const path = '/contoso/welcome.git/info/refs'
const set = ['credential', 'set', '--scope', 'msa', '--user', anna]

t.test(
  'a gateway that is cut off from the store goes on for its lease, and a change waits for it',
  async t => {
    const database = await startPostgres(t)
    const relay = await startInjectingRelay(t, database.url)
    const upstream = await recordingUpstream(t)
    const store = { url: database.url, leaseMs: 3000 }
    const near = await startAltgate(t, { settings: { hashing: cheapHashing, store } })
    const far = await startAltgate(t, {
      settings: { hashing: cheapHashing, store: { ...store, url: relay.url } },
    })
    await near.arrange({ accounts: { contoso: upstream.url }, passwords: { [anna]: 'the old one' } })
    const asked = async (url: string, password: string) => {
      const began = Date.now()
      const { status } = await ask(url + path, { as: [anna, password] })
      return { status, took: Date.now() - began }
    }
    for (const { url } of [near, far])
      await until(async () => (await asked(url, 'the old one')).status === 200)

    for (const [how, away] of [
      ['cut', () => relay.part()],
      ['hung', () => relay.hang()],
    ] as const) {
      const [old, fresh] = how === 'cut' ? ['the old one', 'a new one'] : ['a new one', 'a newer one']
      // After the cut before: an answer from the store comes sooner than trust in memory.
      await until(() => allTrusted(database.url))
      away()
      t.equal((await asked(far.url, old)).status, 200, `${how}: its memory is trusted for a lease`)
      await near.must(set, { stdin: `${fresh}\n` })
      const answers = await Promise.all(Array.from({ length: 20 }, () => asked(far.url, old)))
      t.strictSame(
        [...new Set(answers.map(({ status }) => status))],
        [503],
        `${how}: not once it is said to be in force`,
      )
      // Not the slowest: a busy machine keeps one or the other waiting.
      const late = answers.filter(({ took }) => took >= 2000)
      t.ok(late.length < 10, `${how}: and they do not wait for the store`)
      t.equal((await asked(near.url, fresh)).status, 200)
      relay.join()
      await until(async () => (await asked(far.url, fresh)).status === 200)
      t.equal((await asked(far.url, old)).status, 401)
    }
  },
)

/** Whether each gateway process has said within the last second that it knows everything. */
async function allTrusted(connectionString: string): Promise<boolean> {
  const client = new pg.Client({ connectionString })
  await client.connect()
  const { rows } = await client
    .query<{ fresh: boolean }>(
      'select bool_and(seen_at > extract(epoch from clock_timestamp()) * 1000 - 1000) as fresh from gateways',
    )
    .finally(() => client.end())
  return rows[0]?.fresh === true
}
