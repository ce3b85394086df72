import t from 'tap'
import { startAltgate } from '../support/altgate.ts'
import { ask, summary } from '../support/ask.ts'
import { metric } from '../support/metrics.ts'
import { lanesOf } from '../support/processes.ts'
import { recordingUpstream } from '../support/recording-upstream.ts'
import { until } from '../support/until.ts'

const anna = 'anna@example.com'
const ben = 'ben@example.com'
const right = 'the password of both'

t.test('a machine that hashes one password at a time, and lets one more wait', async t => {
  const upstream = await recordingUpstream(t)
  const hashing = { lanes: 1, queueLimit: 1 }
  const altgate = await startAltgate(t, { settings: { workers: 2, hashing } })
  await altgate.arrange({ accounts: { contoso: upstream.url }, passwords: { [anna]: right, [ben]: right } })
  const hashes = (result: string) => metric(altgate, 'altgate_password_hashes_total', { result })
  const tries = (user: string, password: string) => ask(`${altgate.url}/contoso/x`, { as: [user, password] })

  await t.test(
    'a request that finds the queue full is told to retry, and none is refused unchecked',
    async t => {
      const depth = () => metric(altgate, 'altgate_hash_queue_depth')
      const [lane] = lanesOf(altgate.pid)
      if (lane === undefined) return t.fail('there is no hash lane')

      // The one lane stands still: of all the others one can wait.
      process.kill(lane, 'SIGSTOP')
      const guesses = Array.from({ length: 20 }, (_, n) => tries(anna, `guess number ${n}`))
      await until(async () => (await metric(altgate, 'altgate_decisions_total', { outcome: 'busy' })) === 18)
      t.equal(await depth(), 1)
      t.equal(await hashes('mismatch'), 0)
      process.kill(lane, 'SIGCONT')

      const answers = await Promise.all(guesses)
      const busy = answers.filter(({ outcome }) => outcome === 'busy')
      const judged = answers.filter(({ outcome }) => outcome !== 'busy')
      t.equal(busy.length, 18)
      t.equal(summary(busy), '503 busy')
      t.ok(
        busy.every(({ headers }) => Number(headers['retry-after']) > 0),
        'each with Retry-After',
      )
      t.equal(summary(judged), '401 refused')
      t.equal(await hashes('mismatch'), judged.length, 'who was refused was heard')
      t.equal(await depth(), 0)

      t.equal(summary([await tries(anna, right)]), '200 allow', 'and all is well again')
      t.equal(summary([await tries(anna, 'guess number 19')]), '401 refused')
    },
  )

  await t.test('200 callers with one right password, seen for the first time: one hash', async t => {
    const before = await hashes('match')
    const [lane] = lanesOf(altgate.pid)
    if (lane === undefined) return t.fail('there is no hash lane')
    // It stands still until all of them are there: a worker that a busy machine keeps waiting would hash once more.
    process.kill(lane, 'SIGSTOP')
    const all = Array.from({ length: 200 }, () => tries(ben, right))
    await until(async () => (await metric(altgate, 'altgate_connections')) === 200)
    process.kill(lane, 'SIGCONT')
    const answers = await Promise.all(all)
    t.equal(summary(answers), '200 allow')
    t.equal(await hashes('match'), before + 1)
  })
})
