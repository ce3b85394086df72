import { createHmac } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import { foldUsername, msaScope } from '../../src/gateway/names.ts'
import { Secret } from '../../src/gateway/secret.ts'
import { createWebhook, type CredentialChange } from '../../src/self-service/webhook.ts'

const change: CredentialChange = {
  scope: msaScope,
  username: foldUsername('anna@example.com'),
  what: 'set',
  at: 0,
}

/** A receiver of notices; gives its address, and what arrives first. */
async function receiver(t: Test, status: number) {
  const arrived = Promise.withResolvers<{ readonly body: string; readonly signature: unknown }>()
  const server = createServer((request, response) => {
    let body = ''
    request.setEncoding('utf8').on('data', (chunk: string) => (body += chunk))
    request.on('end', () => {
      response.writeHead(status).end()
      arrived.resolve({ body, signature: request.headers['x-altgate-signature'] })
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo // listening on TCP
  return { first: arrived.promise, url: new Secret(`http://127.0.0.1:${port}/`) }
}

t.test('a notice says who, where, what and when, and is signed', async t => {
  const { first, url } = await receiver(t, 204)
  const key = 'a key of some length'
  createWebhook({
    url,
    secret: new Secret(key),
    failed: cause => void t.fail(String(cause)),
  }).credentialChanged(change)
  const { body, signature } = await first
  t.strictSame(JSON.parse(body), {
    event: 'credential-set',
    scope: 'msa',
    username: 'anna@example.com',
    at: '1970-01-01T00:00:00.000Z',
  })
  t.equal(signature, `sha256=${createHmac('sha256', key).update(body).digest('hex')}`)
})

t.test('without a key it is not signed', async t => {
  const { first, url } = await receiver(t, 200)
  createWebhook({ url, failed: cause => void t.fail(String(cause)) }).credentialChanged(change)
  t.equal((await first).signature, undefined)
})

t.test('a notice that does not arrive is told of, and breaks nothing', async t => {
  for (const url of [
    new Secret('http://127.0.0.1:1/'),
    (await receiver(t, 500)).url,
    (await receiver(t, 302)).url,
  ]) {
    const told = Promise.withResolvers<unknown>()
    createWebhook({ url, failed: told.resolve }).credentialChanged(change)
    t.type(await told.promise, Error)
  }
})
