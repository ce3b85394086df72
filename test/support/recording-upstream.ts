import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import type { Test } from 'tap'

/** One request as the upstream got it. */
export interface Recorded {
  readonly method: string
  readonly url: string
  /** Names and values as they were on the wire, in order, with repeats. */
  readonly rawHeaders: readonly string[]
  /** The values of a header, by its exact name in any case. */
  values(name: string): readonly string[]
  /** Filled while it arrives. */
  readonly body: Buffer
}

export interface RecordingUpstream {
  readonly url: string
  readonly port: number
  readonly requests: readonly Recorded[]
  /** The newest request; throws if there was none. */
  last(): Recorded
  /** Connections that are open now. */
  open(): number
  /** Connections there ever were. */
  connections(): number
}

export type Respond = (request: IncomingMessage, response: ServerResponse) => void

/** A real HTTP server that writes down what it gets; it reads the body, then answers `ok` unless told otherwise. */
export async function recordingUpstream(t: Test, respond: Respond = sayOk): Promise<RecordingUpstream> {
  const requests: Recorded[] = []
  const sockets = new Set<Socket>()
  let connections = 0
  const server = createServer((request, response) => {
    requests.push(record(request))
    respond(request, response)
  })
  server.on('connection', socket => {
    connections++
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.close()
    server.closeAllConnections()
  })
  const { port } = server.address() as AddressInfo // listening on TCP
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    requests,
    last() {
      const last = requests.at(-1)
      if (last === undefined) throw new Error('the upstream has seen no request')
      return last
    },
    open: () => sockets.size,
    connections: () => connections,
  }
}

function record(request: IncomingMessage): Recorded {
  const { method = '', url = '', rawHeaders } = request
  const chunks: Buffer[] = []
  request.on('data', (chunk: Buffer) => chunks.push(chunk))
  return {
    method,
    url,
    rawHeaders,
    values: name =>
      rawHeaders.filter((_, at) => at % 2 === 1 && rawHeaders[at - 1]?.toLowerCase() === name.toLowerCase()),
    get body() {
      return Buffer.concat(chunks)
    },
  }
}

function sayOk(request: IncomingMessage, response: ServerResponse): void {
  request.on('end', () => response.end('ok'))
}
