import { Agent } from 'node:http'
import { join } from 'node:path'
import t from 'tap'
import { startAltgate } from '../support/altgate.ts'
import { ask, summary } from '../support/ask.ts'
import { metric } from '../support/metrics.ts'
import { recordingUpstream } from '../support/recording-upstream.ts'
import { until } from '../support/until.ts'

const anna = ['anna@example.com', 'the password of anna'] as const
const token = 'Bearer a-token-of-the-lfs-server'

/** Two gateways with one store. */
const one = await startAltgate(t)
const two = await startAltgate(t, {
  settings: {
    store: { url: `sqlite:${join(one.directory, 'altgate.db')}` },
    throttle: { anonymous: { requests: 20 } },
  },
})

t.test(
  'two gateways with one store: what an LFS server gives out by one comes back to it by the other',
  async t => {
    const path = '/wingtip/r.git/info/lfs/objects'
    const upstream = await recordingUpstream(t, (request, response) => {
      const download = {
        href: `http://${String(request.headers['x-forwarded-host'])}${path}/0a1b`,
        header: { Authorization: token },
      }
      response.setHeader('Content-Type', 'application/vnd.git-lfs+json')
      request.resume().on('end', () => response.end(JSON.stringify({ objects: [{ actions: { download } }] })))
    })
    await one.arrange({ accounts: { wingtip: upstream.url }, passwords: { [anna[0]]: anna[1] } })
    const batch = await fetch(`${one.url}${path}/batch`, {
      method: 'POST',
      headers: {
        Authorization: `Basic ${btoa(anna.join(':'))}`,
        'Content-Type': 'application/vnd.git-lfs+json',
      },
      body: '{}',
    })
    const said = await batch.text()
    const [, sealed = ''] = /"X-Altgate-Upstream-Authorization":"([^"]+)"/.exec(said) ?? []
    t.notMatch(said, token)
    const headers = { 'X-Altgate-Upstream-Authorization': sealed }
    t.equal((await ask(`${two.url}${path}/0a1b`, { as: anna, headers })).status, 200)
    t.strictSame(upstream.last().values('Authorization'), [token])
    for (const { logs } of [one, two]) t.notMatch(logs(), /a-token-of-the-lfs-server|Upstream-Authorization/i)
  },
)

t.test('a client that keeps asking without a credential is counted, and logged once', async t => {
  const agent = new Agent({ keepAlive: true, maxSockets: 20 })
  t.teardown(() => agent.destroy())
  const answers = await Promise.all(
    Array.from({ length: 100 }, () => ask(`${two.url}/wingtip/r.git/info/refs`, { agent })),
  )
  t.equal(summary(answers), '401 challenge, 429 throttled')
  t.equal(await metric(two, 'altgate_decisions_total', { outcome: 'throttled', via: 'none' }), 80)
  await until(() => /"cause":"anonymous"/.test(two.logs()))
  t.equal(two.logs().split('keeps sending requests without a credential').length - 1, 1)
})
