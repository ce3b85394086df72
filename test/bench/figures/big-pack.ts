import type { Figure, Row } from '../figure.ts'
import { startForked } from '../forked.ts'
import { startGateway } from '../gateway.ts'
import { account, anna } from '../people.ts'
import { startPeers } from '../peers.ts'
import { cpuOf, treeOf } from '../process-tree.ts'
import { inRounds } from '../rounds.ts'
import { answersOf, type Server } from '../server.ts'
import { runProgram } from '../spawned.ts'
import { ratioOf, spreadOf } from '../spread.ts'
import type { Stage } from '../stage.ts'
import { startUpstream } from '../upstream.ts'
import { growthOf, watchMemory } from '../watched-memory.ts'

const mebi = 2 ** 20

/** What becomes of big clones and pushes. */
export const bigPack: Figure = {
  name: 'big-pack',
  title: 'A pack of 2 GB, downloaded and pushed',
  programs: ['nginx', 'curl'],
  async run(stage) {
    const { rounds, size } = stage.quick ? { rounds: 1, size: 64 * mebi } : { rounds: 5, size: 2048 * mebi }
    const sink = await startForked(stage, 'pack-sink.ts')
    const upstream = await startUpstream(stage, { packBytes: size, sinkPort: Number(sink.first) })
    const altgate = await startGateway(stage, { upstream })
    const [nginx] = await startPeers(stage, upstream, ['open'])
    if (nginx === undefined) throw new Error('nginx is not there')
    const servers: readonly Server[] = [altgate, nginx]
    const answers = await Promise.all(servers.map(server => answersOf(server)))

    const measured = await inRounds(stage, rounds, servers, async server => ({
      down: await moved(stage, server, size, download),
      up: await moved(stage, server, size, push),
    }))
    const speeds = (server: Server, way: 'down' | 'up') =>
      (measured.get(server) ?? []).map(round => round[way].perSecond)
    const growth = (measured.get(altgate) ?? []).map(({ down, up }) => Math.max(down.growth, up.growth))
    const bars = (['down', 'up'] as const).flatMap(way =>
      servers.map(server => ({
        label: `${server.name}: ${ways[way]}`,
        value: spreadOf(speeds(server, way)),
      })),
    )
    const rows: readonly Row[] = bars.map(({ label, value }) => ({
      what: label,
      unit: 'MB per CPU s',
      value,
    }))
    return {
      answers,
      rows: [...rows, { what: 'memory: second half against first', unit: '×', value: spreadOf(growth) }],
      goals: [
        ...(['down', 'up'] as const).map(way => ({
          what: `${ways[way]}, of what nginx moves per CPU second`,
          unit: '×',
          value: ratioOf(speeds(altgate, way), speeds(nginx, way)).median,
          bound: 'at least' as const,
          limit: 0.7,
        })),
        {
          what: 'memory in the second half of a transfer, of that in the first',
          unit: '×',
          value: Math.max(...growth),
          bound: 'at most' as const,
          limit: 1.1,
        },
      ],
      plot: {
        kind: 'bars',
        title: `A pack of ${size / mebi} MB: moved per second of CPU`,
        subtitle: 'user and system time of all processes of the server; pushed in chunks, as git does',
        unit: 'MB per CPU s',
        bars,
      },
    }
  },
}

const ways = { down: 'downloaded', up: 'pushed' } as const

type Transfer = (stage: Stage, server: Server, size: number) => Promise<string>

/** Moves the pack once: megabytes per second of CPU, and how the memory behaved. Throws unless all of it arrived. */
async function moved(stage: Stage, server: Server, size: number, transfer: Transfer) {
  const before = cpuOf(server.pid)
  const memory = watchMemory(treeOf(server.pid), 50)
  try {
    const arrived = await transfer(stage, server, size)
    if (Number(arrived) !== size) throw new Error(`${server.name}: ${arrived} of ${size} bytes arrived`)
  } finally {
    memory.stop()
  }
  return { perSecond: size / 1e6 / (cpuOf(server.pid) - before), growth: growthOf(memory) }
}

const curl = ['--silent', '--show-error', '--user', `${anna.user}:${anna.password}`]

function download(stage: Stage, { url }: Server): Promise<string> {
  const pack = new URL(`/${account}/pack`, url).href
  return runProgram(stage, 'curl', [
    ...curl,
    '--output',
    '/dev/null',
    '--write-out',
    '%{size_download}',
    pack,
  ])
}

/** In chunks, as git sends a pack whose size it does not know yet; made while it is sent. */
function push(stage: Stage, { url }: Server, size: number): Promise<string> {
  const target = new URL(`/${account}/push`, url).href
  const words = [...curl, '--request', 'POST', '--header', 'Expect:', '--upload-file', '-', target]
  return runProgram(stage, 'sh', ['-c', `head -c ${size} /dev/zero | curl "$@"`, 'sh', ...words])
}
