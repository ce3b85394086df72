import pg from 'pg'
import t, { type Test } from 'tap'
import { ranTruly } from '../hosts/commands.ts'
import { cheapHashing, startAltgate, type Altgate } from '../support/altgate.ts'
import { ask } from '../support/ask.ts'
import { startPostgresPair } from '../support/postgres-pair.ts'
import { recordingUpstream } from '../support/recording-upstream.ts'
import { startCluster, startWatched } from '../support/redis-servers.ts'
import { until } from '../support/until.ts'

const anna = 'anna@example.com'
const path = '/contoso/welcome.git/info/refs'
const endless = { guesses: 1_000_000 }
const throttle = { address: endless, credential: endless, everywhere: endless }
const nameOf = (password: number) => `the password number ${password}`
/** Milliseconds between two looks at what is being repaired. */
const pause = 100
const set = ['credential', 'set', '--scope', 'msa', '--user', anna]

interface World {
  readonly gateways: readonly [Altgate, ...Altgate[]]
  /** How many changes were made, as the database that counts now says. */
  readonly newest: () => Promise<number>
}

type Query = (sql: string) => Promise<readonly Record<string, unknown>[]>

/** Waits for a session of the database that is in the middle of a change. */
async function untilThereIs(query: Query, condition: string): Promise<void> {
  await until(async () => (await query(`select from pg_stat_activity where ${condition}`)).length > 0)
}

/** Two gateways, if not one is enough. */
async function startWorld(
  t: Test,
  settings: Readonly<Record<string, unknown>>,
  newest: World['newest'],
  count: 1 | 2 = 2,
): Promise<World> {
  const upstream = await recordingUpstream(t)
  const start = () =>
    startAltgate(t, {
      settings: { throttle, hashing: cheapHashing, ...settings },
    })
  const gateways = [await start(), ...(count === 2 ? [await start()] : [])] as const
  await gateways[0].arrange({ accounts: { contoso: upstream.url }, passwords: { [anna]: nameOf(0) } })
  return { gateways, newest }
}

/** What a gateway says of a password when it can say anything. */
async function statusOf({ url }: Altgate, password: number): Promise<number> {
  let status = 503
  await until(async () => {
    ;({ status } = await ask(url + path, { as: [anna, nameOf(password)] }))
    return status !== 503
  }, pause)
  return status
}

/**
 * Sets one password after the other while something happens, until one is set afterwards: each command says what is so,
 * and gateways agree.
 */
async function playDuring(t: Test, { gateways, newest }: World, event: () => Promise<void>): Promise<void> {
  let over = false
  const happening = event().then(() => (over = true))
  let [password, made] = [0, await newest()]
  const codes: number[] = []
  for (let next = 1; !over || codes.at(-1) !== 0; next += 1) {
    const ran = await (gateways[next % gateways.length] ?? gateways[0]).cli(set, {
      stdin: `${nameOf(next)}\n`,
    })
    codes.push(ran.code)
    let now = made
    await until(async () => {
      now = await newest().catch(() => -1) // nobody can say while there is no primary
      return now >= 0
    }, pause)
    const isMade = now > made
    t.ok(ranTruly(ran, isMade), `${isMade ? 'made' : 'not made'}, and says: ${ran.code} ${ran.stderr}`)
    const [right, wrong] = isMade ? [next, password] : [password, next]
    for (const each of gateways)
      t.strictSame([await statusOf(each, right), await statusOf(each, wrong)], [200, 401], `after ${next}`)
    made = now
    password = right
  }
  await happening
  t.comment(`commands ended with ${codes.join(' ')}`)
}

const { first, second, url: pairUrl } = await startPostgresPair(t)

/** A database of the pair, to which nothing happens while a change is announced: that is the last test. */
async function besideRedis(t: Test, name: string) {
  await first.query(`create database ${name}`)
  const url = pairUrl.replace(/@.*$/, `@127.0.0.1:${first.port}/${name}`)
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  t.teardown(() => client.end())
  const query: Query = async sql => (await client.query(sql)).rows
  return {
    url,
    newest: async () => Number((await query('select newest from revision'))[0]?.['newest']),
    announcing: () => untilThereIs(query, `state = 'idle in transaction' and query like '%into "changes"%'`),
  }
}

t.test('Redis is killed, and Sentinels make its replica the primary', async t => {
  const [{ hosts, failover }, { url, newest, announcing }] = [
    await startWatched(t),
    await besideRedis(t, 'sentinel'),
  ]
  const world = await startWorld(
    t,
    { store: { url }, redis: { sentinel: { name: 'altgate', hosts } } },
    newest,
  )
  await playDuring(t, world, async () => {
    await announcing()
    await failover('killed')
  })
})

t.test('a node of a Redis Cluster is killed, and its replica takes over', async t => {
  const [{ hosts, failover }, { url, newest, announcing }] = [
    await startCluster(t),
    await besideRedis(t, 'cluster'),
  ]
  const redis = { cluster: { hosts: hosts.slice(0, 2) } }
  // That several gateways agree is seen above. This is about who hears of a change through which node.
  await playDuring(t, await startWorld(t, { store: { url }, redis }, newest, 1), async () => {
    await announcing()
    await failover('altgate:announced:{news}', 'killed')
  })
})

t.test('PostgreSQL is killed, and its standby becomes the primary', async t => {
  // What was said to be made is not lost: that is what the standby is waited for.
  await first.query(`alter system set synchronous_standby_names = '*'`)
  await first.query('select pg_reload_conf()')
  let primary = first
  const newest = async () => {
    const [row] = await primary.query('select newest from revision')
    return Number(row?.['newest'])
  }
  const world = await startWorld(t, { store: { url: pairUrl } }, newest)
  await first.query(`create function dawdle() returns trigger language plpgsql as
    'begin perform pg_sleep(0.5); return null; end'`)
  await first.query(`create constraint trigger slowly after insert on changes deferrable initially deferred
    for each row execute function dawdle()`)
  await playDuring(t, world, async () => {
    await untilThereIs(first.query, `state = 'active' and query = 'commit'`)
    primary = second
    await first.stop('immediate')
    await second.query(`alter system set synchronous_standby_names = ''`)
    await second.promote()
  })
})
