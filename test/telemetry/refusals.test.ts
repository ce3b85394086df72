import { mock } from 'node:test'
import t, { type Test } from 'tap'
import { type Ask, RequestHeaders } from '../../src/gateway/ask.ts'
import type { AccountName } from '../../src/gateway/names.ts'
import { Outage } from '../../src/gateway/outage.ts'
import type { Refusal } from '../../src/gateway/ports.ts'
import { createRefusalWitness } from '../../src/telemetry/refusals.ts'

const noAccount = { outcome: 'no-account', name: 'nowhere' as AccountName } as const

function aWitness(t: Test) {
  mock.timers.enable({ apis: ['setTimeout'] })
  t.teardown(() => mock.timers.reset())
  const written: Refusal[][] = []
  const state = { down: false, outages: 0 }
  const witness = createRefusalWitness({
    store: {
      async record(refusals) {
        if (state.down) throw new Outage('store', new Error('down'))
        written.push([...refusals])
      },
    },
    keptMs: 1,
    kindOf: () => 'other',
    outage: () => void (state.outages += 1),
    now: () => 5,
  })
  let count = 0
  const ask = (lane: Ask['lane'] = 'production'): Ask => ({
    id: `r${(count += 1)}`,
    method: 'GET',
    target: '/',
    host: '',
    headers: new RequestHeaders([]),
    authorization: [],
    from: '192.0.2.7',
    secure: true,
    lane,
  })
  const pass = async () => {
    mock.timers.tick(1000)
    for (let turn = 0; turn < 5; turn += 1) await Promise.resolve()
  }
  return { witness, written, state, ask, pass }
}

t.test('refusals are written a second later; challenges and load tests are none', async t => {
  const { witness, written, ask, pass } = aWitness(t)
  witness.saw(noAccount, ask(), 1)
  witness.saw({ outcome: 'challenge', name: 'x' as AccountName }, ask(), 1)
  witness.saw(noAccount, ask('load-test'), 1)
  t.same(written, [])
  await pass()
  t.match(written, [[{ reference: 'r1', outcome: 'no-account', account: 'nowhere', at: 5 }]])
  t.equal(written[0]?.length, 1)
})

t.test('a flood fills no memory', async t => {
  const { witness, written, ask, pass } = aWitness(t)
  for (let request = 0; request < 5000; request += 1) witness.saw(noAccount, ask(), 1)
  await pass()
  t.equal(written[0]?.length, 100)
})

t.test('a store that is down is tried again, and what is left is written at the end', async t => {
  const { witness, written, state, ask, pass } = aWitness(t)
  state.down = true
  witness.saw(noAccount, ask(), 1)
  await pass()
  t.equal(state.outages, 1)
  witness.saw(noAccount, ask(), 1)
  state.down = false
  await witness.close()
  t.match(written, [[{ reference: 'r1' }, { reference: 'r2' }]])
})
