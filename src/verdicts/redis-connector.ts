import { createConnection, Socket } from 'node:net'
import { connect as connectTls, type ConnectionOptions } from 'node:tls'
import { AbstractConnector } from 'ioredis'

/** Where one server listens. */
export interface Address {
  readonly host: string
  readonly port: number
}

/** Says where to connect now. */
export type Find = () => Promise<Address> | Address

/** For every connection, where TLS is used. */
export type Tls = Pick<ConnectionOptions, 'ca' | 'servername'>

/** Milliseconds until a connection that is given up is destroyed: a server that hangs must not delay the next one. */
const farewell = 100

type Tell = (type: string, error: Error) => void

/**
 * Makes ioredis ask where to connect each time that it does, and refuse a server that is not a primary. To find nothing
 * is a connection that fails: the next try comes by the client's own pauses.
 */
export function connectorTo(find: Find, tls: Tls | undefined): new () => AbstractConnector {
  return class extends AbstractConnector {
    #tell: Tell | undefined

    constructor() {
      super(farewell)
    }

    override async connect(tell: Tell): Promise<Socket> {
      this.#tell = tell
      this.connecting = true
      this.stream = await this.#open()
      return this.stream
    }

    async #open(): Promise<Socket> {
      try {
        const address = await find()
        if (!this.connecting) throw new Error('the connection was given up')
        const stream = open(address, tls)
        stream.once('error', error => (this.firstError = error)) // ioredis listens a little later
        return stream
      } catch (error) {
        this.firstError = error instanceof Error ? error : new Error(String(error))
        return new Socket().destroy()
      }
    }

    override check(info: { readonly role?: string }): boolean {
      const isPrimary = info.role === undefined || info.role === 'master'
      if (!isPrimary) this.#tell?.('error', new Error('READONLY the server is a replica'))
      return isPrimary
    }
  }
}

function open({ host, port }: Address, tls: Tls | undefined): Socket {
  const to = { host: host.replace(/^\[|\]$/g, ''), port }
  return tls === undefined ? createConnection(to) : connectTls({ ...to, ...tls })
}

/** `host:port` */
export function readAddress(text: string): Address {
  const colon = text.lastIndexOf(':')
  return { host: text.slice(0, colon), port: Number(text.slice(colon + 1)) }
}

/** One text for one address. */
export function nameOf({ host, port }: Address): string {
  return `${host}:${port}`
}
