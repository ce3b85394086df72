import { mock } from 'node:test'
import t, { type Test } from 'tap'
import { type Ask, RequestHeaders } from '../../src/gateway/ask.ts'
import type { Allow, Decision } from '../../src/gateway/decision.ts'
import {
  type AccountName,
  foldUsername,
  msaScope,
  type PasswordId,
  type Subject,
} from '../../src/gateway/names.ts'
import { Outage } from '../../src/gateway/outage.ts'
import type { CountedUse } from '../../src/gateway/tool-uses.ts'
import { createToolUseWitness } from '../../src/telemetry/tool-uses.ts'

const anna: Allow = {
  outcome: 'allow',
  account: { name: 'fabrikam' as AccountName, connection: { kind: 'msa' }, upstream: 'http://127.0.0.1:1' },
  scope: msaScope,
  username: foldUsername('anna@example.com'),
  subject: 'anna' as Subject,
  via: 'l1',
}

function ask(rest: Partial<Ask> = {}, agent = 'git/2.47.1'): Ask {
  return {
    id: 'r1',
    method: 'GET',
    target: '/fabrikam/r.git/info/refs',
    host: '',
    authorization: [],
    from: '192.0.2.1',
    secure: true,
    headers: new RequestHeaders(['User-Agent', agent]),
    lane: 'production',
    ...rest,
  }
}

const minute = 60_000

function aWitness(t: Test, keptMs = 1000) {
  mock.timers.enable({ apis: ['setInterval'] })
  t.teardown(() => mock.timers.reset())
  const written: CountedUse[] = []
  const calls: number[] = []
  const state = { now: 5000, down: false }
  const outages: Outage[] = []
  const witness = createToolUseWitness({
    store: {
      async record(uses, kept) {
        calls.push(kept)
        if (state.down) throw new Outage('store', new Error('down'))
        written.push(...uses)
      },
    },
    keptMs,
    networkOf: address => address,
    pathOf: ({ target }) => target,
    outage: outage => void outages.push(outage),
    now: () => state.now,
  })
  t.teardown(() => witness.close())
  const saw = (decision: Decision, asked = ask()) => witness.saw(decision, asked, 1)
  const tick = async () => {
    mock.timers.tick(minute)
    await new Promise(setImmediate)
  }
  return { witness, saw, written, calls, state, outages, tick }
}

t.test('allowed requests are counted by all that tells them apart, and written once a minute', async t => {
  const { saw, written, state, tick } = aWitness(t)
  saw(anna)
  state.now = 7000
  for (let times = 0; times < 999; times++) saw(anna)
  saw(anna, ask({}, 'git-lfs/3.6.1 (x)'))
  saw(anna, ask({ from: '192.0.2.2' }))
  saw(anna, ask({ target: '/fabrikam/x' }))
  saw({ ...anna, password: { id: 'p1' as PasswordId } })
  saw({ ...anna, subject: 'boris' as Subject })
  t.strictSame(written, [], 'nothing is written while requests are served')
  await tick()
  t.match(written, [
    {
      subject: 'anna',
      tool: 'git/2.47.1',
      firstAt: 5000,
      lastAt: 7000,
      requests: 1000,
      network: '192.0.2.1',
    },
    { tool: 'git-lfs/3.6.1', requests: 1 },
    { network: '192.0.2.2' },
    { path: '/fabrikam/x' },
    { password: 'p1' },
    { subject: 'boris' },
  ])
  t.equal(written.length, 6)
})

t.test('of refused requests, unknown users and load tests nothing is counted', async t => {
  const { saw, written, tick } = aWitness(t)
  const { account, scope, username, via } = anna
  saw({ outcome: 'refused', account, scope, cause: 'absent', username, slot: 's' as never, via })
  saw({ outcome: 'disabled', account, scope, username, via })
  saw(anna, ask({ lane: 'load-test' }))
  await tick()
  t.strictSame(written, [])
})

t.test('a store that is down loses nothing, and 0 days count nothing but let the store forget', async t => {
  const { saw, written, state, outages, tick } = aWitness(t)
  state.down = true
  saw(anna)
  await tick()
  saw(anna)
  state.down = false
  await tick()
  t.match(written, [{ requests: 2 }])
  t.match(outages, [{ part: 'store' }])
})

t.test(
  'a tool that calls itself otherwise each time costs bounded memory, and nothing that is counted',
  async t => {
    const { witness, saw, written } = aWitness(t)
    saw(anna)
    for (let number = 0; number < 10_100; number++) saw(anna, ask({}, `tool/${number}`))
    saw(anna)
    await witness.close()
    t.equal(written.length, 2500)
    t.match(written[0], { tool: 'git', requests: 2 })
  },
)

t.test('switched off, nothing is counted, and the store forgets', async t => {
  const { saw, written, calls, tick } = aWitness(t, 0)
  saw(anna)
  await tick()
  t.strictSame(written, [])
  t.strictSame(calls, [0])
})
