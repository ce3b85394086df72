import { setTimeout as delay } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { cheapHashing, startAltgate, type Altgate } from '../support/altgate.ts'
import { ask, summary, type Answered } from '../support/ask.ts'
import { recordingUpstream } from '../support/recording-upstream.ts'
import { startRedis, type TestRedis } from '../support/redis.ts'
import { until } from '../support/until.ts'

const anna = ['anna@example.com', 'the password of anna'] as const
const ben = ['ben@example.com', 'the password of ben'] as const
const cleo = ['cleo@example.com', 'the password of cleo'] as const
const path = '/contoso/welcome.git/info/refs'

/** Somebody guesses all the time: not what this is about. */
const endless = { guesses: 1_000_000 }
const throttle = { address: endless, credential: endless, everywhere: endless }

t.test('without its Redis the gateway is slower, and never wrong', async t => {
  const redis = await startRedis(t)
  const upstream = await recordingUpstream(t)
  const settings = { workers: 2, hashing: cheapHashing, redis: { url: redis.url }, throttle }
  const altgate = await startAltgate(t, { settings })
  const passwords = Object.fromEntries([anna, ben, cleo])
  await altgate.arrange({ accounts: { contoso: upstream.url }, passwords })
  const asks = (as: readonly [string, string]) => ask(altgate.url + path, { as })
  t.equal((await asks(anna)).status, 200)

  const git = keepGoing(altgate)
  await t.test('killed', async t => {
    await redis.stop()
    await goesOn(t, altgate, ben)
    await changesNothing(t, altgate)
    await redis.start()
    await comesBack(t, altgate, redis)
  })
  await t.test('hung: it takes connections and answers nothing', async t => {
    redis.pause()
    await goesOn(t, altgate, cleo)
    await changesNothing(t, altgate)
    redis.resume()
    await comesBack(t, altgate, redis)
  })
  const { right, wrong, anonymous } = await git()
  t.equal(summary(right), '200 allow', `${right.length} times`)
  t.equal(summary(wrong), '401 refused', `${wrong.length} times`)
  t.equal(summary(anonymous), '401 challenge', `${anonymous.length} times`)
})

/** As git does it, again and again: anonymous first, then with the password; and a client that guesses. */
function keepGoing({ url }: Altgate) {
  const right: Answered[] = []
  const wrong: Answered[] = []
  const anonymous: Answered[] = []
  let going = true
  const run = async () => {
    for (let guess = 0; going; guess++) {
      anonymous.push(await ask(url + path))
      right.push(await ask(url + path, { as: anna }))
      wrong.push(await ask(url + path, { as: [anna[0], `guess number ${guess}`] }))
      await delay(100) // each guess is a hash
    }
  }
  const running = run()
  return async () => {
    going = false
    await running
    return { right, wrong, anonymous }
  }
}

/** `stranger`: whose password nobody has remembered yet. */
async function goesOn(t: Test, altgate: Altgate, stranger: readonly [string, string]): Promise<void> {
  const url = altgate.url + path
  const all = await Promise.all(Array.from({ length: 8 }, () => ask(url, { as: stranger })))
  t.equal(summary(all), '200 allow', 'a right password that nobody has seen before')
  t.equal(summary([await ask(url, { as: [stranger[0], 'a wrong password'] })]), '401 refused')
  await until(async () => (await readiness(altgate)).parts['redis'] !== 'ok')
  const { status, parts } = await readiness(altgate)
  t.equal(status, 200, 'it is still ready')
  t.equal(parts['redis'], 'redis is unavailable')
}

async function changesNothing(t: Test, altgate: Altgate): Promise<void> {
  const set = ['credential', 'set', '--scope', 'msa', '--user', anna[0]]
  const { code, stdout, stderr } = await altgate.cli(set, { stdin: 'another good password\n' })
  t.equal(code, 1)
  t.equal(stdout, '')
  t.match(stderr, /^altgate: Redis is unavailable[^\n]*\. Nothing was changed\.\n$/)
  t.equal(summary([await ask(altgate.url + path, { as: anna })]), '200 allow')
  t.equal(summary([await ask(altgate.url + path, { as: [anna[0], 'another good password'] })]), '401 refused')
}

async function comesBack(t: Test, altgate: Altgate, redis: TestRedis): Promise<void> {
  await until(async () => (await readiness(altgate)).parts['redis'] === 'ok')
  const its = ['--scope', 'msa', '--user', ben[0]]
  // A verdict is written once, in the background, and not by a worker whose own connection is still being made again.
  await until(async () => {
    await altgate.must(['credential', 'disable', ...its])
    t.equal(summary([await ask(altgate.url + path, { as: ben })]), '403 disabled', 'a change holds at once')
    await altgate.must(['credential', 'enable', ...its])
    t.equal(summary([await ask(altgate.url + path, { as: ben })]), '200 allow')
    return /^altgate:good:/m.test(await redis.dump())
  })
  t.pass('verdicts are shared again')
}

async function readiness({ operationsUrl }: Altgate) {
  const answer = await fetch(`${operationsUrl}/ready`)
  const { parts } = (await answer.json()) as { parts: Record<string, string> } // what `/ready` is documented to give
  return { status: answer.status, parts }
}
