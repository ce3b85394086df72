import type { Figure } from '../figure.ts'
import { startGateway, type Gateway } from '../gateway.ts'
import { cpuOf } from '../process-tree.ts'
import { inRounds } from '../rounds.ts'
import { answersOf, hammer } from '../server.ts'
import { ratioOf, spreadOf } from '../spread.ts'
import type { Stage } from '../stage.ts'
import { startUpstream } from '../upstream.ts'
import { workersOf } from '../../support/processes.ts'

/** As many as a build farm has: the system deals them out to the workers by chance, few of them unevenly. */
const connections = 64

/** What a second worker adds. */
export const workers: Figure = {
  name: 'workers',
  title: 'What two workers can answer, against one',
  programs: ['nginx', 'wrk'],
  async run(stage) {
    const { rounds, seconds } = stage.quick ? { rounds: 1, seconds: 1 } : { rounds: 9, seconds: 6 }
    const upstream = await startUpstream(stage)
    const one = await startGateway(stage, { upstream, workers: 1, name: 'Altgate, one worker' })
    const two = await startGateway(stage, { upstream, workers: 2, name: 'Altgate, two workers' })
    const servers = [one, two]
    const answers = await Promise.all(servers.map(server => answersOf(server)))
    for (const server of servers) await hammer(stage, server, stage.quick ? 1 : 5)

    const measured = await inRounds(stage, rounds, servers, server => capacity(stage, server, seconds))
    const of = (server: Gateway) => measured.get(server) ?? []
    const speeds = (server: Gateway) => of(server).map(({ perSecond }) => perSecond)
    const shares = of(two).map(({ busiest }) => busiest)
    return {
      answers,
      rows: [
        ...servers.map(server => ({
          what: `${server.name}: with a core for each`,
          unit: 'a second',
          value: spreadOf(speeds(server)),
        })),
        { what: 'share of the busier of two workers', unit: '×', value: spreadOf(shares) },
      ],
      goals: [
        {
          what: 'two workers against one',
          unit: '×',
          value: ratioOf(speeds(two), speeds(one)).median,
          bound: 'at least',
          limit: 1.7,
        },
      ],
      plot: {
        kind: 'bars',
        title: 'Requests a second that the workers can answer, a core for each',
        subtitle:
          'from the CPU time that a request took and the share of the busiest worker, load generator and upstream left out',
        unit: 'a second',
        bars: servers.map(server => ({
          label: server.name,
          value: spreadOf(speeds(server)),
        })),
        goal: {
          label: 'goal: 1.7 times one worker',
          value: 1.7 * spreadOf(speeds(one)).median,
        },
      },
      notes: [
        'On two cores load generator and upstream take part of them, so this is worked out: the busiest worker is full',
        'first, and until then it has answered its requests at its cost in CPU time.',
      ],
    }
  },
}

/**
 * What the workers could answer with a core for each: they are full when the busiest of them is, so the requests of
 * the measured time divided by the CPU seconds of the busiest. If connections are spread unevenly, or two workers get
 * into each other's way, it shows here.
 */
async function capacity(stage: Stage, server: Gateway, seconds: number) {
  const pids = workersOf(server.pid)
  const before = pids.map(cpuOf)
  const { requests } = await hammer(stage, server, seconds, connections)
  const used = pids.map((pid, index) => cpuOf(pid) - (before[index] ?? 0))
  const most = Math.max(...used)
  return { perSecond: requests / most, busiest: most / used.reduce((sum, each) => sum + each, 0) }
}
