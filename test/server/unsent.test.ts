import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import t, { type Test } from 'tap'
import { createUnsent } from '../../src/server/conversation.ts'
import { until } from '../support/until.ts'

/** Connects from this address and port, and gives the server's end. The client reads nothing. */
async function connected(t: Test, server: Server, from: { localAddress: string; localPort?: number }) {
  const accepted = once(server, 'connection') as Promise<[Socket]>
  const { port } = server.address() as AddressInfo
  const host = from.localAddress.includes(':') ? '::1' : '127.0.0.1'
  const client = connect({ port, host, ...from }).pause()
  const [socket] = await accepted
  socket.on('error', () => {})
  client.on('error', () => {})
  t.teardown(() => [client, socket].forEach(each => each.destroy()))
  return { client, socket }
}

async function listening(t: Test, host: string): Promise<Server> {
  const server = createServer({ pauseOnConnect: true })
  t.teardown(() => server.close())
  await once(server.listen(0, host), 'listening')
  return server
}

const much = Buffer.alloc(8_000_000)

t.test('two clients with the same port are two, whatever their addresses', async t => {
  const server = await listening(t, '0.0.0.0')
  const slow = await connected(t, server, { localAddress: '127.0.0.2' })
  const localPort = slow.socket.remotePort ?? 0
  const other = await connected(t, server, { localAddress: '127.0.0.3', localPort })
  t.equal(other.socket.remotePort, localPort)
  slow.socket.write(much)
  await until(() => createUnsent()(slow.socket) > 0, 10)
  t.equal(createUnsent()(other.socket), 0)
})

for (const [listens, from] of [
  ['127.0.0.1', '127.0.0.1'],
  ['::1', '::1'],
  ['::', '127.0.0.1'],
  ['::', '::1'],
] as const)
  t.test(`what is on its way from ${listens} to ${from} is known`, async t => {
    const { socket, client } = await connected(t, await listening(t, listens), { localAddress: from })
    t.equal(createUnsent()(socket), 0)
    socket.write(much)
    await until(() => createUnsent()(socket) > 0, 10)
    client.resume()
    await until(() => createUnsent()(socket) === 0 && socket.writableLength === 0, 10)
    socket.destroy()
    t.equal(createUnsent()(socket), 0, 'nothing, once it is closed')
  })
