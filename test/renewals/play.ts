import { setTimeout as delay } from 'node:timers/promises'
import { Pool } from 'undici'
import { leaseMs } from '../../src/delegation/renewal.ts'
import { basicOf } from '../support/ask.ts'
import { createLedger, flawOf, redisName, type Refusal, type Verdict } from './ledger.ts'
import { account, type Member, type MortalGateway, password, type RenewalsWorld } from './world.ts'

export interface RunOptions {
  /** Whether a refresh token works again after its first use, as at Entra ID; otherwise its second use ends the grant. */
  readonly reuse: boolean
  readonly seconds: number
  /** Who asks; all of the world if left out. A run with other conditions has people of its own. */
  readonly members?: readonly Member[]
  /** Milliseconds between two requests of a person at a gateway. */
  readonly everyMs: number
  /** Three of a gateway and one of Redis, if left out. */
  readonly kills?: readonly Kill[]
}

/** What one run has shown. */
export interface Played extends Verdict {
  /** Why it did not hold. */
  readonly flaw: string | undefined
  /** For the reader of a run that did not hold. */
  readonly details: string
}

/** What is killed, and when, as a part of the run; it is started again at once. A number is a gateway. */
export interface Kill {
  readonly at: number
  readonly what: 0 | 1 | typeof redisName
}

const usualKills: readonly Kill[] = [
  { at: 0.25, what: 0 },
  { at: 0.42, what: 1 },
  { at: 0.58, what: redisName },
  { at: 0.75, what: 0 },
]

/** Milliseconds after which a request counts as one that has no end. */
const patience = 60_000

/** Steady requests of people at both gateways, three kills of a gateway and one of Redis, and what became of it. */
export async function play(
  world: RenewalsWorld,
  options: RunOptions,
  progress: (text: string) => void = () => {},
): Promise<Played> {
  const ledger = createLedger(world.lifeSeconds * 1000)
  const { members = world.members, reuse } = options
  const wrongBefore = world.wrong.length
  await world.begin({ members, ledger, reuse }, progress)
  const traffic = startTraffic(world, members, options.everyMs, ledger)
  const began = performance.now()
  const timer = setInterval(() => {
    const seconds = ((performance.now() - began) / 1000).toFixed(0)
    progress(`${ledger.tally.requests} requests in ${seconds} of ${options.seconds} s`)
  }, 500)
  try {
    let end = began + options.seconds * 1000
    for (const { at, what } of options.kills ?? usualKills) {
      await delay(Math.max(0, began + at * options.seconds * 1000 - performance.now()))
      await killAndStart(world, ledger, what)
      // Until then, what a kill has lost may not have shown.
      end = Math.max(end, performance.now() + leaseMs + 2 * options.everyMs)
    }
    await delay(Math.max(0, end - performance.now()))
  } finally {
    clearInterval(timer)
    await traffic.stop()
  }
  const verdict = ledger.verdict()
  const wrong = world.wrong.slice(wrongBefore)
  const flaw = wrong.length > 0 ? 'wrong tokens arrived at the upstream' : flawOf(verdict, reuse)
  return { ...verdict, flaw, details: detailsOf(verdict, wrong, world) }
}

async function killAndStart(
  { gateways, redis }: RenewalsWorld,
  ledger: ReturnType<typeof createLedger>,
  what: Kill['what'],
): Promise<void> {
  if (what === redisName) {
    const back = ledger.kill(redisName)
    await redis.stop()
    await redis.start()
    return back()
  }
  const back = ledger.kill(gateways[what].name)
  await gateways[what].kill()
  await gateways[what].start()
  back()
}

