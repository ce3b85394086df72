import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setImmediate } from 'node:timers/promises'
import t, { type Test } from 'tap'
import type { Dispatcher } from 'undici'
import type { AddressMapping } from '../../src/proxying/addresses.ts'
import { Exchange, type ExchangeEvents } from '../../src/proxying/exchange.ts'
import { rawConnection } from '../support/raw-request.ts'

const mapping: AddressMapping = {
  target: '/fabrikam/x',
  address: 'http://h',
  publicAddress: undefined,
  destination: { origin: 'http://upstream', path: '/fabrikam/x', outer: '', inner: '' },
}

/** A request that waits for its answer, and its client. */
async function waiting(t: Test) {
  const server = createServer()
  server.listen(0, '127.0.0.1')
  t.teardown(() => void server.close())
  await once(server, 'listening')
  const client = await rawConnection((server.address() as AddressInfo).port)
  client.send('GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n')
  const [, response] = (await once(server, 'request')) as [unknown, ServerResponse]
  return { client, response }
}

/** An exchange that was given a whole answer, and what it reported. */
function answered(response: ServerResponse, body: string) {
  const broke: unknown[] = []
  const never = (): never => t.fail('not to be called') as never
  const events: ExchangeEvents = {
    answered() {},
    again: never,
    withheld: never,
    failed: never,
    brokeOff: never,
    broke: error => broke.push(error),
  }
  const exchange = new Exchange(response, mapping, events)
  response.on('close', () => exchange.onClientClose())
  const rawHeaders = ['Content-Length', String(body.length)]
  const controller = { rawHeaders, pause() {}, resume() {}, abort() {} }
  const given = controller as unknown as Dispatcher.DispatchController
  exchange.onRequestStart(given)
  exchange.onResponseStart(given, 200, { 'content-length': String(body.length) }, 'OK')
  if (body !== '') exchange.onResponseData(given, Buffer.from(body))
  exchange.onResponseEnd()
  return broke
}

t.test('what ends in one turn is sent at its end, all of it together', async t => {
  const all = [await waiting(t), await waiting(t)]
  for (const [n, { response }] of all.entries()) answered(response, n === 0 ? 'small' : '')
  for (const { response } of all) t.notOk(response.headersSent)
  await setImmediate()
  for (const { response } of all) t.ok(response.writableEnded)
  t.match(await all[0]?.client.closed(), /^HTTP\/1\.1 200 OK\r\nContent-Length: 5\r\n.*\r\n\r\nsmall$/s)
  t.match(await all[1]?.client.closed(), /^HTTP\/1\.1 200 OK\r\nContent-Length: 0\r\n.*\r\n\r\n$/s)
})

t.test('a client that leaves in that turn gets nothing, and nothing breaks', async t => {
  const { response } = await waiting(t)
  const broke = answered(response, 'small')
  response.destroy()
  await setImmediate()
  t.notOk(response.headersSent)
  t.strictSame(broke, [])
})
