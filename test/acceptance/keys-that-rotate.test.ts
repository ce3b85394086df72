import { setTimeout as delay } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { cheapHashing, startAltgate, type Altgate } from '../support/altgate.ts'
import { ask } from '../support/ask.ts'
import { startPostgres } from '../support/postgres.ts'
import { recordingUpstream } from '../support/recording-upstream.ts'
import { startRedis } from '../support/redis.ts'
import { until } from '../support/until.ts'

const anna = 'anna@example.com'
const path = '/contoso/welcome.git/info/refs'
const postgres = await startPostgres(t)

async function outcome(altgate: Altgate, password: string): Promise<string> {
  const { status, outcome } = await ask(altgate.url + path, { as: [anna, password] })
  return `${status} ${outcome}`
}

/** Every request with one of these passwords is allowed, at each gateway, until it is stopped. */
function keepAsking(altgates: readonly Altgate[], passwords: readonly string[]) {
  const wrong: string[] = []
  let asked = 0
  let isOver = false
  const loops = altgates.flatMap(altgate =>
    passwords.map(async (password, index) => {
      while (!isOver) {
        const got = await outcome(altgate, password)
        asked += 1
        if (got !== '200 allow') wrong.push(`${index}: ${got}`)
        await delay(100) // what it waits for needs the machine as well
      }
    }),
  )
  return {
    /** Resolves when so many more requests were answered. */
    async answered(more: number) {
      const enough = asked + more
      await until(() => asked >= enough)
    },
    async stop() {
      isOver = true
      await Promise.all(loops)
      return { wrong, asked }
    },
  }
}

async function rotates(t: Test, altgates: readonly [Altgate, ...Altgate[]]): Promise<void> {
  const [first] = altgates
  const upstream = await recordingUpstream(t)
  await first.arrange({ accounts: { contoso: upstream.url }, passwords: { [anna]: 'chosen' } })
  const add = async (name: string) => {
    const words = ['credential', 'password', 'add', '--scope', 'msa', '--user', anna, '--name', name]
    return /agp_\w+/.exec(await first.must(words))?.[0] ?? ''
  }
  const [laptop, phone] = [await add('laptop'), await add('phone')]
  for (const altgate of altgates) await until(async () => (await outcome(altgate, 'chosen')) === '200 allow')

  const asking = keepAsking(altgates, ['chosen', laptop])
  for (const name of ['passwords', 'verdicts', 'answers', 'sign-ins', 'lfs-actions']) {
    await asking.answered(2)
    t.match(await first.must(['keys', 'rotate', name]), `Key 2 of ${name} is in use`)
  }
  const build = await add('build')
  for (const altgate of altgates) {
    t.equal(await outcome(altgate, build), '200 allow', 'a password of the new key')
    t.equal(await outcome(altgate, phone), '200 allow', 'and one of the former key that was never used')
  }
  await first.must(['keys', 'retire', 'verdicts', '1', '--yes'])
  const { wrong, asked } = await asking.stop()
  t.strictSame(wrong, [], `none of ${asked} requests was refused`)

  t.match(await first.must(['keys', 'list']), /passwords +1 +checks only +\S+ \S+ UTC +2 passwords/)
  await first.must(['keys', 'retire', 'passwords', '1', '--yes'])
  for (const altgate of altgates) {
    t.equal(await outcome(altgate, laptop), '401 refused', 'it ended with its key')
    t.equal(await outcome(altgate, build), '200 allow')
    t.equal(await outcome(altgate, 'chosen'), '200 allow')
  }
}

t.test('SQLite: no right password is refused while keys rotate', async t => {
  await rotates(t, [await startAltgate(t, { settings: { hashing: cheapHashing } })])
})

t.test('PostgreSQL without Redis: the same', async t => {
  const url = await postgres.database('without Redis')
  await rotates(t, [await startAltgate(t, { settings: { hashing: cheapHashing, store: { url } } })])
})

t.test('PostgreSQL and Redis, two gateways: the same', async t => {
  const [url, redis] = await Promise.all([postgres.database('with Redis'), startRedis(t)])
  const settings = { hashing: cheapHashing, store: { url }, redis: { url: redis.url } }
  await rotates(t, [await startAltgate(t, { settings }), await startAltgate(t, { settings })])
})
