import { request } from 'node:http'
import { text } from 'node:stream/consumers'
import t, { type Test } from 'tap'
import { issuerOf } from '../../src/oauth/metadata.ts'
import { startAltgate } from '../support/altgate.ts'
import { freePort } from '../support/ports.ts'

const wellKnown = '/.well-known/oauth-authorization-server'

/** Asks a host at the port of a gateway. */
async function get(port: number, host: string, path: string): Promise<{ status: number; body: string }> {
  return await new Promise((resolve, reject) => {
    request({ host: '127.0.0.1', port, path, headers: { host } }, response => {
      text(response).then(body => resolve({ status: response.statusCode ?? 0, body }), reject)
    })
      .on('error', reject)
      .end()
  })
}

async function gatewayOn(t: Test, publicHost: string) {
  const port = await freePort()
  const publicUrl = `http://${publicHost}:${port}`
  await startAltgate(t, {
    settings: {
      listen: { host: '127.0.0.1', port },
      publicUrl,
      accounts: { naming: { by: 'host', suffix: '.example.com' } },
    },
  })
  return { port, publicUrl }
}

t.test('the issuer follows from the naming of accounts', async t => {
  const naming = { by: 'host', suffix: '.example.com' } as const
  t.strictSame(issuerOf('https://git.example.org', { by: 'path' }), {
    issuer: 'https://git.example.org',
    metadata: { path: wellKnown },
  })
  t.strictSame(issuerOf('https://gateway.example.org', naming), {
    issuer: 'https://gateway.example.org',
    metadata: { path: wellKnown, host: 'gateway.example.org' },
  })
  t.strictSame(issuerOf('https://git.example.com', naming), {
    issuer: 'https://git.example.com/_altgate',
    metadata: { path: `${wellKnown}/_altgate`, host: 'git.example.com' },
  })
})

t.test("where accounts are hosts, only the gateway's own host has metadata", async t => {
  const { port, publicUrl } = await gatewayOn(t, 'gateway.example.org')
  const own = await get(port, new URL(publicUrl).host, wellKnown)
  t.match([own.status, (JSON.parse(own.body) as { issuer: string }).issuer], [200, publicUrl])
  t.equal((await get(port, new URL(publicUrl).host, `${wellKnown}?x=1`)).status, 200)
  for (const [host, path] of [
    [`fabrikam.example.com:${port}`, wellKnown],
    [new URL(publicUrl).host, `${wellKnown}/_altgate`],
    [new URL(publicUrl).host, `${wellKnown}x`],
  ] as const)
    t.ok([401, 404].includes((await get(port, host, path)).status), `${host}${path} is for an account`)
})

t.test('and if that host could be an account, only an address that no upstream has', async t => {
  const { port, publicUrl } = await gatewayOn(t, 'git.example.com')
  const { host } = new URL(publicUrl)
  const own = await get(port, host, `${wellKnown}/_altgate`)
  t.match([own.status, (JSON.parse(own.body) as { issuer: string }).issuer], [200, `${publicUrl}/_altgate`])
  t.match(own.body, `${publicUrl}/_altgate/oauth/token`)
  t.equal((await get(port, host, wellKnown)).status, 401, 'that of the account')
  const page = await get(
    port,
    `fabrikam.example.com:${port}`,
    '/_altgate/oauth/authorize/x?client_id=altgate',
  )
  t.equal(page.status, 303, 'on the host of an account, the page is one step away')
})
