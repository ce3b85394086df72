import type { ServerResponse } from 'node:http'
import { connect, type Socket } from 'node:net'

/**
 * The least that forwarding costs: kept sockets, and a reader that understands the answers of one upstream. It is what
 * the product's way to its upstreams is measured against, and not safe with any other upstream.
 */
export class PlainSockets {
  readonly #port: number
  readonly #idle: Connection[] = []

  constructor(upstream: string) {
    this.#port = Number(new URL(upstream).port)
  }

  /** Sends a request without a body, and its answer to the client. `headers`: names and values in turn. */
  forward(method: string, path: string, headers: readonly string[], response: ServerResponse): void {
    let head = `${method} ${path} HTTP/1.1\r\nhost: 127.0.0.1:${this.#port}\r\nconnection: keep-alive\r\n`
    for (let at = 0; at < headers.length; at += 2) head += `${headers[at]}: ${headers[at + 1]}\r\n`
    let connection = this.#idle.pop()
    while (connection?.closed === true) connection = this.#idle.pop()
    connection ??= new Connection(this.#port, each => this.#idle.push(each))
    connection.send(`${head}\r\n`, response)
  }
}

class Connection {
  readonly #socket: Socket
  readonly #free: (connection: Connection) => void
  #text = ''
  #response: ServerResponse | undefined

  constructor(port: number, free: (connection: Connection) => void) {
    this.#free = free
    this.#socket = connect({ port, host: '127.0.0.1', noDelay: true })
    this.#socket.setEncoding('latin1').on('data', this.#onData)
  }

  get closed(): boolean {
    return this.#socket.destroyed
  }

  send(head: string, response: ServerResponse): void {
    this.#response = response
    this.#socket.write(head, 'latin1')
  }

  readonly #onData = (piece: unknown): void => {
    this.#text += String(piece)
    const end = this.#text.indexOf('\r\n\r\n')
    const response = this.#response
    if (end === -1 || response === undefined) return
    const [status = '', ...lines] = this.#text.slice(0, end).split('\r\n')
    const body = this.#text.slice(end + 4)
    const headers: string[] = []
    let length = 0
    for (const line of lines) {
      const colon = line.indexOf(': ')
      const name = line.slice(0, colon)
      if (name === 'Connection') continue
      if (name === 'Content-Length') length = Number(line.slice(colon + 2))
      headers.push(name, line.slice(colon + 2))
    }
    if (body.length < length) return
    this.#text = ''
    this.#response = undefined
    this.#free(this)
    response.writeHead(Number(status.slice(9, 12)), headers).end(body, 'latin1')
  }
}
