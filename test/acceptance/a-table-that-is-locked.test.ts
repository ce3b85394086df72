import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'
import t from 'tap'
import { cheapHashing, startAltgate } from '../support/altgate.ts'
import { ask, summary } from '../support/ask.ts'
import { startPostgres } from '../support/postgres.ts'
import { recordingUpstream } from '../support/recording-upstream.ts'

const anna = 'anna@example.com'
const right = 'the password of anna'

/** What look-ups of callers and of the page read, and what is written behind their backs. */
const tables = ['credentials', 'usernames', 'links', 'members', 'accounts', 'account_uses']

/** Milliseconds: longer than a process may trust its memory without news. */
const locked = 2000
const leaseMs = 1000

t.test('a locked table, and guesses that hang at it, do not delay users with cached verdicts', async t => {
  const postgres = await startPostgres(t)
  const upstream = await recordingUpstream(t)
  const altgate = await startAltgate(t, {
    settings: { hashing: cheapHashing, store: { url: postgres.url, leaseMs } },
  })
  await altgate.arrange({ accounts: { contoso: upstream.url }, passwords: { [anna]: right } })
  const known = () => ask(`${altgate.url}/contoso/x`, { as: [anna, right] })
  t.equal(summary([await known()]), '200 allow')
  const client = new pg.Client({ connectionString: postgres.url })
  await client.connect()
  t.teardown(() => client.end())

  for (const table of tables)
    await t.test(table, async t => {
      await client.query(`begin; lock table ${client.escapeIdentifier(table)} in access exclusive mode`)
      const ends = performance.now() + locked
      let guesses = 0
      const guess = async () => {
        while (performance.now() < ends) {
          await ask(`${altgate.url}/contoso/x`, { as: [`${guesses++}@example.com`, 'a guess'] })
          await delay(1000) // where this table is not asked, each is a hash
        }
      }
      const guessing = Promise.all(Array.from({ length: 20 }, guess))
      const answers = []
      const took: number[] = []
      while (performance.now() < ends) {
        const began = performance.now()
        answers.push(await known())
        took.push(performance.now() - began)
        await delay(50)
      }
      await client.query('rollback')
      await guessing
      t.equal(summary(answers), '200 allow')
      // Not the slowest: a busy machine keeps one or the other waiting.
      const late = took.filter(each => each > locked / 4).length
      t.ok(late <= took.length / 4, `${late} of ${took.length}: they do not wait for the table`)
    })
})
