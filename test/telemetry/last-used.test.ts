import { join } from 'node:path'
import { mock } from 'node:test'
import t, { type Test } from 'tap'
import type { Account } from '../../src/gateway/account.ts'
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
import type { PasswordHash, Use } from '../../src/gateway/ports.ts'
import { Secret } from '../../src/gateway/secret.ts'
import { openStore } from '../../src/store/store.ts'
import { createLastUsedWitness } from '../../src/telemetry/last-used.ts'
import { temporaryDirectory } from '../support/directory.ts'
import { run } from '../support/run.ts'

const fabrikam: Account = {
  name: 'fabrikam' as AccountName,
  connection: { kind: 'msa' },
  upstream: 'http://127.0.0.1:1',
}

function allowed(subject: string): Allow {
  const username = foldUsername('anna@example.com')
  return {
    outcome: 'allow',
    account: fabrikam,
    scope: msaScope,
    username,
    subject: subject as Subject,
    via: 'l1',
  }
}

function askFrom(from: string): Ask {
  return {
    id: 'r1',
    method: 'GET',
    target: '/',
    host: '',
    authorization: [],
    from,
    secure: true,
    headers: new RequestHeaders([]),
    lane: 'production',
  }
}

const minute = 60_000

/** A witness over a store that can fail, and a clock that goes when it is told to. */
function aWitness(t: Test) {
  mock.timers.enable({ apis: ['setInterval'] })
  t.teardown(() => mock.timers.reset())
  const batches: string[][] = []
  const written: Use[] = []
  const outages: string[] = []
  const state = { down: false, refused: '', now: 1000, meanwhile: () => {} }
  const witness = createLastUsedWitness({
    store: {
      async record(uses: readonly Use[]) {
        state.meanwhile()
        if (state.down || uses.some(({ subject }) => subject === state.refused))
          throw new Outage('store', new Error('down'))
        written.push(...uses)
        batches.push(uses.map(({ scope, subject, at, from }) => `${scope} ${subject} ${at} ${from}`))
      },
    },
    outage: ({ part }) => void outages.push(part),
    now: () => state.now,
  })
  return {
    witness,
    batches,
    uses: written,
    outages,
    state,
    see: (decision: Decision, from = '192.0.2.7') => witness.saw(decision, askFrom(from), 1),
    pass: async (time: number) => {
      state.now += time
      mock.timers.tick(time)
      await new Promise(setImmediate) // whatever the clock has begun is done by then
    },
  }
}

t.test('uses are collected for a minute, one of each credential, and written at once', async t => {
  const { see, pass, batches } = aWitness(t)
  see(allowed('anna'), '192.0.2.1')
  see(allowed('boris'), '2001:db8::b')
  await pass(1000)
  see(allowed('anna'), '192.0.2.2')
  await pass(minute - 1001)
  t.same(batches, [], 'not before the minute is over')
  await pass(1)
  t.same(batches, [['msa anna 2000 192.0.2.2', 'msa boris 1000 2001:db8::b']])
  see(allowed('anna'), '192.0.2.3')
  await pass(minute)
  t.same(batches.slice(1), [['msa anna 61000 192.0.2.3']])
})

t.test('a credential that opens two accounts has used both', async t => {
  const { see, pass, uses } = aWitness(t)
  const contoso = { ...fabrikam, name: 'contoso' as AccountName }
  see(allowed('anna'))
  see({ ...allowed('anna'), account: contoso })
  await pass(minute)
  t.same(
    uses.map(({ account, subject }) => [account, subject]),
    [
      ['fabrikam', 'anna'],
      ['contoso', 'anna'],
    ],
  )
})

t.test('each generated password has uses of its own, with the tool', async t => {
  const { witness, pass, uses } = aWitness(t)
  const ask = (agent: string) => ({
    ...askFrom('192.0.2.7'),
    headers: new RequestHeaders(['User-Agent', agent]),
  })
  const by = (id: string) => ({ ...allowed('anna'), password: { id: id as PasswordId } })
  witness.saw(by('build'), ask('git/2.47.1 (linux)'), 1)
  witness.saw(by('laptop'), ask('Team Explorer Everywhere, tf.cmd (14.139)'), 1)
  witness.saw(allowed('anna'), ask('\u001b[31mred'), 1)
  await pass(minute)
  t.same(
    uses.map(({ subject, password, tool }) => [subject, password, tool]),
    [
      ['anna', 'build', 'git/2.47.1'],
      ['anna', 'laptop', 'Team Explorer Everywhere'],
      ['anna', undefined, undefined],
    ],
  )
})

t.test('only what opened an account is a use', async t => {
  const { see, witness, batches } = aWitness(t)
  const { account, scope, username } = allowed('anna')
  see({ outcome: 'disabled', account, scope, username, via: 'l1' })
  see({ outcome: 'reset-needed', account, scope, former: scope, username, via: 'l1' })
  see({ outcome: 'no-account' })
  await witness.close()
  t.same(batches.flat(), [])
})

t.test('what a store that is down cannot take is kept for the next time', async t => {
  const { see, pass, batches, outages, state } = aWitness(t)
  see(allowed('anna'), '192.0.2.1')
  see(allowed('boris'), '192.0.2.1')
  state.down = true
  await pass(minute)
  t.same([batches, outages], [[], ['store']])
  see(allowed('anna'), '192.0.2.2')
  state.down = false
  await pass(minute)
  t.same(batches, [['msa anna 61000 192.0.2.2', 'msa boris 1000 192.0.2.1']])
  await pass(minute)
  t.same(batches.slice(1).flat(), [], 'once is enough')
})

