import { setImmediate as nextTurn } from 'node:timers/promises'
import t, { type Test } from 'tap'
import type { Attempt } from '../../src/gateway/attempt.ts'
import { createGeneratedPasswords } from '../../src/gateway/generated-password.ts'
import type { Revision } from '../../src/gateway/names.ts'
import type { PasswordHash } from '../../src/gateway/ports.ts'
import { Secret } from '../../src/gateway/secret.ts'
import { createVerifier } from '../../src/gateway/verifier.ts'
import { redisAt } from '../../src/redis/server.ts'
import { createSharedCounters } from '../../src/throttling/shared-counters.ts'
import { createThrottle } from '../../src/throttling/throttle.ts'
import { createLocalVerdicts } from '../../src/verdicts/local.ts'
import { createSharedVerdicts, createVerdictCache } from '../../src/verdicts/shared.ts'
import { startRedis } from '../support/redis.ts'
import { slowLine } from '../support/slow-line.ts'
import { steadyHistory } from '../support/steady-history.ts'
import { until } from '../support/until.ts'
import { at, caller, few, tried } from '../throttling/contract.ts'
import { attempt, key } from './attempts.ts'
import { lifetimes } from './process.ts'

/** Milliseconds that the cache of verdicts waits here: so many that two waits cannot be taken for one. */
const patience = 400

/** What one gateway process asks Redis for a request whose password it does not know. Counts what had to be waited for. */
async function aProcess(t: Test, url: string) {
  const server = redisAt({ url: new Secret(url) })
  const outage = () => {}
  const local = createLocalVerdicts({ ...lifetimes, goodEntries: 100, otherEntries: 10, now: Date.now })
  const shared = createSharedVerdicts({
    history: steadyHistory,
    server,
    key,
    now: Date.now,
    patience,
    outage,
  })
  const book = createSharedCounters({ server, outage })
  t.teardown(() => (shared.close(), book.close()))
  const cache = createVerdictCache({ local, shared })
  const throttle = createThrottle(few, { key, now: Date.now, shared: book })
  let waits = 0

  async function counted<T>(answer: Promise<T> | T): Promise<T> {
    let isHere = false
    const here = Promise.resolve(answer).finally(() => (isHere = true))
    await nextTurn()
    if (!isHere) waits += 1
    return await here
  }

  const verifier = createVerifier({
    verdicts: { ...cache, recall: (...asked) => counted(cache.recall(...asked)) },
    throttle: { ...throttle, admit: (...guess) => counted(throttle.admit(...guess)) },
    credentials: {
      find: async () => ({ asOf: 1 as Revision, current: undefined, former: undefined }),
      upgrade: async () => {},
      turn: async () => {},
    },
    hasher: {
      hash: async () => 'hash' as PasswordHash,
      compare: async () => 'mismatch',
      outdated: () => false,
      provesWhole: () => true,
    },
    decoys: { like: async () => 'decoy' },
    generated: createGeneratedPasswords(key),
    upgradeFailed() {},
    provedInPart() {},
  })
  const isConnected = () => book.enter(probe, {}) !== undefined && shared.recall(anna) !== undefined
  await until(isConnected)
  return {
    throttle,
    /** How often a request waited. */
    waitsOf: async (one: Attempt, from: string): Promise<number> => {
      waits = 0
      await verifier.verify(one, caller(from))
      return waits
    },
  }
}

const anna = attempt('anna@example.com', 'right')
const mark = { name: 'probe', digest: 'probe' as never }
const counter = { by: 'address', ...mark, guesses: 1, windowSeconds: 1 } as const
const probe = { familiar: mark, own: counter, reserve: counter, unfamiliar: [] }

t.test('a request waits once for a Redis that is silent, whatever it asks there', async t => {
  const redis = await startRedis(t)
  const { waitsOf } = await aProcess(t, redis.url)
  redis.pause()
  // Each from the first on, and also those that come when the cache is no longer asked.
  const took: number[] = []
  const waits: number[] = []
  for (let request = 0; request < 8; request += 1) {
    const began = performance.now()
    const one = attempt(`person-${request}@example.com`, 'x')
    waits.push(await waitsOf(one, `192.0.2.${request}`))
    took.push(Math.round(performance.now() - began))
  }
  redis.resume()
  t.equal(Math.max(...waits), 1)
  // Its connection may end just then: whoever asks then is told so at once.
  t.ok(waits.filter(each => each === 1).length >= 5, `${waits.join()} waits`)
  // Not the slowest: a busy machine keeps one or the other waiting.
  t.ok(took.filter(each => each < 2 * patience).length >= 5, `${took.join(', ')} ms`)
})

t.test('where Redis answers, a request asks it everything', async t => {
  const redis = await startRedis(t)
  const { waitsOf } = await aProcess(t, redis.url)
  // An answer may be there before it can be counted as a wait, or come late from a busy machine: then another one is asked.
  let request = 0
  await until(async () => (await waitsOf(attempt(`person-${request++}`, 'x'), `192.0.2.${request}`)) === 3)
  t.pass('what is known, how many guesses, what is known meanwhile')
})

t.test('many who present one password do not wait for each other while Redis is silent', async t => {
  const redis = await startRedis(t)
  const { throttle } = await aProcess(t, redis.url)
  redis.pause()
  const began = performance.now()
  const all = Array.from({ length: 20 }, (_, n) => tried(throttle, 'anna', 'right', `192.0.2.${n}`))
  t.strictSame([...new Set(await Promise.all(all))], ['in'])
  const waited = performance.now() - began
  t.ok(waited < 900, `${Math.round(waited)} ms: an answer of Redis may take 1000`)
  redis.resume()
})

t.test('a right password that Redis counts too late is no guess there afterwards', async t => {
  const redis = await startRedis(t)
  const line = await slowLine(t, redis.url, 60)
  const late = await aProcess(t, line.url.replace('http:', 'redis:'))
  const quick = await aProcess(t, redis.url)
  for (let n = 0; n < few.address.guesses + 2; n += 1) {
    const name = `person-${n}@example.com`
    const admission = await late.throttle.admit(attempt(name, 'right'), caller('192.0.2.1'), at(name))
    if ('by' in admission) return t.fail(`throttled by ${admission.by}`)
    admission.absolve()
  }
  const counters = async () => {
    const names = (await redis.command('keys', 'altgate:throttle:*')) as string[]
    return names.filter(name => !name.endsWith('probe'))
  }
  await until(async () => (await counters()).length > 0)
  await until(async () => (await counters()).length === 0)
  t.equal(await tried(quick.throttle, 'ben@example.com', 'x', '192.0.2.1'), 'in')
})
