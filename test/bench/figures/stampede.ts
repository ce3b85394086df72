import type { Figure } from '../figure.ts'
import { startForked } from '../forked.ts'
import { startGateway, type Gateway } from '../gateway.ts'
import { account, anna, basic, userNumber } from '../people.ts'
import { startPeers } from '../peers.ts'
import { inRounds } from '../rounds.ts'
import { answersOf, hammer, type Server } from '../server.ts'
import { spreadOf } from '../spread.ts'
import type { Stage } from '../stage.ts'
import { startUpstream, type Upstream } from '../upstream.ts'
import { atOnce } from '../wrk.ts'

function callersOf({ quick }: Stage): number {
  return quick ? 100 : 1000
}

/** What happens when a thousand build jobs begin at one moment with a password that nobody has used before. */
export const stampede: Figure = {
  name: 'stampede',
  title: '1,000 callers at once with one good password, never seen before',
  programs: ['nginx', 'wrk'],
  async run(stage) {
    const rounds = stage.quick ? 1 : 15
    const upstream = await startUpstream(stage)
    const gateway = await startGateway(stage, { upstream, workers: 2, users: 2 * rounds + 2 })
    const [nginx] = await startPeers(stage, upstream, ['open'])
    if (nginx === undefined) throw new Error('nginx is not there')
    const floor = await startFloor(stage, upstream)
    const servers = [gateway, floor, nginx]
    const answers = await Promise.all(servers.map(server => answersOf(server)))
    const callers = callersOf(stage)
    if (!stage.quick) {
      for (const server of [floor, gateway]) await hammer(stage, server, 10)
      await waiting(stage, floor, anna.user, callers)
      await rush(stage, gateway, 0)
    }

    const measured = await inRounds(stage, rounds, [gateway], async (_, round) => {
      const one = await rush(stage, gateway, 2 * round + 1, 1)
      const cold = await rush(stage, gateway, 2 * round + 2)
      const warm = await rush(stage, gateway, 2 * round + 2)
      const bare = await waiting(stage, floor, anna.user, callers)
      const open = await waiting(stage, nginx, anna.user, callers)
      return { one, cold, warm, bare, open }
    })
    const found = measured.get(gateway) ?? []
    const alone = spreadOf(found.map(({ one }) => one.milliseconds))
    const cold = spreadOf(found.map(({ cold }) => cold.milliseconds))
    const warm = spreadOf(found.map(({ warm }) => warm.milliseconds))
    const bare = spreadOf(found.map(({ bare }) => bare))
    const open = spreadOf(found.map(({ open }) => open))
    const bars = [
      { label: 'one caller alone, never seen', value: alone },
      { label: '1,000 callers, never seen', value: cold },
      { label: '1,000 callers, known', value: warm },
      { label: '1,000 callers, bare Node, no password', value: bare },
      { label: '1,000 callers, nginx, no password', value: open },
    ]
    const inOnes = spreadOf(found.map(({ one, cold }) => cold.milliseconds / one.milliseconds))
    const bareInOnes = spreadOf(found.map(({ one, bare }) => bare / one.milliseconds))
    const inBares = spreadOf(found.map(({ cold, bare }) => cold.milliseconds / bare))
    const inBoth = spreadOf(found.map(({ one, cold, bare }) => cold.milliseconds / (one.milliseconds + bare)))
    return {
      answers,
      rows: [
        ...bars.map(({ label, value }) => ({ what: label, unit: 'ms', value })),
        {
          what: '1,000 callers, bare Node, in what one caller waits: the floor',
          unit: '×',
          value: bareInOnes,
        },
        { what: '1,000 callers, never seen, in what bare Node takes for them', unit: '×', value: inBares },
      ],
      goals: [
        {
          what: 'password hashes for all of them',
          unit: '',
          value: Math.max(...found.map(({ cold }) => cold.hashes)),
          bound: 'at most',
          limit: 1,
        },
        {
          what: 'until the last is answered, in what one caller waits and bare Node takes together',
          unit: '×',
          value: inBoth.median,
          bound: 'at most',
          limit: 2.5,
        },
        {
          what: 'until the last is answered, in what one caller waits',
          unit: '×',
          value: inOnes.median,
          bound: 'at most',
          limit: 2.5,
        },
      ],
      plot: {
        kind: 'bars',
        title: 'A stampede: 1,000 callers at once, two workers, one hash',
        subtitle: 'until the last caller has its answer; callers, gateway and upstream share the machine',
        unit: 'ms',
        bars,
        goal: { label: 'goal: 2.5 times one caller', value: 2.5 * alone.median },
      },
      notes: [
        'Both ends share the cores: what 1,000 known callers take, or nginx without a password, is the work of answering',
        'them and of being 1,000 callers, and not of waiting for a hash. Bare Node is the floor: two workers of node:http',
        'that forward over plain sockets and ask for nothing. The last caller is compared with a wait for one hash followed',
        'by the floor, and, more strictly, with what one caller waits alone.',
      ],
    }
  },
}

/** Two workers that forward and do nothing else; one in a quick run. */
async function startFloor(stage: Stage, upstream: Upstream): Promise<Server> {
  const floor = await startForked(stage, 'ladder/bare.ts', [stage.quick ? '1' : '2', upstream.url])
  return {
    name: 'bare Node',
    url: `http://127.0.0.1:${Number(floor.first)}/${account}/hello`,
    pid: floor.pid,
    headers: {},
    guarded: false,
    slow: false,
  }
}

/** How long the last of so many waits, and how many hashes they cost, if they come at once with one user's password. */
async function rush(stage: Stage, gateway: Gateway, user: number, size = callersOf(stage)) {
  const before = await gateway.hashes()
  const milliseconds = await waiting(stage, gateway, userNumber(user), size)
  return { milliseconds, hashes: (await gateway.hashes()) - before }
}

/** Milliseconds until the last of that many requests is answered. Throws unless each gets the upstream's answer. */
async function waiting(
  stage: Stage,
  { url }: Pick<Server, 'url'>,
  user: string,
  connections: number,
): Promise<number> {
  const headers = { Authorization: basic({ ...anna, user }) }
  const { requests, refused, broken, slowest, late } = await atOnce(stage, {
    url,
    headers,
    connections,
    // A quick run may share the machine with other tests.
    seconds: stage.quick ? 10 : 3,
  })
  if (requests !== connections || refused + broken > 0)
    throw new Error(`${requests} of ${connections} callers were answered, ${refused} of them were not let in`)
  if (late > 0 && !stage.quick)
    throw new Error(
      `${late} of ${connections} callers came late: the machine is too busy to measure anything`,
    )
  return slowest / 1000
}
