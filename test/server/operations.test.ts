import type { AddressInfo } from 'node:net'
import t from 'tap'
import { createOperationsServer } from '../../src/server/operations.ts'
import { until } from '../support/until.ts'

let ready = true
const app = createOperationsServer({
  ready: () => ({ ready, parts: { store: ready ? 'ok' : 'does not answer' } }),
  metrics: async () => ({ contentType: 'text/plain; version=0.0.4; charset=utf-8', body: 'up 1\n' }),
})
await app.listen({ port: 0, host: '127.0.0.1' })
t.teardown(() => app.close())
const { port } = app.server.address() as AddressInfo // listening on TCP
const get = (path: string) => fetch(`http://127.0.0.1:${port}${path}`)

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

t.test('concurrent requests for metrics cost the workers one answer, and none waits for ever', async t => {
  let collected = 0
  const collecting = Promise.withResolvers<void>()
  const busy = createOperationsServer({
    ready: () => ({ ready: true, parts: {} }),
    async metrics() {
      collected += 1
      await collecting.promise
      if (collected === 1) throw new Error('a worker does not answer')
      return { contentType: 'text/plain', body: `collected ${collected}\n` }
    },
  })
  let asked = 0
  busy.addHook('onRequest', async () => void (asked += 1))
  await busy.listen({ port: 0, host: '127.0.0.1' })
  t.teardown(() => busy.close())
  const { port } = busy.server.address() as AddressInfo // listening on TCP
  const scrape = () => fetch(`http://127.0.0.1:${port}/metrics`)
  const all = Array.from({ length: 50 }, scrape)
  await until(() => asked === all.length)
  collecting.resolve()
  t.strictSame(new Set((await Promise.all(all)).map(({ status }) => status)), new Set([500]))
  t.equal(collected, 1)
  t.equal(await (await scrape()).text(), 'collected 2\n', 'what has failed is not kept')
})
