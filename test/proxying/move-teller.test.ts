import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import type { MoveNotices } from '../../src/gateway/moves.ts'
import { Outage } from '../../src/gateway/outage.ts'
import { createMoveTeller } from '../../src/proxying/move-teller.ts'
import { anna, basic, runningServer } from '../support/public-server.ts'
import { until } from '../support/until.ts'
import { aWorld, entra, msa } from '../support/world.ts'

// A push says once a day and user that the account is about to move, where git shows it. What cannot be shown does not count.

const report = 'application/x-git-receive-pack-result'
const body = '000eunpack ok\n0000'
const day = 24 * 60 * 60 * 1000
const boris = { username: 'boris@example.com', password: 'battery staple' }
const contoso = entra('Contoso')

/** As the store has it: one day for each user, and nobody who is ready. */
function notices() {
  const told = new Map<string, string>()
  const calls = { take: 0 }
  const ready = new Set<string>()
  const store: MoveNotices = {
    async take({ account, subject }, _to, today) {
      calls.take += 1
      if (ready.has(subject)) return 'ready'
      const key = `${account} ${subject}`
      if ((told.get(key) ?? '') >= today) return 'told'
      told.set(key, today)
      return 'due'
    },
    async giveBack({ account, subject }) {
      told.delete(`${account} ${subject}`)
    },
  }
  return { store, told, calls, ready }
}

async function anUpstream(t: Test, status: () => number = () => 200) {
  const server = createServer((request, response) => {
    request.resume().on('end', () => response.writeHead(status(), { 'Content-Type': report }).end(body))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => void server.close())
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

async function aPlannedMove(t: Test, { status, on }: { status?: () => number; on?: string } = {}) {
  const upstream = await anUpstream(t, status)
  const kept = notices()
  const clock = { now: Date.UTC(2026, 10, 28, 12) }
  const outages: Outage[] = []
  const outage = (each: Outage) => void outages.push(each)
  const moves = createMoveTeller({ store: kept.store, outage, now: () => clock.now, patience: 5000 })
  const planned = { to: contoso, on: on ?? '2096-11-24' }
  const world = aWorld({
    accounts: [
      { name: 'fabrikam', upstream, planned },
      { name: 'north', upstream },
      {
        name: 'moved',
        connection: contoso,
        former: { connection: msa, leftAt: 1000, bridgedUntil: Date.UTC(2096, 10, 24) },
        planned: { ...planned, to: entra('Northwind') },
        upstream,
      },
    ],
    credentials: [
      { ...anna, linked: true },
      { ...boris, secondary: 'boris' },
    ],
  })
  const server = await runningServer(t, { upstream, world, moves })
  const ask = async (path: string, init: RequestInit & { readonly as?: typeof boris }) => {
    const headers = { Authorization: basic(init.as ?? anna), ...(init.headers as object) }
    return await (await fetch(server.url + path, { ...init, headers })).text()
  }
  const push = (as?: typeof boris, its = pushBody('report-status side-band-64k'), account = 'fabrikam') =>
    ask(`/${account}/r.git/git-receive-pack`, { method: 'POST', body: its, ...(as && { as }) })
  return { ...kept, clock, outages, server, push, ask }
}

function pushBody(capabilities: string): string {
  const zero = '0'.repeat(40)
  const line = `${zero} ${'1'.repeat(40)} refs/heads/main\0 ${capabilities}`
  return `${(line.length + 4).toString(16).padStart(4, '0')}${line}0000PACK`
}

t.test('a push says it once a day and user, in words that say what to do', async t => {
  const { push, clock, calls, server, ask } = await aPlannedMove(t)
  const first = await push()
  t.equal(
    first.slice(5, -body.length),
    `The account "fabrikam" moves on 2096-11-24 (UTC) to Microsoft Entra ID,
directory "Contoso". Your user name and password work here until it
moves. Prepare new ones for the time after it on this page:
  https://git.example.com/_altgate/?account=fabrikam
`,
  )
  t.equal(first.slice(-body.length), body)
  t.equal(await push(), body, 'not twice a day')
  t.match(await push(boris), 'moves on', 'each user')
  t.equal(await push({ ...boris, username: 'boris' }), body, 'by whichever of two names')
  t.equal(calls.take, 2, 'the store is asked once a day and user')
  clock.now += day
  t.match(await push(), 'moves on')
  t.equal(await push(anna, undefined, 'north'), body, 'of an account that stays nothing is said')
  t.equal(await ask('/fabrikam/r.git/info/refs?service=git-receive-pack', {}), body)
  t.equal(calls.take, 3)
  t.strictSame(server.bugs, [])
})

t.test('on the day, and after a day that has passed, it says so', async t => {
  const today = '2026-11-28'
  t.match(await (await aPlannedMove(t, { on: today })).push(), `moves today, on ${today} (UTC), to`)
  const late = await (await aPlannedMove(t, { on: '2020-01-31' })).push()
  t.match(late.replaceAll('\n', ' '), 'was to move on 2020-01-31 (UTC) and moves soon, to')
})

t.test('what was not shown is said by the next push', async t => {
  const state = { status: 500 }
  const { push, told } = await aPlannedMove(t, { status: () => state.status })
  t.equal(await push(), body)
  await until(() => told.size === 0)
  state.status = 200
  t.equal(await push(anna, pushBody('report-status')), body, 'a client without the band')
  t.equal(await push(anna, '0000'), body, 'git asks first with an empty push')
  t.match(await push(), 'moves on')
  t.equal(await push(), body)
})

t.test('users who are ready, and those on a bridge, are told nothing', async t => {
  const { push, ready, calls, clock } = await aPlannedMove(t)
  ready.add('subject-0')
  t.equal(await push(), body)
  t.equal(await push(), body)
  t.equal(calls.take, 1, 'nor is the store asked for each push')
  ready.clear()
  clock.now += 11 * 60 * 1000
  t.match(await push(), 'moves on', 'not ready any more')
  const bridged = await push(anna, undefined, 'moved')
  t.match(bridged, 'has moved')
  t.notMatch(bridged, 'Northwind')
  t.equal(calls.take, 2)
})

t.test('a store that fails or hangs costs a push the notice, and nothing else', async t => {
  const upstream = await anUpstream(t)
  const world = aWorld({
    accounts: [{ name: 'fabrikam', upstream, planned: { to: contoso, on: '2096-11-24' } }],
    credentials: [anna],
  })
  const outages: Outage[] = []
  const hanging = Promise.withResolvers<'due'>()
  const given = Promise.withResolvers<void>()
  const answers = [() => Promise.reject(new Outage('store', new Error('down'))), () => hanging.promise]
  const moves = createMoveTeller({
    store: {
      take: () => answers.shift()?.() ?? Promise.resolve('told'),
      giveBack: async () => given.resolve(),
    },
    outage: outage => void outages.push(outage),
    now: Date.now,
    patience: 20,
  })
  const server = await runningServer(t, { upstream, world, moves })
  for (const what of ['down', 'hanging']) {
    const answered = await fetch(`${server.url}/fabrikam/r.git/git-receive-pack`, {
      method: 'POST',
      headers: { Authorization: basic() },
      body: pushBody('report-status side-band-64k'),
    })
    t.equal(await answered.text(), body, what)
  }
  t.match(outages, [{ part: 'store' }])
  hanging.resolve('due')
  await given.promise
  t.strictSame(server.bugs, [])
})
