import { costsOf } from '../cost.ts'
import type { Figure } from '../figure.ts'
import { startGateway } from '../gateway.ts'
import { programsOf, startPeers, type Peer } from '../peers.ts'
import { answersOf } from '../server.ts'
import { startUpstream } from '../upstream.ts'

const peers: readonly Peer[] = ['open', 'caddy', 'haproxy', 'apr1', 'nginx', 'apache']

/** What must hold against which peer. */
const limits = [
  { peer: 'caddy', what: "of Caddy's, which remembers verdicts too", short: '0.5 of Caddy', limit: 0.5 },
  { peer: 'open', what: 'times nginx without a password', short: '2.5 times nginx', limit: 2.5 },
] as const

/** What a request costs whose password has been checked before. */
export const proxied: Figure = {
  name: 'proxied',
  title: 'CPU per proxied request, password known',
  programs: ['nginx', 'wrk'],
  peers: programsOf(peers),
  async run(stage) {
    const upstream = await startUpstream(stage)
    const altgate = await startGateway(stage, { upstream })
    const others = await startPeers(stage, upstream, peers)
    const servers = [altgate, ...others]
    const answers = await Promise.all(servers.map(server => answersOf(server)))
    const costs = await costsOf(stage, servers)
    const against = limits.flatMap(({ peer, ...rest }) => {
      const other = others.find(each => each.peer === peer)
      return other === undefined ? [] : { ...rest, other }
    })
    const lines = against.map(({ short, limit, other }) => ({
      label: `goal: at most ${short}`,
      value: limit * costs.of(other).median,
    }))
    return {
      answers,
      rows: servers.map(server => ({ what: server.name, unit: 'µs', value: costs.of(server) })),
      goals: against.map(({ what, limit, other }) => ({
        what,
        unit: '×',
        value: costs.ratio(altgate, other).median,
        bound: 'at most' as const,
        limit,
      })),
      plot: {
        kind: 'bars',
        title: 'CPU time per proxied request, password known',
        subtitle:
          'user and system time of all processes of the server; answer of 231 bytes; logarithmic scale',
        unit: 'µs',
        logarithmic: true,
        bars: servers.map(server => ({ label: server.name, value: costs.of(server) })),
        goal: lines.toSorted((one, other) => one.value - other.value)[0],
      },
    }
  },
}
