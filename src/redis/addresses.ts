import { createConnection, Socket } from 'node:net'
import { type ConnectionOptions, connect as connectTls } from 'node:tls'
import { AbstractConnector, type Redis } from 'ioredis'

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

    /** `info`: what ioredis takes for the answer to INFO; after a reply that came unasked it may be anything, null included. */
    override check(info: { readonly role?: string } | null): boolean {
      if (typeof info !== 'object' || info === null || Array.isArray(info)) return false
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

/** What Sentinels say of one primary. */
interface Sentinels {
  /** The primary as most of those name it that answer. Rejects if none does, or if they are of two minds. */
  readonly primary: () => Promise<Address>
  /** The same, and how many name it. Waits for all of them. */
  readonly count: () => Promise<{ readonly primary: Address; readonly votes: number }>
  /** Told of the primary whenever it may have become another one, until it is told to stop. */
  watch(named: (address: Address) => void): () => void
}

interface SentinelsOptions {
  readonly name: string
  readonly hosts: readonly Address[]
  /** One question to one of them. */
  readonly ask: (host: Address, task: (sentinel: Redis) => Promise<unknown>) => Promise<unknown>
  readonly keep: (host: Address) => Redis
}

export function createSentinels({ name, hosts, ask, keep }: SentinelsOptions): Sentinels {
  async function askOne(host: Address): Promise<string> {
    const answer = await ask(host, sentinel => sentinel.call('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', name))
    if (!Array.isArray(answer)) throw new Error('the Sentinels know no primary of that name')
    return nameOf({ host: String(answer[0]), port: Number(answer[1]) })
  }

  /** One that hangs is waited for only while the others do not suffice. */
  function primary(): Promise<Address> {
    const { promise, resolve, reject } = Promise.withResolvers<Address>()
    const votes = new Map<string, number>()
    let failure: unknown
    const asked = hosts.map(async host => {
      const named = await askOne(host).catch((error: unknown) => void (failure = error))
      if (named === undefined) return
      votes.set(named, (votes.get(named) ?? 0) + 1)
      if ((votes.get(named) ?? 0) > hosts.length / 2) resolve(readAddress(named))
    })
    void Promise.all(asked).then(() => {
      const [first, second] = [...votes].sort(([, a], [, b]) => b - a)
      if (first === undefined) reject(failure)
      else if (first[1] === second?.[1]) reject(new Error('the Sentinels are of two minds'))
      else resolve(readAddress(first[0]))
    })
    return promise
  }

  return {
    primary,
    async count() {
      const chosen = await primary()
      const names = await Promise.all(hosts.map(host => askOne(host).catch(() => undefined)))
      return { primary: chosen, votes: names.filter(name => name === nameOf(chosen)).length }
    },
    watch(named) {
      const look = () => void primary().then(named, () => {}) // whoever needs it is told
      const kept = hosts.map(host => {
        const sentinel = keep(host)
        sentinel.on('error', () => {}) // the others may do
        sentinel.on('message', look)
        // What was said while nobody listened is not said again.
        sentinel.on('ready', () => {
          sentinel.subscribe('+switch-master').then(look, () => sentinel.disconnect(true))
        })
        return sentinel
      })
      return () => {
        for (const each of kept) each.disconnect()
      }
    },
  }
}
