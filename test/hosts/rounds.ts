import { setTimeout as delay } from 'node:timers/promises'
import type { Test } from 'tap'
import type { AccountName, DirectoryId, Scope, Username } from '../../src/gateway/names.ts'
import { Secret } from '../../src/gateway/secret.ts'
import { ask, oneConnection } from '../support/ask.ts'
import { toEachWorker } from '../support/each-worker.ts'
import { createLedger, nameOf, type Ledger, type State } from './ledger.ts'
import { anna, directory, path, type HostWorld } from './world.ts'

/** How a number of changes went. */
export interface Rounds {
  readonly requests: number
  readonly wrong: readonly string[]
  /** Milliseconds that each change took, until it was said to be in force. */
  readonly took: readonly number[]
  /** What is so after the last one. */
  readonly last: State
}

export const firstState: State = { password: 0, enabled: true, connected: false }

/** Every tenth round is about something else than the password. */
function kindOf(round: number): 'set' | 'switch' | 'move' {
  if (round % 10 === 3 || round % 10 === 4) return 'switch'
  return round % 10 === 7 || round % 10 === 8 ? 'move' : 'set'
}

function after(state: State, round: number): State {
  const kind = kindOf(round)
  if (kind === 'switch') return { ...state, enabled: !state.enabled }
  return kind === 'move' ? { ...state, connected: !state.connected } : { ...state, password: round }
}

/**
 * One change after the other while callers ask every gateway, and after each one every worker of every gateway is asked
 * at once. `byCommand`: whether the change of a round is made by a process of its own, on the host of a gateway.
 */
export async function playRounds(
  t: Test,
  world: HostWorld,
  rounds: number,
  byCommand: (round: number) => boolean,
): Promise<Rounds> {
  const ledger = createLedger(firstState)
  const workers = await Promise.all(world.gateways.map(({ altgate }) => toEachWorker(t, altgate)))
  const stop = keepAsking(world, ledger, 30)
  const took: number[] = []
  for (let round = 1; round <= rounds; round += 1) {
    const former = ledger.now
    const next = after(former, round)
    const change = byCommand(round)
      ? commandFor(world, former, next, round)
      : await callFor(world, former, next)
    const said = ledger.begin(next)
    const began = performance.now()
    await change()
    said('in force')
    took.push(performance.now() - began)
    await Promise.all(
      workers.flatMap((each, at) =>
        [next.password, former.password].map(async password => {
          const sent = performance.now()
          for (const answer of await each(path, { as: [anna, nameOf(password)] }))
            ledger.answered(world.gateways[at]?.host.name ?? '', password, sent, answer)
        }),
      ),
    )
  }
  await stop()
  return { requests: ledger.requests, wrong: ledger.wrong, took, last: ledger.now }
}

/**
 * Callers who never stop, one at each gateway: the password of now, the one before and an old one. `pause`: milliseconds
 * between two of their requests, for the machine is shared by all the hosts.
 */
export function keepAsking(
  { gateways }: Pick<HostWorld, 'gateways'>,
  ledger: Ledger,
  pause: number,
): () => Promise<void> {
  let going = true
  const calling = gateways.map(async ({ altgate, host }) => {
    const agent = oneConnection()
    while (going) {
      const { password } = ledger.now
      for (const each of [password, Math.max(0, password - 1), Math.floor(password / 2)]) {
        const sent = performance.now()
        const as = [anna, nameOf(each)] as const
        ledger.answered(host.name, each, sent, await ask(altgate.url + path, { as, agent }))
        await delay(pause)
      }
    }
    agent.destroy()
  })
  return async () => {
    going = false
    await Promise.all(calling)
  }
}

const scope = 'msa' as Scope

/** The change as the registry makes it. The hash is made before: a change is what is timed. */
async function callFor({ operator }: HostWorld, former: State, next: State): Promise<() => Promise<void>> {
  const { registry, hasher } = operator
  const username = anna as Username
  const make = async () => {
    if (next.enabled !== former.enabled)
      return () => registry.switchCredential('operator', scope, username, next.enabled)
    const account = 'contoso' as AccountName
    if (next.connected !== former.connected)
      return () =>
        next.connected
          ? registry.connect('operator', account, directory as DirectoryId)
          : registry.disconnect('operator', account)
    const hash = await hasher.hash(new Secret(nameOf(next.password)))
    if (hash === 'busy') throw new Error('the operator has one password to hash')
    return () => registry.setCredential('operator', scope, { username, hash })
  }
  const change = await make()
  return async () => {
    const problem = await change()
    if (problem !== undefined) throw new Error(`the change cannot be made: ${problem.problem}`)
  }
}

/** The same change as a command. */
function commandFor({ gateways }: HostWorld, former: State, next: State, round: number): () => Promise<void> {
  const { altgate } = gateways[round % gateways.length] ?? gateways[0]
  const who = ['--scope', 'msa', '--user', anna]
  return async () => {
    if (next.enabled !== former.enabled)
      await altgate.must(['credential', next.enabled ? 'enable' : 'disable', ...who])
    else if (next.connected !== former.connected)
      await altgate.must(
        next.connected
          ? ['account', 'connect', 'contoso', '--directory', directory]
          : ['account', 'disconnect', 'contoso'],
      )
    else await altgate.must(['credential', 'set', ...who], { stdin: `${nameOf(next.password)}\n` })
  }
}
