import t from 'tap'
import type { AccountName } from '../../src/gateway/names.ts'
import { announcedEveryMs, type Presence } from '../../src/gateway/overview.ts'
import { Outage, type Part } from '../../src/gateway/outage.ts'
import type { Progress } from '../../src/serve.ts'
import { schema } from '../../src/settings/schema.ts'
import { statusPage } from '../../src/status/page.ts'
import { createStanding } from '../../src/status.ts'
import type { Observation } from '../../src/telemetry/observed.ts'
import { until } from '../support/until.ts'

const none = { upstream: 0, accounts: 0, provider: 0 }
const quiet: Observation = {
  decisions: [],
  loadTest: 0,
  answered: none,
  outages: [],
  silent: { accounts: 0 },
}
const settings = schema.parse({
  accounts: { source: 'azure-devops', azureDevOps: { address: 'https://dev.example.com/{account}' } },
  redis: { url: 'redis://127.0.0.1' },
  signIn: { msa: { clientId: 'x', clientSecret: 'x' } },
})

function aGateway(parts: Progress['parts'] = {}, since: Progress['since'] = {}) {
  const progress: Progress = { parts, since }
  const stop = new AbortController()
  const standing = createStanding({
    progress,
    settings: () => settings,
    size: { workers: 2, lanes: 1 },
    stop: stop.signal,
  })
  const part = async (name: string) => (await standing.document()).parts.find(each => each.part === name)
  return { progress, standing, stop, part }
}

/** As many as listen. */
function fleetOf(listening: number): NonNullable<Progress['fleet']> {
  return { listening: () => listening } as NonNullable<Progress['fleet']> // the rest is not used
}

t.test('the state is that of the start, of the workers, and of the end', async t => {
  const { progress, standing, stop } = aGateway()
  const state = async () => (await standing.document()).gateway.state
  t.equal(await state(), 'starting')
  t.match(await standing.document(), {
    gateways: { unknown: 'the gateway has not opened the store yet' },
    parts: [{ part: 'store', state: 'unknown', because: 'it has not been asked yet' }, {}, {}, {}, {}],
  })
  progress.fleet = fleetOf(1)
  t.equal(await state(), 'not-ready')
  progress.fleet = fleetOf(2)
  t.equal(await state(), 'ready')
  stop.abort()
  t.equal(await state(), 'stopping')
})

t.test('parts that are asked are up or down since the last change', async t => {
  const { part } = aGateway({ store: 'ok', redis: 'redis is unavailable' }, { store: 0, redis: 1000 })
  t.strictSame(await part('store'), { part: 'store', state: 'up', since: '1970-01-01T00:00:00.000Z' })
  t.strictSame(await part('redis'), {
    part: 'redis',
    state: 'down',
    since: '1970-01-01T00:00:01.000Z',
    because: 'it does not answer',
  })
})

t.test(
  'parts that only requests use are up once they have answered, and down while requests fail',
  async t => {
    const { standing, part, progress } = aGateway()
    const { observations } = standing
    for (const name of ['upstreams', 'directory source', 'identity providers'])
      t.match(await part(name), { state: 'unknown', because: String }, name)
    observations.heard(1, { ...quiet, answered: { upstream: 1, accounts: 1, provider: 1 } })
    for (const name of ['upstreams', 'directory source', 'identity providers'])
      t.match(await part(name), { state: 'up', since: String, lastAnswer: String }, name)

    const failing = (each: Part, failures: number) => ({ part: each, since: 1000, failures })
    observations.heard(1, {
      ...quiet,
      outages: [failing('accounts', 1), failing('hashing', 2)],
      silent: { accounts: 2, since: 2000 },
    })
    progress.outages = () => [failing('provider', 3)]
    t.match(await part('upstreams'), {
      state: 'down',
      since: '1970-01-01T00:00:02.000Z',
      because: /^those of 2 accounts do not answer/,
    })
    t.match(await part('directory source'), { state: 'down', because: '1 request has failed' })
    t.match(await part('identity providers'), { state: 'down', because: '3 requests have failed' })
    t.match(
      await part('hashing'),
      { state: 'down', because: '2 requests have failed' },
      'others while they fail',
    )

    observations.heard(1, quiet)
    progress.outages = () => []
    t.equal(await part('hashing'), undefined)
    for (const name of ['upstreams', 'directory source', 'identity providers']) {
      const { since = '', ...rest } = (await part(name)) ?? {}
      t.match(rest, { state: 'up' })
      t.ok(Date.parse(since) > Date.now() - 60_000, `${name}: since the last failure ended`)
    }
  },
)

t.test('a gateway announces itself, says when it becomes ready, and leaves', async t => {
  const { progress, standing } = aGateway()
  const said: Presence[] = []
  let broken = false
  let left = ''
  const overview = {
    async announce(presence: Presence) {
      if (broken) throw new Outage('store', new Error('x'))
      said.push(presence)
    },
    leave: async (id: string) => void (left = id),
    gateways: async () => said.slice(-1).map(each => ({ ...each, seenMsAgo: 0 })),
    lastMoves: async () => [
      {
        account: 'fabrikam' as AccountName,
        at: 0,
        actor: 'cli:root',
        to: { kind: 'msa' },
        undo: false,
      } as const,
    ],
  }
  const refusals = { record: async () => {}, find: async () => undefined, list: async () => [] }
  const began = performance.now()
  const announcing = standing.announceIn({ overview, refusals })
  t.match(said, [{ ready: false, workers: { listening: 0, of: 2 } }])
  broken = true // that ends nothing
  progress.fleet = fleetOf(1)
  await until(async () => (await standing.document()).gateway.state === 'not-ready')
  broken = false
  progress.fleet = fleetOf(2)
  await until(() => said.length === 2)
  t.ok(performance.now() - began < announcedEveryMs, 'at once')
  t.match(said[1], { ready: true, workers: { listening: 2, of: 2 } })
  const { gateway, gateways, moves } = await standing.document()
  t.match(gateways, [{ id: gateway.id, self: true }])
  t.strictSame(moves, [{ at: '1970-01-01T00:00:00.000Z', to: 'microsoft-accounts', undo: false }], 'no names')
  await announcing.stop()
  t.equal(left, gateway.id)
})

t.test('a stop does not wait for a store that hangs', async t => {
  const { standing } = aGateway()
  const never = () => new Promise<never>(() => {})
  const overview = { announce: never, leave: never, gateways: never, lastMoves: never }
  const refusals = { record: never, find: never, list: never }
  const began = performance.now()
  await standing.announceIn({ overview, refusals }).stop()
  t.ok(performance.now() - began < 10_000)
})

t.test('the page shows what is unknown, and nothing of it is HTML', async t => {
  const { standing } = aGateway()
  const document = await standing.document()
  const host = '<script>alert(1)</script>'
  const { body, policy } = statusPage({ ...document, gateway: { ...document.gateway, host } })
  t.notMatch(body, host)
  t.match(body, '&lt;script&gt;')
  t.match(body, 'Unknown, because the gateway has not opened the store yet.')
  t.match(body, 'The first ten seconds are not over yet.')
  t.notMatch(policy, 'unsafe')
  t.match(policy, /default-src 'none'; style-src 'sha256-[^']+'; script-src 'sha256-[^']+'/)
})
