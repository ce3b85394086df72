import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

// An upstream in a process of its own that takes whatever is pushed to it and answers how many bytes it was. Its first
// message is its port.

const server = createServer((request, response) => {
  let bytes = 0
  request.on('data', (chunk: Buffer) => (bytes += chunk.length)).on('end', () => response.end(String(bytes)))
})
server.listen(0, '127.0.0.1', () => process.send?.((server.address() as AddressInfo).port)) // TCP: never a pipe's name
process.on('disconnect', () => process.exit())
