import { setTimeout as delay } from 'node:timers/promises'
import type { Test } from 'tap'
import { ask } from '../support/ask.ts'
import { cut, mend, type Host } from '../support/hosts.ts'
import { altgate as runAltgate } from '../support/program.ts'
import { createLedger, nameOf, type Ledger, type State } from './ledger.ts'
import { keepAsking } from './rounds.ts'
import { anna, path, type HostWorld } from './world.ts'

/** Hosts that cannot reach each other for a while. */
export interface Cut {
  readonly name: string
  readonly pairs: (world: HostWorld) => readonly (readonly [Host, Host])[]
  /** What happens behind the cut, so that one end forgets connections that the other one believes in. */
  readonly meanwhile?: (world: HostWorld) => Promise<void>
  /** Whether the gateway that is cut off can know what is so. */
  readonly outage: boolean
}

const third = ({ last }: HostWorld): Host => last.host

export const fromRedis: Cut = { name: 'Redis', pairs: w => [[third(w), w.hosts.redis]], outage: false }
export const fromPostgres: Cut = {
  name: 'PostgreSQL',
  pairs: w => [[third(w), w.hosts.postgres]],
  outage: true,
}
export const fromBoth: Cut = {
  name: 'both',
  pairs: w => [...fromRedis.pairs(w), ...fromPostgres.pairs(w)],
  outage: true,
}
export const fromTheOthers: Cut = {
  name: 'the other gateways',
  pairs: w => w.gateways.slice(0, -1).map(({ host }) => [third(w), host] as const),
  outage: false,
}
/** When the line is back, both ends of its connections are open on one side only. */
export const redisForgets: Cut = {
  ...fromRedis,
  name: 'a Redis that has forgotten its connections when it is back',
  async meanwhile({ redis }) {
    await redis?.stop()
    await redis?.start()
  },
}
export const postgresForgets: Cut = {
  ...fromPostgres,
  name: 'a PostgreSQL that has forgotten its connections when it is back',
  async meanwhile({ postgres }) {
    await postgres.crash()
    await postgres.start()
  },
}

/** Milliseconds after a cut in which everything is as it was: from then on no answer may be an outage. */
const normalWithin = 2000

/**
 * Cuts the third gateway off, has a password set by a command, and asks all of them all the while. What the command says must
 * be so: the ledger counts every answer by another state. The command runs on this host, which no cut touches. `from`: the
 * password of now; gives the one after it.
 */
export async function playCut(t: Test, world: HostWorld, each: Cut, from: number): Promise<number> {
  const before: State = { password: from, enabled: true, connected: false }
  let isCut = true
  const ledger = createLedger(before, who => isCut && each.outage && who === third(world).name)
  const stop = keepAsking(world, ledger, 400)
  const pairs = each.pairs(world)
  await delay(200) // callers are known
  for (const [one, other] of pairs) cut(one, other)
  await each.meanwhile?.(world)
  const after = { ...before, password: from + 1 }
  const said = ledger.begin(after)
  const set = ['credential', 'set', '--scope', 'msa', '--user', anna]
  const { code, stderr } = await runAltgate(
    [...set, '--config', world.gateways[0].altgate.config],
    process.env,
    { stdin: `${nameOf(after.password)}\n` },
  )
  said(code === 0 ? 'in force' : 'not made')
  t.equal(code, 0, `cut off from ${each.name}: the change is in force ${stderr}`)
  await askForEach(world, ledger, [before.password, after.password])
  await delay(500) // callers meet it

  for (const [one, other] of pairs) mend(one, other)
  await delay(normalWithin)
  isCut = false
  await askForEach(world, ledger, [before.password, after.password])
  await delay(500) // callers meet it
  await stop()
  t.strictSame(ledger.wrong.slice(0, 10), [], `cut off from ${each.name}: ${ledger.requests} requests`)
  return ledger.now.password
}

/** Asks every gateway with each of these passwords at once. */
async function askForEach(
  { gateways }: HostWorld,
  ledger: Ledger,
  passwords: readonly number[],
): Promise<void> {
  const asking = gateways.flatMap(({ host, altgate }) =>
    passwords.map(async password => {
      const sent = performance.now()
      const answer = await ask(altgate.url + path, { as: [anna, nameOf(password)] })
      ledger.answered(host.name, password, sent, answer)
    }),
  )
  await Promise.all(asking)
}
