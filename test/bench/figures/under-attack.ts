import { unthrottled } from '../unthrottled.ts'
import type { Figure, Goal, Row } from '../figure.ts'
import { startForked } from '../forked.ts'
import { startGateway } from '../gateway.ts'
import { programsOf, startPeers, type Peer } from '../peers.ts'
import { inRounds } from '../rounds.ts'
import { answersOf, type Server } from '../server.ts'
import { settled } from '../settled.ts'
import { ratioOf, spreadOf } from '../spread.ts'
import type { Stage } from '../stage.ts'
import { callSteadily } from '../steady.ts'
import { startUpstream } from '../upstream.ts'

const peers: readonly Peer[] = ['caddy', 'nginx', 'apache']

/** Requests of innocent callers in a second: servers that hash each time could not keep up with many on any day. */
const pace = { quick: 400, slow: 10 } as const

/** Connections that guess. */
const guessers = 50

/** How callers with a known password fare while somebody guesses. */
export const underAttack: Figure = {
  name: 'under-attack',
  title: `Innocent callers while ${guessers} connections send wrong passwords`,
  programs: ['nginx'],
  peers: programsOf(peers),
  async run(stage) {
    const upstream = await startUpstream(stage)
    const usual = await startGateway(stage, { upstream })
    const patient = await startGateway(stage, {
      upstream,
      name: 'Altgate, every guess hashed',
      settings: unthrottled,
    })
    const servers: readonly Server[] = [usual, patient, ...(await startPeers(stage, upstream, peers))]
    const answers = await Promise.all(servers.map(server => answersOf(server)))
    const rounds = stage.quick ? 1 : 5
    const measured = await inRounds(stage, rounds, servers, server => both(stage, server))
    const found = servers.map(server => storyOf(server, measured.get(server) ?? []))
    return {
      answers,
      rows: found.flatMap(({ rows }) => rows),
      goals: found
        .filter(({ server }) => server === usual || server === patient)
        .flatMap(({ goals }) => goals),
      plot: {
        kind: 'bars',
        title: 'Innocent callers while somebody guesses: 99 of 100 wait no longer than',
        subtitle: `${pace.quick} requests a second (${pace.slow} where each is hashed); ${guessers} connections guess; logarithmic scale`,
        unit: 'ms',
        logarithmic: true,
        bars: found.flatMap(({ bars }) => bars),
      },
    }
  },
}

/** The same callers in peace and under attack, one right after the other. */
async function both(stage: Stage, server: Server) {
  const seconds = stage.quick ? 2 : 10
  const steady = { perSecond: server.slow ? pace.slow : pace.quick, seconds }
  await callSteadily(stage, server, { ...steady, seconds: 1 })
  const peace = await callSteadily(stage, server, steady)

  const began = performance.now()
  const attack = await startForked(stage, 'guesser.ts', [server.url, String(guessers)])
  await stage.pause(1)
  const war = await callSteadily(stage, server, steady)
  const guesses = Number(await attack.ask('stop'))
  const attacked = (performance.now() - began) / 1000
  attack.kill()
  await settled(stage, server)
  return { peace, war, guessesPerSecond: guesses / attacked }
}

type Both = Awaited<ReturnType<typeof both>>

function storyOf(server: Server, rounds: readonly Both[]) {
  const p99 = (when: 'peace' | 'war') =>
    rounds.map(round => round[when].latency.getValueAtPercentile(99) / 1000)
  const good = (when: 'peace' | 'war') => rounds.map(round => round[when].goodPerSecond)
  const { name } = server
  const waiting = ratioOf(p99('war'), p99('peace'))
  const getting = ratioOf(good('war'), good('peace'))
  const rows: readonly Row[] = [
    { what: `${name}: p99 in peace`, unit: 'ms', value: spreadOf(p99('peace')) },
    { what: `${name}: p99 under attack`, unit: 'ms', value: spreadOf(p99('war')) },
    { what: `${name}: answered under attack, of those in peace`, unit: '×', value: getting },
    {
      what: `${name}: guesses`,
      unit: 'a second',
      value: spreadOf(rounds.map(each => each.guessesPerSecond)),
    },
  ]
  const goals: readonly Goal[] = [
    {
      what: `${name}: p99 against that in peace`,
      unit: '×',
      value: waiting.median,
      bound: 'at most',
      limit: 1.5,
    },
    {
      what: `${name}: throughput against that in peace`,
      unit: '×',
      value: getting.median,
      bound: 'at least',
      limit: 0.9,
    },
  ]
  const bars = [
    { label: `${name}, in peace`, value: spreadOf(p99('peace')) },
    { label: `${name}, under attack`, value: spreadOf(p99('war')) },
  ]
  return { server, rows, goals, bars }
}
