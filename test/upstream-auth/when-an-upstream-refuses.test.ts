// clients.md, item 7: a personal access token of the gateway that has expired must not make clients erase their passwords.
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { createServer, request as ask } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { startAltgate } from '../support/altgate.ts'
import { temporaryDirectory } from '../support/directory.ts'
import { gitLab } from '../support/git.ts'
import { metric } from '../support/metrics.ts'
import { basic } from '../support/public-server.ts'
import { until } from '../support/until.ts'
import { startUpstream } from '../support/upstream.ts'

const anna = 'anna@example.com'
const password = 'canary-password-41c8'
const goodToken = 'canary-pat-good'
const badToken = 'canary-pat-bad'

/** Real repositories behind a server that knows one token, as Azure DevOps does. */
async function guardedUpstream(t: Test): Promise<string> {
  const { url } = await startUpstream(t, ['fabrikam', 'contoso'])
  const server = createServer((request, response) => {
    if (request.headers.authorization !== basic({ username: '', password: goodToken }))
      return response.writeHead(401, { 'WWW-Authenticate': ['NTLM', 'Basic realm="upstream"'] }).end()
    const { method, headers } = request
    const inner = ask(url + request.url, { method, headers }, answer =>
      answer.pipe(response.writeHead(answer.statusCode ?? 500, answer.headers)),
    )
    return request.pipe(inner)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.close()
    server.closeAllConnections()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}` // listening on TCP
}

t.test('a token that the upstream refuses, and the one that takes its place', async t => {
  const upstream = await guardedUpstream(t)
  const file = join(temporaryDirectory(t), 'token')
  writeFileSync(file, badToken)
  const altgate = await startAltgate(t, {
    settings: { upstreamAuth: { method: 'swapped-credential', credential: { file } } },
  })
  const accounts = { fabrikam: upstream, contoso: upstream }
  await altgate.arrange({ accounts, passwords: { [anna]: password } })
  const lab = gitLab(t)
  lab.setCredential(anna, password)
  const alerts = () => altgate.logs().match(/.*an upstream refuses the credential of the gateway.*/g) ?? []

  await t.test('git fails with 502 and a reference, and keeps its password', async t => {
    const { code, stderr } = await lab.git(['ls-remote', `${altgate.url}/fabrikam/welcome.git`])
    t.equal(code, 128)
    t.match(stderr, 'The requested URL returned error: 502')
    t.match(stderr, "remote: The service behind this gateway rejected the gateway's")
    t.match(stderr, /remote: Reference: [0-9a-f]{24}/)
    t.equal(lab.helperActions(), 'get', 'neither stored nor erased')
  })

  await t.test('the operator gets an alert for each account, once a minute, and a count', async t => {
    for (let again = 0; again < 3; again++)
      await lab.git(['ls-remote', `${altgate.url}/fabrikam/welcome.git`])
    await lab.git(['ls-remote', `${altgate.url}/contoso/welcome.git`])
    await until(() => alerts().length > 1) // the log may be written after the answer
    t.strictSame(
      alerts().map(line => {
        const { level, account, method, because } = JSON.parse(line)
        return { level, account, method, because }
      }),
      ['fabrikam', 'contoso'].map(account => ({
        level: 50,
        account,
        method: 'swapped-credential',
        because: 'unauthorized',
      })),
    )
    const labels = { method: 'swapped-credential' }
    t.equal(await metric(altgate, 'altgate_upstream_refusals_total', labels), 5)
  })

  await t.test('a new token in the file ends it, without a restart', async t => {
    writeFileSync(file, `${goodToken}\n`)
    lab.forget()
    await until(async () => (await lab.git(['ls-remote', `${altgate.url}/fabrikam/welcome.git`])).code === 0)
    t.match(lab.helperActions(), /^(?:get )+store$/)
    await lab.must(['clone', '--quiet', `${altgate.url}/fabrikam/welcome.git`, 'clone'])
  })

  await t.test('neither log nor metrics nor the settings in force hold a secret', async t => {
    t.notMatch(altgate.logs(), 'canary')
    t.notMatch(await altgate.tell('/metrics'), 'canary')
    t.notMatch(await altgate.must(['settings']), 'canary')
  })
})

t.test('the log mentions pass-through at every start, and the client never gets its 401', async t => {
  const upstream = await guardedUpstream(t)
  const altgate = await startAltgate(t, {
    settings: { upstreamAuthByAccount: { fabrikam: { method: 'pass-through' } } },
  })
  await altgate.arrange({ accounts: { fabrikam: upstream }, passwords: { [anna]: password } })
  const lab = gitLab(t)
  lab.setCredential(anna, password)
  const { stderr } = await lab.git(['ls-remote', `${altgate.url}/fabrikam/welcome.git`])
  t.match(stderr, 'The requested URL returned error: 502')
  t.equal(lab.helperActions(), 'get')
  t.match(altgate.logs(), 'upstreamAuth is pass-through: upstreams receive the passwords of users')
  t.notMatch(altgate.logs(), 'canary')
})
