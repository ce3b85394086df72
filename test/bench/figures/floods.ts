import type { Figure, Goal, Row } from '../figure.ts'
import { floods as kinds, type Flood } from '../floods.ts'
import { startForked } from '../forked.ts'
import { startGateway, type Gateway } from '../gateway.ts'
import { memoryOf } from '../process-tree.ts'
import { inRounds } from '../rounds.ts'
import { answersOf } from '../server.ts'
import { settled } from '../settled.ts'
import { once, ratioOf, spreadOf } from '../spread.ts'
import type { Stage } from '../stage.ts'
import { callSteadily, type Fared } from '../steady.ts'
import { startUpstream } from '../upstream.ts'
import { watchMemory } from '../watched-memory.ts'
import { workersOf } from '../../support/processes.ts'
import { until } from '../../support/until.ts'

const mega = 1e6
const kilo = 1e3

/** Requests of innocent callers in a second, and in one of a quick run. */
const pace = 400
const quickPace = 100

/** Milliseconds in which all connections of a flood must be there. */
const arrival = 30_000

/** What all workers may take more than in peace while the worst flood is on, and for each idle connection. */
const mostMemory = { megabytes: 250, kilobytesPerIdle: 20 } as const

/** How callers with a known password fare, and what the workers take, while others do not mean well. */
export const floods: Figure = {
  name: 'floods',
  title: 'Innocent callers and memory while connections flood',
  programs: ['nginx'],
  async run(stage) {
    const sink = await startForked(stage, 'pack-sink.ts')
    const upstream = await startUpstream(stage, { packBytes: 256 * mega, sinkPort: Number(sink.first) })
    const signIn = { msa: { issuer: `${upstream.url}/msa`, clientId: 'bench', clientSecret: 'bench' } }
    // The settings as they come; only the page has to know whom to send people to.
    const gateway = await startGateway(stage, { upstream, users: 1, settings: { signIn } })
    const answers = [await answersOf(gateway)]
    const contenders = Object.keys(kinds).map((kind, at) => contenderOf(kind as Flood, at, stage))
    await callSteadily(stage, gateway, steady(stage))

    const before = memoryNow(gateway)
    const measured = await inRounds(stage, stage.quick ? 1 : 3, contenders, contender =>
      both(stage, gateway, contender),
    )
    const after = memoryNow(gateway)
    const stories = contenders.map(contender => storyOf(contender, measured.get(contender) ?? []))
    const idle = stories[0]
    return {
      answers,
      rows: [
        ...stories.flatMap(({ rows }) => rows),
        { what: 'memory of all workers before', unit: 'MB', value: once(before / mega) },
        { what: 'memory of all workers after all floods', unit: 'MB', value: once(after / mega) },
      ],
      goals: [
        ...stories.map(({ waiting }) => waiting),
        {
          what: 'throughput in the worst flood against that in peace',
          unit: '×',
          value: Math.min(...stories.map(({ getting }) => getting)),
          bound: 'at least',
          limit: 0.9,
        },
        {
          what: 'memory of all workers in the worst flood, more than before it',
          unit: 'MB',
          value: Math.max(...stories.map(({ growth }) => growth)) / mega,
          bound: 'at most',
          limit: mostMemory.megabytes,
        },
        {
          what: 'memory for an idle connection',
          unit: 'KB',
          value: (idle?.growth ?? Number.NaN) / (idle?.connections ?? Number.NaN) / kilo,
          bound: 'at most',
          limit: mostMemory.kilobytesPerIdle,
        },
        {
          what: 'memory after all floods, of that before them',
          unit: '×',
          value: after / before,
          bound: 'at most',
          limit: 1.5,
        },
      ],
      plot: {
        kind: 'bars',
        title: 'Floods: how much longer the slowest hundredth of innocent callers waits',
        subtitle: `p99 while the flood is on, against that in peace; ${pace} requests a second`,
        unit: '×',
        bars: stories.map(({ what, ratio }) => ({ label: what, value: ratio })),
        goal: { label: 'goal: 1.5', value: 1.5 },
      },
    }
  },
}

