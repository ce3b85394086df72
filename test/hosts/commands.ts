import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'
import type { Test } from 'tap'
import { ask } from '../support/ask.ts'
import { cut, mend, type Host } from '../support/hosts.ts'
import type { Ran } from '../support/run.ts'
import { until } from '../support/until.ts'
import { createLedger, nameOf } from './ledger.ts'
import { firstState, keepAsking } from './rounds.ts'
import { anna, path, type HostWorld } from './world.ts'

/** What a command that was given on the third host was in the middle of when that host was cut off. */
export interface Moment {
  readonly name: string
  /** Hosts that are cut off from each other when the change begins, so that the moment lasts. */
  readonly before?: (world: HostWorld) => readonly (readonly [Host, Host])[]
  /** Makes the moment last; what it gives ends that, after the cut. */
  readonly prepare?: (database: pg.Client) => Promise<() => Promise<unknown>>
  /** A condition on a session of `pg_stat_activity` that is the command's: it is there. */
  readonly reached: string
  readonly cut: readonly ('redis' | 'postgres')[]
  /** Whether the cut ends while the command still runs. */
  readonly isShort?: true
  readonly codes: readonly number[]
}

/** Another change is under way, and it waits for that. */
const turn = {
  async prepare(database: pg.Client) {
    await database.query('begin; update revision set newest = newest')
    return () => database.query('rollback')
  },
  reached: `wait_event_type = 'Lock'`,
} as const
export const waitsForItsTurn: Moment = { ...turn, name: 'waits for its turn', cut: ['postgres'], codes: [1] }

/** A gateway that does not hear it has a lease that has to run out. */
const tells = {
  before: ({ gateways: [first], hosts }: HostWorld) => [[first.host, hosts.redis] as const],
  reached: `state = 'idle in transaction' and query like '%into "changes"%'`,
}
export const tellsGateways: Moment = {
  ...tells,
  name: 'tells gateways, and cannot commit',
  cut: ['postgres'],
  codes: [1, 3],
}
export const losesRedis: Moment = {
  ...tells,
  name: 'tells gateways, and loses Redis',
  cut: ['redis'],
  codes: [1],
}

/** The commit takes a while. */
const commits = {
  async prepare(database: pg.Client) {
    await database.query(`create or replace function dawdle() returns trigger language plpgsql as
      'begin perform pg_sleep(0.5); return null; end'`)
    await database.query(`create constraint trigger slowly after insert on changes deferrable initially deferred
      for each row execute function dawdle()`)
    return () => database.query('drop trigger slowly on changes')
  },
  reached: `state = 'active' and query = 'commit'`,
  cut: ['postgres'],
} as const
export const commitsUnheard: Moment = { ...commits, name: 'commits, and does not hear of it', codes: [3] }
export const commitsAndIsBack: Moment = {
  ...commits,
  name: 'commits, and hears of it later',
  isShort: true,
  codes: [0],
}

/** Without Redis: a gateway that is cut off has a lease that has to run out. */
export const waitsForGateways: Moment = {
  name: 'waits for gateways to have looked',
  before: ({ gateways: [first], hosts }) => [[first.host, hosts.postgres] as const],
  reached: `state = 'idle' and query like '%from "gateways"%'`,
  cut: ['postgres'],
  codes: [3],
}

/** Milliseconds after a cut in which everything is as it was. */
const normalWithin = 2000

/**
 * Has a password set on the third host, cuts that off in the middle, and compares what the command said with what is so.
 * `from`: the password of now; gives the one after it.
 */
export async function playMoment(t: Test, world: HostWorld, moment: Moment, from: number): Promise<number> {
  const { hosts, gateways, last: third } = world
  const [database, watcher] = [await connect(t, world), await connect(t, world)]
  const newest = async () => Number((await watcher.query('select newest from revision')).rows[0].newest)
  let isCut = true
  const former = { ...firstState, password: from }
  const earlier = moment.before?.(world) ?? []
  const pairs = moment.cut.map(each => [third.host, hosts[each]] as const)
  const cutOff = new Set([...earlier, ...pairs].map(([{ name }]) => name))
  const ledger = createLedger(former, who => isCut && cutOff.has(who))
  const stop = keepAsking(world, ledger, 400)
  const counted = await newest()
  const begin = earlier.length > 0 && (await turn.prepare(database))
  const end = await moment.prepare?.(database)

  const began = (await watcher.query('select clock_timestamp()::text as now')).rows[0].now
  const next = { ...former, password: from + 1 }
  const said = ledger.begin(next)
  const running = third.altgate.cli(['credential', 'set', '--scope', 'msa', '--user', anna], {
    stdin: `${nameOf(next.password)}\n`,
  })
  let ended = false
  void running.then(() => (ended = true))
  const comesTo = async (condition: string) => {
    // The gateway of that host asks the same at times, in sessions that were there before.
    const query = `select from pg_stat_activity
      where client_addr = '${third.host.address}' and backend_start > $1 and ${condition}`
    await until(async () => ended || ((await watcher.query(query, [began])).rowCount ?? 0) > 0, 5, 5)
    t.notOk(ended, `${moment.name}: the command comes to ${condition}`)
  }
  if (begin) {
    await comesTo(turn.reached)
    for (const [one, other] of earlier) cut(one, other)
    await begin()
  }
  await comesTo(moment.reached)
  for (const [one, other] of pairs) cut(one, other)
  await delay(300) // what is on its way arrives nowhere
  await end?.()
  const mendAll = () => {
    for (const [one, other] of [...pairs, ...earlier]) mend(one, other)
  }
  if (moment.isShort) mendAll()
  const ran = await running
  if (!moment.isShort) mendAll()
  await delay(normalWithin)
  isCut = false

  const isMade = (await newest()) > counted
  said(isMade ? 'in force' : 'not made')
  t.ok(
    moment.codes.includes(ran.code),
    `${moment.name}: ends with ${moment.codes.join(' or ')}: ${wordsOf(ran)}`,
  )
  t.equal(
    ranTruly(ran, isMade),
    true,
    `${moment.name}: ${isMade ? 'made' : 'not made'}, and says: ${wordsOf(ran)}`,
  )
  await delay(500) // callers meet it
  await stop()
  t.strictSame(ledger.wrong.slice(0, 10), [], `${moment.name}: ${ledger.requests} requests`)
  for (const password of [former.password, next.password])
    for (const { host, altgate } of gateways) {
      const { status } = await ask(altgate.url + path, { as: [anna, nameOf(password)] })
      const isRight = (password === next.password) === isMade
      t.equal(status, isRight ? 200 : 401, `${moment.name}: ${host.name} and password ${password}`)
    }
  return isMade ? next.password : former.password
}

/** Whether what a command said of a change is so. */
export function ranTruly({ code, stderr }: Ran, isMade: boolean): boolean {
  if (code === 0) return isMade
  if (code === 3)
    return /may or may not be in force/.test(stderr) || (isMade && /The change is made/.test(stderr))
  return code === 1 && !isMade && !/is made|may or may not/.test(stderr)
}

function wordsOf({ code, stdout, stderr }: Ran): string {
  return `${code} ${stdout}${stderr}`.trim()
}

async function connect(t: Test, { postgres }: HostWorld): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: postgres.url })
  await client.connect()
  t.teardown(() => client.end())
  return client
}
