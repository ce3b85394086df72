import { Agent } from 'node:http'
import t, { type Test } from 'tap'
import { type Answered, ask, basicOf, summary } from '../support/ask.ts'
import { runningDoor } from '../support/forward-auth-port.ts'
import { anna, runningServer } from '../support/public-server.ts'
import { recordingUpstream } from '../support/recording-upstream.ts'
import { aWorld, usualThrottle } from '../support/world.ts'

const right = [anna.username, anna.password] as const

/** Fifty connections at once, as many as a build farm's may be. */
const agent = new Agent({ keepAlive: true, maxSockets: 50 })
t.teardown(() => agent.destroy())

/** Less than usual. */
const small = { requests: 50, requestsInAll: 1000, windowSeconds: 60 }

const many = (count: number, one: (at: number) => Promise<Answered>) =>
  Promise.all(Array.from({ length: count }, (_, at) => one(at)))

/** A server that takes every client's address from its request, because this machine is a trusted proxy. */
async function crowd(t: Test, anonymous = usualThrottle.anonymous) {
  const upstream = await recordingUpstream(t)
  const world = aWorld({
    accounts: [{ name: 'fabrikam', upstream: upstream.url }],
    credentials: [anna],
    throttle: { anonymous },
  })
  const server = await runningServer(t, { upstream: upstream.url, world, trustedProxies: ['127.0.0.1'] })
  const from = (address: string, path: string, as?: readonly [string, string], headers = {}) =>
    ask(`${server.url}/fabrikam/${path}`, {
      ...(as && { as }),
      headers: { 'X-Forwarded-For': address, ...headers },
      agent,
    })
  return { upstream, world, server, from }
}

t.test('a client that requests one path thousands of times without a credential is throttled', async t => {
  const { world, from, upstream } = await crowd(t)
  const answers = await many(1700, () => from('192.0.2.1', 'r.git/info/refs?service=git-upload-pack'))
  t.equal(summary(answers), '401 challenge, 429 throttled')
  t.equal(answers.filter(({ status }) => status === 401).length, 1500)
  const last = answers.at(-1)
  t.match(last?.headers['retry-after'], /^[1-6]?\d$/)
  t.match(last?.body, "You don't need to change your credentials.")
  t.match(world.seen.at(-1)?.decision, { outcome: 'throttled', by: 'anonymous' })
  t.strictSame(world.tooOften, ['192.0.2.1'], 'it is told once')

  t.equal((await from('192.0.2.1', 'other.git/info/refs')).status, 401, 'another clone from there begins')
  t.equal((await from('192.0.2.2', 'r.git/info/refs')).status, 401, 'and clients elsewhere')
  t.equal((await from('192.0.2.1', 'r.git/info/refs', right)).status, 200, 'a credential is looked at')
  t.equal((await from('192.0.2.1', 'r.git/info/refs')).status, 401, 'and resets the count')
  t.equal(upstream.requests.length, 1)
  t.equal(world.hashes(), 1)
})

t.test('requests without a credential for many different paths are counted together', async t => {
  const { from } = await crowd(t, { ...small, requestsInAll: 100 })
  const answers = await many(150, at => from('192.0.2.1', `${at % 75}.git/info/refs`))
  t.equal(answers.filter(({ status }) => status === 401).length, 100)
  t.equal(summary(answers), '401 challenge, 429 throttled')
})

t.test('an unreadable credential counts as none', async t => {
  const { from } = await crowd(t, small)
  const answers = await many(60, () => from('192.0.2.1', 'x', undefined, { Authorization: 'Bearer abc' }))
  t.equal(summary(answers), '401 garbled, 429 throttled')
  t.equal(answers.filter(({ status }) => status === 401).length, 50)
})

t.test('a wrong password does not reset the count, and is answered as wrong', async t => {
  const { from } = await crowd(t, small)
  await many(50, () => from('192.0.2.1', 'x'))
  t.equal((await from('192.0.2.1', 'x', ['anna@example.com', 'wrong'])).outcome, 'refused')
  t.equal((await from('192.0.2.1', 'x')).outcome, 'throttled')
})

t.test('a build farm behind one address may clone without limit', async t => {
  const { from } = await crowd(t, small)
  const answers: Answered[] = []
  const clones = async () => {
    for (let clone = 0; clone < 10; clone++) {
      answers.push(await from('192.0.2.1', 'r.git/info/refs'))
      answers.push(await from('192.0.2.1', 'r.git/info/refs', right))
      answers.push(await from('192.0.2.1', 'r.git/git-upload-pack', right))
    }
  }
  await Promise.all(Array.from({ length: 25 }, clones))
  t.equal(summary(answers), '200 allow, 401 challenge')
})

t.test('the same holds for the forward-auth port', async t => {
  const world = aWorld({
    accounts: [{ name: 'fabrikam', upstream: 'http://127.0.0.1:1' }],
    credentials: [anna],
    throttle: { anonymous: { requests: 5, requestsInAll: 10, windowSeconds: 60 } },
  })
  const { url } = await runningDoor(t, world)
  const asked = (more: Record<string, string> = {}) =>
    ask(`${url}/nginx`, {
      headers: {
        'X-Original-Method': 'GET',
        'X-Original-URI': '/fabrikam/x',
        'X-Forwarded-For': '192.0.2.1',
        'X-Forwarded-Proto': 'https',
        ...more,
      },
    })
  for (let times = 0; times < 5; times++) t.equal((await asked()).status, 401)
  const { status, outcome, headers } = await asked()
  t.strictSame([status, outcome], [403, 'throttled'])
  t.match(headers['retry-after'], /^\d+$/)
  t.equal((await asked({ Authorization: basicOf(...right) })).status, 200)
  t.equal((await asked()).status, 401)
})
