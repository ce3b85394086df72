import { Secret } from '../../../src/gateway/secret.ts'
import { costsOf } from '../cost.ts'
import type { Figure } from '../figure.ts'
import { startGateway } from '../gateway.ts'
import { answersOf } from '../server.ts'
import { startUpstream } from '../upstream.ts'

/** As long as the access tokens of Microsoft Entra ID. */
const accessToken = 'token'.repeat(400)
const sealingKey = '5e'.repeat(32)
const provider = { issuer: 'http://127.0.0.1:9', clientId: 'altgate' } as const
const scope = '499b84ac-1321-427f-aa17-267ca6975798/.default'

/** What a request costs that reaches its upstream as its user, compared with one that says who the user is in headers. */
export const delegated: Figure = {
  name: 'delegated',
  title: 'CPU per proxied request with the access token of its user, password known',
  programs: ['wrk'],
  async run(stage) {
    const upstream = await startUpstream(stage)
    const byHeaders = await startGateway(stage, { upstream, name: 'Altgate, identity in headers' })
    const asUser = await startGateway(stage, {
      upstream,
      name: 'Altgate, access token of the user',
      signedIn: {
        ...provider,
        sealingKey: { id: 'bench', key: new Secret(sealingKey) },
        accessToken,
        of: scope,
      },
      settings: {
        upstreamAuth: { method: 'delegated', scope },
        signIn: { msa: { ...provider, clientSecret: 'not used' } },
        secrets: { sealingKeys: [{ id: 'bench', key: sealingKey }] },
      },
    })
    const servers = [byHeaders, asUser]
    const answers = await Promise.all(servers.map(server => answersOf(server)))
    const costs = await costsOf(stage, servers)
    return {
      answers,
      rows: servers.map(server => ({ what: server.name, unit: 'µs', value: costs.of(server) })),
      goals: [
        {
          what: 'times a request with the identity in headers',
          unit: '×',
          value: costs.ratio(asUser, byHeaders).median,
          bound: 'at most',
          limit: 1.05,
        },
      ],
      plot: {
        kind: 'bars',
        title: 'CPU time per proxied request with the access token of its user',
        subtitle: 'beside a request that says in headers who the user is; a token of 2,000 characters',
        unit: 'µs',
        bars: servers.map(server => ({ label: server.name, value: costs.of(server) })),
        goal: { label: 'goal: at most 1.05 times', value: 1.05 * costs.of(byHeaders).median },
      },
    }
  },
}
