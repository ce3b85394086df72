// The real program with both doors, an upstream that takes the access token of one user, and a provider that is never asked.
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { Secret } from '../../src/gateway/secret.ts'
import { fillStore, signInAgain } from '../bench/fill-store.ts'
import { account, anna } from '../bench/people.ts'
import { type Altgate, startAltgate } from '../support/altgate.ts'
import { ask } from '../support/ask.ts'
import { temporaryDirectory } from '../support/directory.ts'
import { gitLab } from '../support/git.ts'
import { metric } from '../support/metrics.ts'
import { startNginx } from '../support/nginx.ts'
import { freePort } from '../support/ports.ts'
import { recordingUpstream } from '../support/recording-upstream.ts'
import { tracesOf } from '../support/traces.ts'
import { until } from '../support/until.ts'

const accessToken = 'canary-access-token-83d1'
const key = '5e'.repeat(32)
const provider = { issuer: 'http://127.0.0.1:9', clientId: 'altgate' } as const
const of = '499b84ac-1321-427f-aa17-267ca6975798/.default'
const claims = 'Bearer error="insufficient_claims", claims="e30="'

/** The upstream demands a new sign-in on `/fabrikam/demanding`. */
async function makeWorld(t: Test) {
  const upstream = await recordingUpstream(t, ({ url = '' }, response) => {
    if (url.startsWith(`/${account}/demanding`)) response.writeHead(401, { 'WWW-Authenticate': claims }).end()
    else response.end('done')
  })
  const store = `sqlite:${join(temporaryDirectory(t), 'altgate.db')}`
  const signedIn = { ...provider, sealingKey: { id: 'one', key: new Secret(key) }, accessToken, of }
  await fillStore(store, { upstream: upstream.url, signedIn })
  const decisions = await freePort()
  const altgate = await startAltgate(t, {
    settings: {
      store: { url: store },
      hashing: {},
      forwardAuth: { host: '127.0.0.1', port: decisions },
      trustedProxies: ['127.0.0.1'],
      upstreamAuth: { method: 'delegated' },
      admin: { api: true },
      signIn: { msa: { ...provider, clientSecret: 'canary-client-secret' } },
      secrets: { sealingKeys: [{ id: 'one', key }] },
    },
    env: { ALTGATE__LOG__LEVEL: 'trace' },
  })
  const nginx = await startNginx(t, { decisions, page: altgate.port, repositories: upstream.port })
  return { upstream, altgate, nginx, signInAgain: () => signInAgain(store, signedIn) }
}

/** One for both tests. */
const { upstream, altgate, nginx, ...world } = await makeWorld(t)

const as = [anna.user, anna.password] as const

t.test('both doors send the token, and a demand of the upstream ends the sign-in at both', async t => {
  for (const { url } of [altgate, nginx]) {
    t.match(await ask(`${url}/${account}/x`, { as }), { status: 200, body: 'done' })
    t.strictSame(upstream.last().values('authorization'), [`Bearer ${accessToken}`])
    t.strictSame(upstream.last().values('x-tfs-fedauthredirect'), [])
  }

  const demanded = await ask(`${nginx.url}/${account}/demanding`, { as })
  t.match(demanded, { status: 403, outcome: 'sign-in-needed' })
  t.match(demanded.body, 'the service behind this gateway asks you to sign in')
  await isFound(t, altgate, demanded.body)
  const before = upstream.requests.length
  for (const { url } of [altgate, nginx])
    t.match(await ask(`${url}/${account}/x`, { as }), { status: 403, outcome: 'sign-in-needed' })
  t.equal(upstream.requests.length, before, 'nothing is sent without a token')

  const lab = gitLab(t)
  lab.setCredential(anna.user, anna.password)
  const { code, stderr } = await lab.git(['ls-remote', `${altgate.url}/${account}/r.git`])
  t.equal(code, 128)
  t.match(stderr, 'remote: Sign-in needed: ')
  t.match(stderr, `remote: ${altgate.url}/_altgate/?account=${account}\n`)
  t.equal(lab.helperActions(), 'get')

  await until(() => altgate.logs().includes('"action":"grant-ended"'))
  t.match(altgate.logs(), /"audit":"decision"[^\n]*"outcome":"sign-in-needed","cause":"claims"/)
  t.match(altgate.logs(), 'an allowed request lost its access token')
  t.ok((await metric(altgate, 'altgate_decisions_total', { outcome: 'sign-in-needed' })) >= 3)
  for (const place of [altgate.logs(), await altgate.tell('/metrics'), await altgate.must(['settings'])])
    t.strictSame(tracesOf([accessToken, 'canary-client-secret', key], place), [])
})

t.test('the same by the public port alone', async t => {
  await world.signInAgain()
  const before = upstream.requests.length
  const demanded = await ask(`${altgate.url}/${account}/demanding`, { as })
  t.match(demanded, { status: 403, outcome: 'sign-in-needed' })
  t.equal(upstream.requests.length, before + 1)
  const next = await ask(`${altgate.url}/${account}/x`, { as })
  t.match(next, { status: 403, outcome: 'sign-in-needed' })
  t.equal(upstream.requests.length, before + 1)
  await isFound(t, altgate, demanded.body)
  await isFound(t, altgate, next.body)
  const token = await altgate.must(['token', 'add', 'desk', '--scope', 'read'])
  const found = await fetch(`${altgate.url}/_altgate/api/v1/refusals/${referenceIn(next.body)}`, {
    headers: { authorization: `Bearer ${token.trim()}` },
  })
  t.match(await found.json(), {
    happened: { outcome: 'sign-in-needed', cause: 'claims', user: anna.user },
  })
  const recent = JSON.parse(
    await altgate.must(['recent', '--outcome', 'sign-in-needed', '--json']),
  ) as readonly { readonly reference: string }[] // as its help says
  t.strictSame(
    recent.slice(-2).map(({ reference }) => reference),
    [referenceIn(demanded.body), referenceIn(next.body)],
  )
})

function referenceIn(text: string): string {
  return /Reference: (\w+)/.exec(text)?.[1] ?? ''
}

/** An operator finds what a user was told, by the reference that the user was shown. */
async function isFound(t: Test, altgate: Altgate, text: string): Promise<void> {
  const command = ['explain', '--reference', referenceIn(text), '--json']
  let found = { code: 1, stdout: '' }
  await until(async () => (found = await altgate.cli(command)).code === 0)
  t.match(JSON.parse(found.stdout), {
    happened: { outcome: 'sign-in-needed', cause: 'claims', account, user: anna.user },
  })
}
