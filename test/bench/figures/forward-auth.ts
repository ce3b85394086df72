import { freePort } from '../../support/ports.ts'
import { costsOf } from '../cost.ts'
import type { Figure } from '../figure.ts'
import { startGateway } from '../gateway.ts'
import { account } from '../people.ts'
import { startPeers } from '../peers.ts'
import { answersOf } from '../server.ts'
import { startUpstream } from '../upstream.ts'

/** What nginx's question costs, whether a request may pass; the password has been checked before. */
export const forwardAuth: Figure = {
  name: 'forward-auth',
  title: 'CPU per forward-auth decision, password known',
  programs: ['nginx', 'wrk'],
  async run(stage) {
    const upstream = await startUpstream(stage)
    const port = await freePort()
    const gateway = await startGateway(stage, {
      upstream,
      name: 'Altgate, asked by nginx',
      settings: { forwardAuth: { host: '127.0.0.1', port }, trustedProxies: ['127.0.0.1'] },
    })
    // What nginx sends with `auth_request`, as docker/ configures it.
    const question = { 'X-Original-URI': `/${account}/hello`, 'X-Original-Method': 'GET' }
    const door = { ...gateway, url: `http://127.0.0.1:${port}/nginx`, headers: question }
    const [open] = await startPeers(stage, upstream, ['open'])
    if (open === undefined) throw new Error('nginx is not there')
    const answers = [await answersOf(door, 0), await answersOf(open)]
    const costs = await costsOf(stage, [door, open])
    const servers = [door, open]
    return {
      answers,
      rows: servers.map(server => ({ what: server.name, unit: 'µs', value: costs.of(server) })),
      goals: [
        {
          what: 'times nginx without any authentication',
          unit: '×',
          value: costs.ratio(door, open).median,
          bound: 'at most',
          limit: 1.4,
        },
      ],
      plot: {
        kind: 'bars',
        title: 'CPU time per forward-auth decision, password known',
        subtitle: 'beside what nginx takes to proxy a request of the same size without any authentication',
        unit: 'µs',
        bars: servers.map(server => ({ label: server.name, value: costs.of(server) })),
        goal: { label: 'goal: at most 1.4 times nginx', value: 1.4 * costs.of(open).median },
      },
    }
  },
}
