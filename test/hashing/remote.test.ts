import { fork } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import t, { type Test } from 'tap'
import { Outage } from '../../src/gateway/outage.ts'
import type { PasswordHash } from '../../src/gateway/ports.ts'
import { ipcChannel, type Channel } from '../../src/common/channel.ts'
import { startLanes, type HashResult } from '../../src/hashing/lanes.ts'
import { createRemoteHasher, serveHashing } from '../../src/hashing/remote.ts'
import { until } from '../support/until.ts'
import { cheap, hashOf, keepsTheContract } from './contract.ts'
import type { PrimarySays } from './primary.ts'
import { lanesOf, visibleOf } from '../support/processes.ts'
import { attempt, slow } from './vectors.ts'
import type { WorkerSays, WorkerTask } from './worker.ts'

/** Another process that has the lanes, and the hasher that asks it. */
async function aPrimary(t: Test) {
  const primary = fork(new URL('./primary.ts', import.meta.url), { execArgv: [], silent: true })
  t.teardown(() => primary.kill('SIGKILL'))
  const counted: HashResult[] = []
  primary.on('message', (message: PrimarySays) => {
    if ('counted' in message) counted.push(message.counted)
  })
  await once(primary, 'message')
  const sent: object[] = []
  const hasher = createRemoteHasher(noting(ipcChannel(primary), sent), { cost: cheap })
  return { primary, pid: primary.pid ?? 0, hasher, counted, sent }
}

/** The same channel; `sent` gets what is sent over it. */
function noting(channel: Channel, sent: object[]): Channel {
  return {
    ...channel,
    send(message) {
      sent.push(message)
      channel.send(message)
    },
  }
}

t.test('hashing in the lanes of another process', async t => {
  const { hasher } = await aPrimary(t)
  await keepsTheContract(t, hasher)
})

t.test('a thousand equal callers of a worker cost one message and one hash', async t => {
  const { hasher, counted, sent } = await aPrimary(t)
  const hash = await hashOf(hasher, 'right')
  sent.length = 0
  const asked = Array.from({ length: 1000 }, () => hasher.compare(attempt('right'), hash))
  t.strictSame(new Set(await Promise.all(asked)), new Set(['match']))
  t.equal(sent.length, 1)
  t.strictSame(counted, ['made', 'match'])
})

t.test('equal callers of two workers cost one hash', async t => {
  const counted: HashResult[] = []
  const nothing = () => {}
  const lanes = await startLanes({
    lanes: 1,
    queueLimit: 10,
    cost: cheap,
    onHash: result => counted.push(result),
    onQueue: nothing,
    onCrash: nothing,
    onFlaw: nothing,
  })
  t.teardown(() => lanes.close())
  const hash = await hashOf(lanes, 'right')
  const [lane = 0] = lanesOf(process.pid)

  let questions = 0
  const workers = [0, 1].map(() => {
    const worker = fork(new URL('./worker.ts', import.meta.url), { execArgv: [] })
    t.teardown(() => worker.kill('SIGKILL'))
    serveHashing(lanes, ipcChannel(worker))
    worker.on('message', message => (questions += 'task' in Object(message) ? 1 : 0))
    return worker
  })
  // Until both have asked, nothing is computed.
  process.kill(lane, 'SIGSTOP')
  const answers = workers.map(async worker => {
    worker.send({ callers: 100, password: 'right', hash } satisfies WorkerTask)
    for (;;) {
      const [message]: (WorkerSays | object)[] = await once(worker, 'message')
      if (message !== undefined && 'answers' in message) return message.answers
    }
  })
  await until(() => questions === 2)
  process.kill(lane, 'SIGCONT')

  t.strictSame(new Set((await Promise.all(answers)).flat()), new Set(['match']))
  t.strictSame(counted, ['made', 'match'])
})

t.test('a full queue is busy for a worker too', async t => {
  const { hasher, pid } = await aPrimary(t)
  const hash = await hashOf(hasher, 'right')
  for (const lane of lanesOf(pid)) process.kill(lane, 'SIGSTOP')
  const names = Array.from({ length: 13 }, (_, index) => `user ${index}`)
  const answers = names.map(name => hasher.compare(attempt('right', name), hash))
  t.equal(await answers.at(-1), 'busy')
  t.equal(await hasher.hash(attempt('right').password), 'busy')
  for (const lane of lanesOf(pid)) process.kill(lane, 'SIGCONT')
  t.strictSame(new Set(await Promise.all(answers.slice(0, -1))), new Set(['match']))
})

t.test('an outage of the lanes is one for the workers, with its cause', async t => {
  const { hasher, primary } = await aPrimary(t)
  const hash = await hashOf(hasher, 'right')
  primary.send('close')
  await once(primary, 'message')
  const error = await hasher.compare(attempt('right'), hash).catch((error: unknown) => error)
  t.ok(error instanceof Outage)
  t.match(error, { part: 'hashing', cause: { message: /the hash lanes are closed/ } })
  await t.rejects(hasher.hash(attempt('right').password), Outage)
})

t.test('when the primary process is gone, all who wait and all who come are told of an outage', async t => {
  const { hasher, primary } = await aPrimary(t)
  const waiting = ['a', 'b', 'c'].map(name => t.rejects(hasher.compare(attempt('right', name), slow), Outage))
  primary.kill('SIGKILL')
  await Promise.all(waiting)
  await t.rejects(hasher.compare(attempt('right'), slow), Outage)
  const late = createRemoteHasher(ipcChannel(primary), { cost: cheap })
  await t.rejects(late.compare(attempt('right'), slow), Outage)
})

t.test('other messages on the same pipe do no harm', async t => {
  const { hasher, primary } = await aPrimary(t)
  const hash = await hashOf(hasher, 'right')
  for (const message of [
    'text',
    7,
    null,
    [],
    {},
    { tag: 'metrics', id: 1 },
    { tag: 'altgate.hashing.reply', id: 9 },
  ])
    primary.send(message as object)
  t.equal(await hasher.compare(attempt('right'), hash), 'match')
})

t.test('a password is seen in no command line, no environment and no output of any process', async t => {
  const canary = 'canary-3141592653'
  const { hasher, primary, pid } = await aPrimary(t)
  const { stdout, stderr } = primary
  if (stdout === null || stderr === null) throw new Error('the output goes elsewhere')
  const written = Promise.all([text(stdout), text(stderr)])
  const hash = await hashOf(hasher, canary)
  const hung = lanesOf(pid)
  for (const lane of hung) process.kill(lane, 'SIGSTOP')
  const answers = [canary, `${canary}.`].map(password => hasher.compare(attempt(password), hash))
  const flawed = hasher.compare(attempt(canary), `$argon2id$${canary}` as PasswordHash)
  const visible = [pid, ...hung].map(visibleOf).join('')
  for (const lane of hung) process.kill(lane, 'SIGKILL')

  t.strictSame(await Promise.all(answers), ['match', 'mismatch'])
  t.equal(await flawed, 'mismatch')
  t.notMatch(visible, canary)
  t.match(visible, 'memoryKiB', 'the command lines were looked at')
  primary.kill('SIGKILL')
  t.notMatch((await written).join(''), canary)
})