t.test('what is used while a batch is on its way is newer than what comes back', async t => {
  const { see, pass, batches, state } = aWitness(t)
  see(allowed('anna'), '192.0.2.1')
  see(allowed('boris'), '192.0.2.1')
  state.down = true
  state.meanwhile = () => see(allowed('anna'), '192.0.2.2')
  await pass(minute)
  state.down = false
  state.meanwhile = () => {}
  await pass(minute)
  t.same(batches, [['msa anna 61000 192.0.2.2', 'msa boris 1000 192.0.2.1']])
})

t.test('what is collected is bounded, while the store is down too', async t => {
  const { see, pass, witness, batches, state } = aWitness(t)
  state.down = true
  for (const round of [0, 1]) {
    for (let each = 0; each < 9000; each++) see(allowed(`subject-${round}-${each}`))
    await pass(minute)
  }
  see(allowed('subject-0-0'), '192.0.2.9')
  state.down = false
  await witness.close()
  const written = batches.flat()
  t.equal(written.length, 2500)
  t.ok(
    batches.every(batch => batch.length <= 250),
    'no write of many blocks the process',
  )
  t.match(
    written.join('\n'),
    /subject-0-0 .* 192\.0\.2\.9$/m,
    'what is in a full batch is still kept up to date',
  )
  t.notMatch(written.join('\n'), /subject-1-/, 'and it takes no others')
})

t.test('a full batch does not wait for the minute, and what fails half-way is written once', async t => {
  const { see, pass, witness, uses, outages, state } = aWitness(t)
  for (let each = 0; each < 2499; each++) see(allowed(`subject-${each}`))
  await pass(10_000)
  t.equal(uses.length, 0)
  see(allowed('one more'))
  let writes = 0
  state.meanwhile = () => {
    state.down = ++writes === 3
  }
  await pass(10_000)
  for (let turn = 0; turn < 30 && outages.length === 0; turn++) await pass(0)
  t.ok(uses.length > 0 && uses.length < 2500, `${uses.length} are written, the others wait`)
  await witness.close()
  t.equal(new Set(uses.map(({ subject }) => subject)).size, 2500)
  t.equal(uses.length, 2500)
})

t.test('a bug loses the uses of one write, and the others are written afterwards', async t => {
  const { see, witness, uses, state } = aWitness(t)
  for (let each = 0; each < 600; each++) see(allowed(`subject-${each}`))
  state.meanwhile = () => {
    throw new TypeError('a bug')
  }
  await t.rejects(witness.close(), { message: 'a bug' })
  state.meanwhile = () => {}
  see(allowed('later'))
  await witness.close()
  t.equal(uses.length, 351)
  t.match(uses.at(-1), { subject: 'later' })
})

t.test('a bug in a write that nobody waits for is reported', async t => {
  const module = JSON.stringify(new URL('../../src/telemetry/batches.ts', import.meta.url).href)
  const script = `
    import { mock } from 'node:test'
    import { createBatches } from ${module}
    mock.timers.enable({ apis: ['setInterval'] })
    const write = async () => {
      throw new TypeError('a bug')
    }
    const batches = createBatches({ put: (batch, key, value) => batch.set(key, value), write, outage() {} })
    batches.add('key', 'value')
    mock.timers.tick(60_000)`
  const { code, stderr } = await run(process.execPath, ['--input-type=module', '--eval', script])
  t.equal(code, 1)
  t.match(stderr, 'TypeError: a bug')
})

t.test('a use that the store never takes does not hold up the others', async t => {
  const { see, witness, uses, state } = aWitness(t)
  for (let each = 0; each < 600; each++) see(allowed(`subject-${each}`))
  state.refused = 'subject-100'
  for (let write = 0; write < 4; write++) await witness.close()
  t.ok(uses.length >= 350, `${uses.length}: all but the 250 that it is written with`)
  state.refused = ''
  await witness.close()
  t.equal(uses.length, 600)
})

t.test('closing writes what is left, and a store that is down then does not hold it up', async t => {
  const { see, witness, batches, state, outages } = aWitness(t)
  see(allowed('anna'))
  await witness.close()
  t.same(batches, [['msa anna 1000 192.0.2.7']])

  see(allowed('boris'))
  state.down = true
  await witness.close()
  t.same(outages, ['store'])
})

t.test('what was seen stands in the list of credentials', async t => {
  const store = await openStore({ url: new Secret(`sqlite:${join(temporaryDirectory(t), 'altgate.db')}`) })
  t.teardown(() => store.close())
  const registry = store.registry(async () => {})
  const username = foldUsername('anna@example.com')
  await registry.setCredential('cli:root', msaScope, { username, hash: 'x' as PasswordHash })
  const { current } = await store.credentials.find(msaScope, undefined, username)
  const witness = createLastUsedWitness({
    store: store.lastUsed,
    outage: outage => t.fail(outage.message),
    now: () => 5000,
  })
  witness.saw(allowed(current?.subject ?? ''), askFrom('192.0.2.7'), 1)
  await witness.close()
  t.match(await registry.credentials(msaScope), [{ username, lastUsed: { at: 5000, from: '192.0.2.7' } }])
})
