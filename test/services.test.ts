import { join } from 'node:path'
import t, { type Test } from 'tap'
import { RequestHeaders } from '../src/gateway/ask.ts'
import { readAccountName, foldUsername, msaScope } from '../src/gateway/names.ts'
import type { PasswordHash } from '../src/gateway/ports.ts'
import { Secret } from '../src/gateway/secret.ts'
import { startLanes } from '../src/hashing/lanes.ts'
import { openServices } from '../src/services.ts'
import { loadSettings } from '../src/settings/load.ts'
import { openStore } from '../src/store/store.ts'
import { temporaryDirectory } from './support/directory.ts'
import { until } from './support/until.ts'

const fabrikam = readAccountName('fabrikam') as NonNullable<ReturnType<typeof readAccountName>>
const anna = foldUsername('anna@example.com')

/** A gateway as a worker has it, on a store and hash lanes of its own. */
async function aWorker(t: Test) {
  const url = `sqlite:${join(temporaryDirectory(t), 'altgate.db')}`
  const loaded = loadSettings({ env: { ALTGATE__STORE__URL: url }, cwd: '/' })
  if ('complaints' in loaded) throw new Error('the settings of this test are wrong')
  const { settings } = loaded
  let hashes = 0
  let queueMoved = 0
  const lanes = await startLanes({
    lanes: 1,
    queueLimit: 100,
    cost: settings.hashing,
    onHash: () => (hashes += 1),
    onQueue: () => (queueMoved += 1),
    onCrash: error => t.error(error),
    onFlaw: flaw => t.fail(flaw),
  })
  t.teardown(() => lanes.close())
  const fail = (error: unknown) => void t.error(error)
  await (await openStore(settings.store)).close() // as the primary process does
  const services = await openServices(settings, {
    hasher: lanes,
    peerWorkers: { tell() {}, onTold() {} },
    outage: fail,
    upgradeFailed: fail,
    provedInPart: fail,
    upstreamAuthWarning: fail,
    revoked: () => {},
    asked: () => {},
  })
  t.teardown(() => services.close())

  async function hashOf(password: string): Promise<PasswordHash> {
    const hash = await lanes.hash(new Secret(password))
    if (hash === 'busy') throw new Error('a queue of 100 is full')
    return hash
  }
  async function set(hash: PasswordHash): Promise<void> {
    const problem = await services.registry.setCredential('test', msaScope, { username: anna, hash })
    t.equal(problem, undefined)
  }
  /** Of one connection each: what was decoded of a header must not outlive a change. */
  const headers = new Map<string, Secret>()
  async function decide(password: string): Promise<string> {
    const basic = `Basic ${Buffer.from(`${anna}:${password}`).toString('base64')}`
    const header = headers.get(password) ?? new Secret(basic)
    headers.set(password, header)
    const decision = await services.gateway.decide({
      id: 'request',
      method: 'GET',
      target: '/fabrikam/hello.git/info/refs',
      host: 'localhost',
      authorization: [header],
      from: '127.0.0.1',
      secure: false,
      headers: new RequestHeaders([]),
      lane: 'production',
    })
    return decision.outcome
  }
  await services.registry.addAccount('test', { name: fabrikam, upstream: 'http://127.0.0.1:1' })
  return { hashOf, set, decide, hashes: () => hashes, queueMoved: () => queueMoved }
}

t.test('a request after a reset does not join a check that began before it', async t => {
  const { hashOf, set, decide, queueMoved } = await aWorker(t)
  await set(await hashOf('the old one'))
  const fresh = await hashOf('the new one')
  const before = queueMoved()
  const early = decide('the old one')
  await until(() => queueMoved() > before) // its hash is under way now, for some thirty milliseconds
  await set(fresh)
  t.equal(await decide('the old one'), 'refused')
  t.equal(await early, 'allow', 'it had read the store before the change')
  t.equal(await decide('the old one'), 'refused', 'and what it found has not been remembered')
  t.equal(await decide('the new one'), 'allow')
})

t.test('a thousand callers with one password, seen for the first time, cost one hash', async t => {
  const { hashOf, set, decide, hashes } = await aWorker(t)
  await set(await hashOf('the password'))
  const before = hashes()
  const outcomes = await Promise.all(Array.from({ length: 1000 }, () => decide('the password')))
  t.same(new Set(outcomes), new Set(['allow']))
  t.equal(hashes() - before, 1)
  await decide('the password')
  t.equal(hashes() - before, 1, 'and none from then on')
})
