import { availableParallelism } from 'node:os'
import type { Figure } from '../figure.ts'
import { startForked } from '../forked.ts'
import { startGateway } from '../gateway.ts'
import { anna } from '../people.ts'
import { inRounds } from '../rounds.ts'
import { answersOf, hammer } from '../server.ts'
import { ratioOf, spreadOf } from '../spread.ts'
import type { Stage } from '../stage.ts'
import { startUpstream } from '../upstream.ts'
import { load } from '../wrk.ts'

/** More checks than one core makes in a second. */
const mostPerCore = 200

/** Connections that present them; what they have under way when wrk stops is checked all the same. */
const connections = 16

/** How many passwords that nobody has used yet are checked in a second. */
export const cold: Figure = {
  name: 'cold',
  title: 'Passwords checked for the first time',
  programs: ['nginx', 'wrk'],
  async run(stage) {
    const { rounds, seconds } = stage.quick ? { rounds: 1, seconds: 1 } : { rounds: 7, seconds: 8 }
    const { gateway, checked } = await firstTimers(
      stage,
      (rounds + 5) * (seconds + 1) * availableParallelism() * mostPerCore,
    )
    const answers = [await answersOf(gateway)]
    const alone = await argon2Alone(stage)
    await hammer(stage, gateway, stage.quick ? 1 : 5)
    await checked(stage.quick ? 1 : 30)

    const throughAltgate = { name: 'Altgate', measure: checked }
    const byItself = { name: 'argon2id alone', measure: alone }
    const contenders = [throughAltgate, byItself]
    const measured = await inRounds(stage, rounds, contenders, ({ measure }) => measure(seconds))
    const of = (contender: (typeof contenders)[number]) => measured.get(contender) ?? []
    return {
      answers,
      rows: contenders.map(each => ({ what: each.name, unit: 'a second', value: spreadOf(of(each)) })),
      goals: [
        {
          what: 'of what argon2id alone reaches on all cores',
          unit: '×',
          value: ratioOf(of(throughAltgate), of(byItself)).median,
          bound: 'at least',
          limit: 0.95,
        },
      ],
      plot: {
        kind: 'bars',
        title: 'Passwords checked for the first time',
        subtitle: `argon2id with 19 MiB and 2 passes on ${availableParallelism()} cores, beside as many processes that do nothing else`,
        unit: 'a second',
        bars: contenders.map(each => ({ label: each.name, value: spreadOf(of(each)) })),
        goal: { label: 'goal: at least 0.95 of it', value: 0.95 * spreadOf(of(byItself)).median },
      },
    }
  },
}

/** A gateway, and requests to it of which each presents a good credential that was never seen. */
async function firstTimers(stage: Stage, users: number) {
  const gateway = await startGateway(stage, { upstream: await startUpstream(stage), users })
  let next = 0

  async function checked(seconds: number): Promise<number> {
    const [before, began] = [await gateway.hashes(), performance.now()]
    const { requests, refused } = await load(stage, {
      url: gateway.url,
      connections,
      seconds,
      script: 'many-users',
      args: [anna.password, next, users],
    })
    const hashes = (await gateway.hashes()) - before
    const passed = (performance.now() - began) / 1000
    next += hashes + connections
    if (refused > 0 || hashes < requests) throw new Error('a password was refused, or known already')
    return hashes / passed
  }
  return { gateway, checked }
}

/** As many processes as cores; gives how many checks they make in a second, all together. */
async function argon2Alone(stage: Stage): Promise<(seconds: number) => Promise<number>> {
  const cores = Array.from({ length: availableParallelism() }, () => startForked(stage, 'argon2-alone.ts'))
  const processes = await Promise.all(cores)
  return async seconds => {
    const each = await Promise.all(processes.map(({ ask }) => ask(seconds)))
    return each.reduce<number>((sum, perSecond) => sum + Number(perSecond), 0)
  }
}
