// docs/upstream/nginx.conf as it stands, ports and addresses aside, in a real nginx.
import { createServer } from 'node:http'
import t, { type Test } from 'tap'
import { temporaryDirectory } from '../support/directory.ts'
import { configurationOf, runNginx } from '../support/nginx.ts'
import { freePort } from '../support/ports.ts'
import { basic } from '../support/public-server.ts'
import { presenting, publicUrl } from './methods.ts'
import { createVerifier } from './verifier.ts'

interface Front {
  /** Where nginx believes headers from the allowed address. */
  readonly believing: string
  /** Where nginx asks the verifier. */
  readonly asking: string
  readonly verifierPort: number
}

async function nginx(t: Test, service: string, allowed = '127.0.0.1'): Promise<Front> {
  const directory = temporaryDirectory(t)
  const [believing, asking, verifierPort] = [await freePort(), await freePort(), await freePort()]
  const servers = configurationOf('docs/upstream/nginx.conf', [
    ['listen 8443;', `listen 127.0.0.1:${believing};`],
    ['listen 8444;', `listen 127.0.0.1:${asking};`],
    ['allow 10.0.0.5;', `allow ${allowed};`],
    ['http://127.0.0.1:8081', service],
    ['127.0.0.1:8082', `127.0.0.1:${verifierPort}`],
  ])
  const paths = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    each => `${each}_temp_path ${directory}/${each};`,
  )
  const http = `access_log off; ${paths.join(' ')}\n${servers}`
  const configuration = `pid ${directory}/pid;\nworker_processes 1;\nevents {}\nhttp {\n${http}}\n`
  await runNginx(t, { directory, configuration, port: believing })
  return { believing: `http://127.0.0.1:${believing}`, asking: `http://127.0.0.1:${asking}`, verifierPort }
}

t.test('headers are accepted only from the address of a gateway', async t => {
  for (const [allowed, status] of [
    ['127.0.0.1', 200],
    ['192.0.2.1', 403],
  ] as const) {
    const { server, upstream } = await presenting(
      t,
      { method: 'identity-headers' },
      {},
      async service => (await nginx(t, service, allowed)).believing,
    )
    const answer = await fetch(`${server.url}/fabrikam/x`, { headers: { authorization: basic() } })
    t.equal(answer.status, status)
    t.strictSame(
      upstream.requests
        .filter(({ url }) => url === '/fabrikam/x')
        .map(each => each.values('x-forwarded-user')),
      status === 200 ? [['anna@example.com']] : [],
    )
  }
})

t.test('nginx admits requests with an assertion, and no others', async t => {
  let front: Front | undefined
  const { server, upstream } = await presenting(
    t,
    { method: 'signed-assertion', algorithm: 'ES256', keyDays: 7 },
    {},
    async service => {
      front = await nginx(t, service)
      return front.asking
    },
  )
  if (front === undefined) throw new Error('nginx did not start')
  const keys = `${server.url}/_altgate/keys`
  const verify = createVerifier({ gateway: publicUrl, self: front.asking, keys })
  const verifier = createServer(async ({ headers }, response) => {
    const { 'x-original-method': method, 'x-original-uri': url, authorization } = headers
    const presented = {
      method: String(method),
      url: String(url),
      headers: { authorization: `${authorization}` },
    }
    const person = await verify(presented).catch(() => undefined)
    if (person === undefined) return response.writeHead(401).end()
    return response.writeHead(204, { 'X-Person': person.username }).end()
  })
  verifier.listen(front.verifierPort, '127.0.0.1')
  t.teardown(() => {
    verifier.close()
    verifier.closeAllConnections()
  })

  const inside = await fetch(`${server.url}/fabrikam/a%20b?c=d`, { headers: { authorization: basic() } })
  t.equal(inside.status, 200)
  const seen = upstream.requests.at(-1)
  t.equal(seen?.url, '/fabrikam/a%20b?c=d')
  t.strictSame(seen?.values('x-forwarded-user'), ['anna@example.com'])
  t.strictSame(seen?.values('authorization'), [], 'the assertion has done its work')

  const before = upstream.requests.length
  for (const headers of [{}, { 'X-Forwarded-User': 'anna@example.com' }, { authorization: 'Bearer a.b.c' }])
    t.equal((await fetch(`${front.asking}/fabrikam/x`, { headers })).status, 401)
  t.equal(upstream.requests.length, before)
})
