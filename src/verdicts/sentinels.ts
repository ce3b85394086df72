import type { Redis } from 'ioredis'
import { nameOf, readAddress, type Address } from './redis-connector.ts'

/** What Sentinels say of one primary. */
export interface Sentinels {
  /** The primary as most of those name it that answer. Rejects if none does, or if they are of two minds. */
  readonly primary: () => Promise<Address>
  /** The same, and how many name it. Waits for all of them. */
  readonly count: () => Promise<{ readonly primary: Address; readonly votes: number }>
  /** Told of the primary whenever it may have become another one, until it is told to stop. */
  watch(named: (address: Address) => void): () => void
}

export interface SentinelsOptions {
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
