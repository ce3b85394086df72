import { once } from 'node:events'
import { createServer, request, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { pipeline } from 'node:stream/promises'
import t, { type Test } from 'tap'
import { memoryOf } from '../bench/process-tree.ts'
import { startAltgate } from '../support/altgate.ts'
import { basicOf } from '../support/ask.ts'
import { workersOf } from '../support/processes.ts'

const mebi = 2 ** 20
const megabyte = Buffer.alloc(mebi)

/** Mebibytes that are moved, and those after which a worker has all that it needs for moving. */
const [size, beginning] = [256, 64]

/** Mebibytes for what is on its way. */
const room = 32

const { send, growth } = await world(t)

t.test('a big download takes no more memory than a small one', async t => {
  t.equal((await send('GET', [])).received, size * mebi)
  t.ok(growth() < room, `the worker grew by ${growth()} MiB`)
})

t.test('nor does a big push', async t => {
  const { arrived } = await send(
    'POST',
    Array.from({ length: size }, () => megabyte),
  )
  t.equal(arrived, size * mebi)
  t.ok(growth() < room, `the worker grew by ${growth()} MiB`)
})

/** A gateway, and an upstream that reads everything, and answers a GET with so many mebibytes. */
async function world(t: Test) {
  const server = createServer(async (asked, response) => {
    response.setHeader('x-arrived', await sizeOf(asked))
    await pipeline(
      Array.from({ length: asked.method === 'GET' ? size : 0 }, () => megabyte),
      response,
    )
  })
  t.teardown(() => server.close())
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const { port } = server.address() as AddressInfo // TCP: never a pipe's name
  const altgate = await startAltgate(t)
  await altgate.arrange({
    accounts: { contoso: `http://127.0.0.1:${port}` },
    passwords: { 'anna@example.com': 'first-secret' },
  })
  const [worker = 0] = workersOf(altgate.pid)
  let seen: number[] = []

  async function sizeOf(stream: AsyncIterable<Buffer>): Promise<number> {
    let bytes = 0
    for await (const { length } of stream) {
      if (Math.floor((bytes + length) / mebi) > Math.floor(bytes / mebi)) seen.push(memoryOf(worker) / mebi)
      bytes += length
    }
    return bytes
  }

  return {
    send: async (method: string, body: readonly Buffer[]) => {
      seen = []
      const headers = { authorization: basicOf('anna@example.com', 'first-secret') }
      const asking = request(`${altgate.url}/contoso/pack`, { method, headers, agent: false })
      const answered = once(asking, 'response')
      await pipeline(body, asking)
      const [response] = (await answered) as [IncomingMessage] // what `response` is documented to give
      return { arrived: Number(response.headers['x-arrived']), received: await sizeOf(response) }
    },
    /** By how many mebibytes the worker was bigger at its biggest than after the beginning of what was last sent. */
    growth: () => Math.round(Math.max(...seen.slice(beginning)) - (seen[beginning] ?? Number.NaN)),
  }
}