interface Contender {
  readonly name: string
  readonly kind: Flood
  readonly what: string
  readonly connections: number
  /** Whether all of its connections are there all the time. */
  readonly stay: boolean
  /** Third part of the addresses that it comes from: no flood is taken for another. */
  readonly group: number
}

function contenderOf(kind: Flood, at: number, { quick }: Stage): Contender {
  const { what, connections, stay } = kinds[kind]
  return {
    name: what,
    kind,
    what,
    connections: quick ? Math.min(connections, 20) : connections,
    stay,
    group: 16 + at,
  }
}

function steady({ quick }: Stage) {
  return quick ? { perSecond: quickPace, seconds: 0.25 } : { perSecond: pace, seconds: 10 }
}

/** The same callers in peace and during the flood, one right after the other. */
async function both(stage: Stage, gateway: Gateway, contender: Contender) {
  const { kind, connections, group } = contender
  const peace = await callSteadily(stage, gateway, steady(stage))
  const before = memoryNow(gateway)
  const watched = watchMemory(workersOf(gateway.pid), 100)
  try {
    const args = [kind, gateway.url, String(connections), String(group)]
    const flood = await startForked(stage, 'flooder.ts', args)
    if (!stage.quick) await stage.pause(3)
    await arrived(gateway, contender)
    const began = performance.now()
    const war = await callSteadily(stage, gateway, steady(stage))
    const done = Number(await flood.ask('stop'))
    const seconds = (performance.now() - began) / 1000
    flood.kill()
    watched.stop()
    const highest = Math.max(...watched.samples.map(([, bytes]) => bytes))
    await settled(stage, gateway)
    return { peace, war, perSecond: done / seconds, growth: highest - before, after: memoryNow(gateway) }
  } finally {
    watched.stop()
  }
}

/** Waits until the flood is what it says: the kernel opens connections before a worker has seen them. */
async function arrived(gateway: Gateway, { what, connections, stay }: Contender): Promise<void> {
  if (!stay) return
  const deadline = performance.now() + arrival
  let open = 0
  await until(async () => {
    open = await gateway.connections()
    return open >= connections || performance.now() > deadline
  })
  if (open < connections)
    throw new Error(
      `${what}: only ${open} are there; 10,000 connections need a limit of 20,000 files (ulimit -Hn)`,
    )
}

function memoryNow({ pid }: Gateway): number {
  return workersOf(pid).reduce((sum, worker) => sum + memoryOf(worker), 0)
}

type Both = Awaited<ReturnType<typeof both>>

function storyOf({ what, connections }: Contender, rounds: readonly Both[]) {
  const p99 = (fared: (round: Both) => Fared) =>
    rounds.map(round => fared(round).latency.getValueAtPercentile(99) / 1000)
  const [peace, war] = [p99(round => round.peace), p99(round => round.war)]
  const ratio = ratioOf(war, peace)
  const growths = spreadOf(rounds.map(({ growth }) => growth / mega))
  const rows: readonly Row[] = [
    { what: `${what}: p99 in peace`, unit: 'ms', value: spreadOf(peace) },
    { what: `${what}: p99 meanwhile`, unit: 'ms', value: spreadOf(war) },
    {
      what: `${what}: done`,
      unit: 'a second',
      value: spreadOf(rounds.map(({ perSecond }) => perSecond)),
    },
    { what: `${what}: memory, more than before`, unit: 'MB', value: growths },
    { what: `${what}: memory after`, unit: 'MB', value: spreadOf(rounds.map(({ after }) => after / mega)) },
  ]
  const waiting: Goal = {
    what: `${what}: p99 against that in peace`,
    unit: '×',
    value: ratio.median,
    bound: 'at most',
    limit: 1.5,
  }
  const getting = ratioOf(
    rounds.map(round => round.war.goodPerSecond),
    rounds.map(round => round.peace.goodPerSecond),
  ).median
  return { what, connections, ratio, rows, waiting, getting, growth: growths.median * mega }
}
