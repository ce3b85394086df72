import t from 'tap'
import { Connections, unbounded } from '../../src/server/connections.ts'
import type { Handle } from '../../src/server/conversation.ts'
import { createOperationsServer } from '../../src/server/operations.ts'
import { rawRequest } from '../support/raw-request.ts'
import { until } from '../support/until.ts'

let ready = true
const app = createOperationsServer({
  ready: () => ({ ready, parts: { store: ready ? 'ok' : 'does not answer' } }),
  metrics: async () => ({ contentType: 'text/plain; version=0.0.4; charset=utf-8', body: 'up 1\n' }),
})
const address = await app.listen({ port: 0, host: '127.0.0.1' })
t.teardown(() => app.close())
const get = (path: string, method = 'GET') => fetch(address + path, { method })

t.test('live says that the process runs, whatever its parts do', async t => {
  ready = false
  const answer = await get('/live')
  t.equal(answer.status, 200)
  t.equal(await answer.text(), 'ok\n')
})

t.test('ready says which part is missing', async t => {
  ready = true
  const good = await get('/ready')
  t.equal(good.status, 200)
  t.same(await good.json(), { ready: true, parts: { store: 'ok' } })
  ready = false
  const bad = await get('/ready')
  t.equal(bad.status, 503)
  t.same(await bad.json(), { ready: false, parts: { store: 'does not answer' } })
})

t.test('metrics are given as they are made', async t => {
  const answer = await get('/metrics')
  t.equal(answer.headers.get('content-type'), 'text/plain; version=0.0.4; charset=utf-8')
  t.equal(await answer.text(), 'up 1\n')
})

t.test('a query and HEAD change nothing, and there is nothing else', async t => {
  t.equal(await (await get('/live?from=probe')).text(), 'ok\n')
  const head = await get('/metrics', 'HEAD')
  t.equal(head.headers.get('content-length'), '5')
  t.equal(await head.text(), '')
  for (const [path, method] of [
    ['/', 'GET'],
    ['/live/', 'GET'],
    ['/live', 'POST'],
  ] as const)
    t.equal((await get(path, method)).status, 404, `${method} ${path}`)
})

t.test('headers that are too long are told as such, and the port goes on', async t => {
  const { port } = new URL(address)
  const cookie = `Cookie: a=${'x'.repeat(40_000)}`
  const answer = await rawRequest(Number(port), `GET /live HTTP/1.1\r\nHost: h\r\n${cookie}\r\n\r\n`)
  t.match(answer, /^HTTP\/1\.1 431 Request Header Fields Too Large\r\n/)
  t.equal((await get('/live')).status, 200)
})

t.test('the status is a document and a page, which no other site may keep, embed or read', async t => {
  const told = createOperationsServer({
    ready: () => ({ ready: true, parts: {} }),
    metrics: neverAsked,
    status: {
      document: async () => ({ state: 'fine' }),
      page: async () => ({ body: '<p>fine</p>', policy: "default-src 'none'" }),
    },
  })
  const at = await told.listen({ port: 0, host: '127.0.0.1' })
  t.teardown(() => told.close())
  const document = await fetch(`${at}/status.json`)
  t.strictSame(await document.json(), { state: 'fine' })
  const page = await fetch(`${at}/status`)
  t.equal(page.headers.get('content-type'), 'text/html; charset=utf-8')
  t.equal(page.headers.get('content-security-policy'), "default-src 'none'")
  t.equal(await page.text(), '<p>fine</p>')
  for (const { headers } of [document, page]) {
    t.equal(headers.get('cache-control'), 'no-store')
    t.equal(headers.get('x-content-type-options'), 'nosniff')
    t.equal(headers.get('cross-origin-resource-policy'), 'same-origin')
    t.equal(headers.get('access-control-allow-origin'), null)
  }
  t.equal((await fetch(`${at}/status`, { method: 'POST' })).status, 404)
  for (const path of ['/status', '/status.json'])
    t.equal((await get(path)).status, 404, 'a server that has none says so')
})

t.test('on an address of IPv6, its URL has brackets', async t => {
  const six = createOperationsServer({ ready: () => ({ ready: true, parts: {} }), metrics: neverAsked })
  const url = await six.listen({ port: 0, host: '::1' })
  t.teardown(() => six.close())
  t.match(url, /^http:\/\/\[::1\]:\d+$/)
  t.equal((await fetch(`${url}/live`)).status, 200)
})

const neverAsked = async () => ({ contentType: '', body: '' })

t.test('concurrent requests for metrics cost the workers one answer, and none waits for ever', async t => {
  let collected = 0
  const collecting = Promise.withResolvers<void>()
  let asked = 0
  class Counting extends Connections {
    override inTurn(handle: Handle): Handle {
      return super.inTurn((request, response) => {
        asked += 1
        handle(request, response)
      })
    }
  }
  const busy = createOperationsServer({
    connections: new Counting(unbounded),
    ready: () => ({ ready: true, parts: {} }),
    async metrics() {
      collected += 1
      await collecting.promise
      if (collected === 1) throw new Error('a worker does not answer')
      return { contentType: 'text/plain', body: `collected ${collected}\n` }
    },
  })
  const at = await busy.listen({ port: 0, host: '127.0.0.1' })
  t.teardown(() => busy.close())
  const scrape = () => fetch(`${at}/metrics`)
  const all = Array.from({ length: 50 }, scrape)
  await until(() => asked === all.length)
  collecting.resolve()
  t.strictSame(new Set((await Promise.all(all)).map(({ status }) => status)), new Set([500]))
  t.equal(collected, 1)
  t.equal(await (await scrape()).text(), 'collected 2\n', 'what has failed is not kept')
})
