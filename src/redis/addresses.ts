import { createConnection, Socket } from 'node:net'
import { type ConnectionOptions, connect as connectTls } from 'node:tls'
import { AbstractConnector, type Redis } from 'ioredis'

/** Where one server listens. */
export interface Address {
  readonly host: string
  readonly port: number
}

/** Finds the server to connect to now. */
export type Find = () => Promise<Address> | Address

/** For every connection, where TLS is used. */
export type Tls = Pick<ConnectionOptions, 'ca' | 'servername'>

/** Milliseconds until an abandoned connection is destroyed: a hanging server must not delay the next one. */
const closingTime = 100

type Tell = (type: string, error: Error) => void

/**
 * Makes ioredis look up the server before each connection, and refuse one that is not a primary. A failed look-up is a
 * failed connection: the client retries after its usual pauses.
 */
export function connectorTo(find: Find, tls: Tls | undefined): new () => AbstractConnector {
  return class extends AbstractConnector {
    #tell: Tell | undefined

    constructor() {
      super(closingTime)
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
        if (!this.connecting) throw new Error('the connection was abandoned')
        const stream = open(address, tls)
        stream.once('error', error => (this.firstError = error)) // ioredis adds its listener later
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

/** The address as `host:port`, for comparisons. */
export function nameOf({ host, port }: Address): string {
  return `${host}:${port}`
}

/** What the Sentinels report about one primary. */
interface Sentinels {
  /** The primary named by most of the Sentinels that answer. Rejects if none answers, or if they disagree. */
  readonly primary: () => Promise<Address>
  /** The same, with the number of Sentinels that name it. Waits for all of them. */
  readonly count: () => Promise<{ readonly primary: Address; readonly votes: number }>
  /** Calls `named` with the primary whenever it may have changed. Returns a function that ends this. */
  watch(named: (address: Address) => void): () => void
}

interface SentinelsOptions {
  readonly name: string
  readonly hosts: readonly Address[]
  /** Runs a task on one of them. */
  readonly ask: (host: Address, task: (sentinel: Redis) => Promise<unknown>) => Promise<unknown>
  readonly keep: (host: Address) => Redis
}

export function createSentinels({ name, hosts, ask, keep }: SentinelsOptions): Sentinels {
  async function askOne(host: Address): Promise<string> {
    const answer = await ask(host, sentinel => sentinel.call('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', name))
    if (!Array.isArray(answer)) throw new Error('the Sentinels know no primary of that name')
    return nameOf({ host: String(answer[0]), port: Number(answer[1]) })
  }

  /** Waits for a hanging Sentinel only until the others form a majority. */
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
      else if (first[1] === second?.[1]) reject(new Error('the Sentinels disagree about the primary'))
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
      const look = () => void primary().then(named, () => {}) // a connection that needs the primary reports it
      const kept = hosts.map(host => {
        const sentinel = keep(host)
        sentinel.on('error', () => {}) // the others may suffice
        sentinel.on('message', look)
        // Messages sent while the subscription was down are not repeated, so look now.
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
