import { Agent } from 'node:http'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { cheapHashing, startAltgate, type Altgate } from '../support/altgate.ts'
import { ask, summary } from '../support/ask.ts'
import { metric } from '../support/metrics.ts'
import { lanesOf, workersOf } from '../support/processes.ts'
import { recordingUpstream } from '../support/recording-upstream.ts'
import { startRedis } from '../support/redis.ts'
import { until } from '../support/until.ts'

const anna = 'anna@example.com'
const ben = 'ben@example.com'
const right = 'the password of both'
const secret = 'the secret of the load test'

const agent = new Agent({ keepAlive: true, maxSockets: 50 })
t.teardown(() => agent.destroy())

/** What a gateway says to a password; proxies on this machine tell it who asks. */
function tries({ url }: Altgate, user: string, password: string, { from = '192.0.2.1', headers = {} } = {}) {
  const as = [user, password] as const
  return ask(`${url}/contoso/x`, { as, headers: { 'X-Forwarded-For': from, ...headers }, agent })
}

async function withCredentials(t: Test, altgate: Altgate): Promise<void> {
  const upstream = await recordingUpstream(t)
  await altgate.arrange({ accounts: { contoso: upstream.url }, passwords: { [anna]: right, [ben]: right } })
}

/** A gateway for the tests of load tests and of addresses. */
const alone = await startAltgate(t, {
  env: { LOAD_TEST_SECRET: secret },
  settings: {
    trustedProxies: ['127.0.0.1'],
    hashing: { ...cheapHashing, queueLimit: 4 },
    throttle: {
      address: { guesses: 3 },
      ipv6PrefixBits: 48,
      credential: { guesses: 6 },
      loadTest: { secret: { env: 'LOAD_TEST_SECRET' } },
    },
  },
})
await withCredentials(t, alone)

/** Worker processes that count in Redis. */
function connectionsIn(list: unknown): number {
  return String(list).split('name=altgate-throttle').length - 1
}

t.test('two gateways with one Redis count guesses from two hundred addresses', async t => {
  const redis = await startRedis(t)
  const settings = {
    workers: 2,
    hashing: cheapHashing,
    trustedProxies: ['127.0.0.1'],
    redis: { url: redis.url },
  }
  const one = await startAltgate(t, { settings })
  await withCredentials(t, one)
  const store = { url: `sqlite:${join(one.directory, 'altgate.db')}` }
  const two = await startAltgate(t, { settings: { ...settings, workers: 1, store } })
  const both = [one, two]
  const sum = async (name: string, labels: Record<string, string>) => {
    const each = await Promise.all(both.map(altgate => metric(altgate, name, labels)))
    return each.reduce((all, here) => all + here, 0)
  }
  await until(async () => connectionsIn(await redis.command('client', 'list')) === 3)
  t.equal(summary(await Promise.all(both.map(altgate => tries(altgate, anna, right)))), '200 allow')

  const answers = await Promise.all(
    Array.from({ length: 200 }, (_, guess) =>
      tries(guess % 2 ? one : two, anna, `guess ${guess}`, { from: `198.51.100.${guess}` }),
    ),
  )
  t.equal(summary(answers), '401 refused, 429 throttled')
  const looked = answers.filter(({ status }) => status === 401).length
  // More than twenty only where Redis keeps a process waiting, which then counts by itself; twenty in each are sixty.
  t.ok(looked >= 20 && looked < 40, `twenty are looked at, in all, not twenty in each process: ${looked}`)
  t.equal(await sum('altgate_password_hashes_total', { result: 'mismatch' }), looked)
  t.equal(await sum('altgate_decisions_total', { outcome: 'throttled' }), 200 - looked)

  for (const altgate of both) {
    t.equal(summary([await tries(altgate, anna, right)]), '200 allow', 'the owner is allowed, at both')
    t.equal(summary([await tries(altgate, ben, right)]), '200 allow', 'and so are other users')
    const line = altgate
      .logs()
      .split('\n')
      .find(each => each.includes('"throttled"'))
    t.match(JSON.parse(line ?? '{}'), { outcome: 'throttled', cause: 'credential', from: /^198\.51\.100\./ })
  }
  const held = await redis.dump()
  t.match(held, 'altgate:throttle:')
  t.notMatch(held, /anna|198\.51|192\.0\.2/)
})