function startTraffic(
  world: RenewalsWorld,
  members: readonly Member[],
  everyMs: number,
  ledger: ReturnType<typeof createLedger>,
) {
  let going = true
  const stopped = new AbortController()
  /** People who are signing in again. */
  const out = new Map<Member, Promise<void>>()
  const signedInAt = new Map<Member, number>()
  const failed: unknown[] = []

  /** Once is all that is needed. */
  async function signInAgain(member: Member): Promise<void> {
    try {
      await ledger.signIn(member.owner, () => world.signIn(member))
    } catch (error) {
      failed.push(error)
    } finally {
      signedInAt.set(member, performance.now())
      out.delete(member)
    }
  }

  async function keepAsking(
    { name }: MortalGateway,
    pool: Pool,
    member: Member,
    phase: number,
  ): Promise<void> {
    const headers = { authorization: basicOf(member.email, password) }
    const path = `/${account}/${member.owner}`
    const pause = (milliseconds: number) =>
      delay(milliseconds, undefined, { signal: stopped.signal }).catch(() => {})
    await pause(everyMs * phase)
    while (going) {
      await out.get(member)
      const began = performance.now()
      const what = await pool
        .request({ method: 'GET', path, headers })
        .then(async ({ statusCode, headers: { 'x-altgate-outcome': outcome }, body }) => {
          await body.dump()
          if (statusCode === 200) return 'allow'
          return outcome === 'sign-in-needed' ? outcome : `${statusCode} ${String(outcome)}`
        })
        .catch(() => undefined)
      ledger.answer(name, began, what)
      // An answer to a question from before the last sign-in tells nothing new.
      const isNew = !out.has(member) && began > (signedInAt.get(member) ?? 0)
      if (what === 'sign-in-needed' && isNew) {
        ledger.lose(member.owner)
        out.set(member, signInAgain(member))
      }
      await pause(Math.max(0, began + everyMs - performance.now()))
    }
  }

  const pools = world.gateways.map(
    ({ url }) => new Pool(url, { connections: 64, headersTimeout: patience, bodyTimeout: patience }),
  )
  const loops = world.gateways.flatMap((gateway, at) =>
    members.map((member, number) =>
      // At the other gateway half a round later.
      keepAsking(gateway, pools[at] as Pool, member, (number / members.length + at / 2) % 1),
    ),
  )
  return {
    async stop() {
      going = false
      stopped.abort()
      await Promise.all(loops)
      await Promise.all(out.values())
      await Promise.all(pools.map(pool => pool.close()))
      if (failed.length > 0) throw new AggregateError(failed, 'people could not sign in again')
    },
  }
}

/** `503 busy` is a machine that is too slow for the run, `503 unavailable` a provider or a store that did not answer. */
function kindsOf(refused: readonly Refusal[]): string {
  const counts = new Map<string, number>()
  for (const { what } of refused) counts.set(what, (counts.get(what) ?? 0) + 1)
  return [...counts].map(([what, count]) => `${count} × ${what}`).join(', ')
}

function detailsOf(
  { tally, ...counted }: Verdict,
  wrong: readonly string[],
  { gateways }: RenewalsWorld,
): string {
  const { refused, ...others } = tally
  const refusals = refused.slice(0, 20).map(({ gateway, what, began, ended, outages }) => {
    const seconds = (since: number) => `${((ended - since) / 1000).toFixed(1)} s`
    const after = outages.map(({ of, from }) => `${seconds(from)} after the kill of ${of}`).join(', ')
    return `${gateway}: ${what} in ${seconds(began)}, ${after}`
  })
  const logs = gateways.flatMap(gateway => [`${gateway.name} warned:`, ...warningsIn(gateway.logs())])
  const counts = JSON.stringify({ ...counted, ...others, wrong: wrong.slice(0, 10) })
  return [counts, `refused: ${kindsOf(refused)}`, ...refusals, ...logs].join('\n')
}

/** Lines of a log that an operator would look at, the newest ones. */
function warningsIn(log: string): readonly string[] {
  return log
    .split('\n')
    .filter(each => /"level":[4-6]|"outcome":"unavailable"/.test(each))
    .slice(-20)
}