/** New connections, which the workers share by chance: that one gets none of them does not happen. */
const many = Array.from({ length: 24 }, (_, number) => number)

t.test('without Redis: a user who signed in at one worker is known to the others', async t => {
  const throttle = { credential: { guesses: 3 } }
  const settings = { workers: 2, hashing: cheapHashing, trustedProxies: ['127.0.0.1'], throttle }
  const altgate = await startAltgate(t, { settings })
  await withCredentials(t, altgate)
  const onNewConnections = async (user: string, password: (number: number) => string, from: string) => {
    const { url } = altgate
    const headers = { 'X-Forwarded-For': from }
    return await Promise.all(
      many.map(number => ask(`${url}/contoso/x`, { as: [user, password(number)], headers })),
    )
  }
  const guesses = () => onNewConnections(anna, number => `guess ${number}`, '198.51.100.1')
  const owner = () => onNewConnections(anna, () => right, '192.0.2.1')
  const ready = async () => (await ask(`${altgate.operationsUrl}/ready`)).status === 200

  t.equal(summary([await tries(altgate, anna, right)]), '200 allow', 'at one of them')
  t.equal(summary(await guesses()), '401 refused, 429 throttled')
  t.equal(summary(await owner()), '200 allow', 'at both')

  const now = () => workersOf(altgate.pid)
  const [worker = 0] = now()
  process.kill(worker, 'SIGKILL')
  const isReplaced = () => !now().includes(worker) && now().length === settings.workers
  await until(async () => isReplaced() && (await ready()), 50)
  t.equal(summary(await guesses()), '401 refused, 429 throttled')
  t.equal(summary(await owner()), '200 allow', 'nor to a worker that came later')
})

t.test('a load test takes no place of production, throttles no user, and is counted apart', async t => {
  const altgate = alone
  const headers = { 'X-Altgate-Load-Test': secret }
  const tested = (outcome: string) => metric(altgate, 'altgate_load_test_decisions_total', { outcome })
  const decided = () => metric(altgate, 'altgate_decisions_total')
  const [lane = 0] = lanesOf(altgate.pid)

  process.kill(lane, 'SIGSTOP')
  const tests = Array.from({ length: 20 }, (_, guess) => tries(altgate, anna, `test ${guess}`, { headers }))
  await until(async () => (await tested('busy')) === 17) // one is under way, two wait
  const people = [right, 'a typo', 'another', 'a third'].map((password, at) =>
    tries(altgate, anna, password, { from: `192.0.2.${10 + at}` }),
  )
  await until(async () => (await metric(altgate, 'altgate_hash_queue_depth')) === 4)
  process.kill(lane, 'SIGCONT')
  t.equal(
    summary(await Promise.all(people)),
    '200 allow, 401 refused',
    'none is told that the gateway is busy',
  )
  t.equal(summary(await Promise.all(tests)), '401 refused, 503 busy')

  for (let guess = 0; guess < 10; guess++)
    t.equal(summary([await tries(altgate, anna, `more ${guess}`, { headers })]), '401 refused')
  t.equal(summary([await tries(altgate, anna, right, { headers })]), '200 allow')
  t.equal(await tested('refused'), 13)
  t.equal(await tested('allow'), 1)
  t.equal(await decided(), 4, 'of production, just the people')
  t.match(altgate.logs(), /"outcome":"busy"[^\n]*"lane":"load-test"/)
  t.notMatch(altgate.logs(), secret)
  t.notMatch(await altgate.must(['settings']), secret)
})

t.test('a gateway alone counts in memory', async t => {
  const altgate = alone
  const from = (last: string) => ({ from: `2001:db8:1:${last}` })
  for (const last of ['1::1', '2::1', '3::1'])
    t.equal(summary([await tries(altgate, `nobody ${last}`, 'x', from(last))]), '401 refused')
  t.equal(summary([await tries(altgate, ben, right, from('4::1'))]), '429 throttled')
  t.equal(summary([await tries(altgate, ben, right, { from: '2001:db8:2::1' })]), '200 allow')
  t.equal(summary([await tries(altgate, ben, right, from('4::1'))]), '200 allow', 'now it is remembered')
})
