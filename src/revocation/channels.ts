import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import type { Redis } from 'ioredis'

/** Announces changes to every gateway process. */
export const newsChannel = 'altgate:news'

/** Acknowledgements of announcements, for the publishers. */
export const acksChannel = 'altgate:acks'

/** The name of a gateway process in Redis: its host and a unique id. */
export function newGatewayName(): string {
  return `${hostname().replaceAll(/[^\w.-]/g, '-')}/${randomUUID()}`
}

export function hostOf(gateway: string): string {
  return gateway.split('/', 1)[0] ?? ''
}

/** The channel on which a gateway process pings itself. */
export function pingChannel(gateway: string): string {
  return `altgate:ping:${gateway}`
}

/*
 * The braces put these keys on one node of a Cluster. Publishers and subscribers connect to that node, because a message
 * between nodes can be lost without a trace.
 */

/** Sorted set of gateway processes; score: when the lease expires at the latest, in milliseconds by the clock of Redis. */
export const gatewaysKey = 'altgate:gateways:{news}'

/** The last announcement, for gateways that were not subscribed: its change may not be committed yet. */
export const announcedKey = 'altgate:announced:{news}'

/** The server that was the primary when news was last sent, and since when by its clock: `<run id> <since>`. */
export const primaryKey = 'altgate:primary:{news}'

/** Milliseconds for which a gateway trusts its memory after a ping on the news channel. */
export const defaultLeaseMs = 1000

/** Identifies the server of a connection: each run of a Redis has an id of its own. */
export async function runIdOf(redis: Redis): Promise<string> {
  const id = /^run_id:(\w+)/m.exec(await redis.info('server'))?.[1]
  if (id === undefined) throw new Error('Redis did not return its run id')
  return id
}

/**
 * For scripts: for how many milliseconds this run of Redis has been seen as the server of the news. One that was just
 * started, emptied, promoted or given the keys does not know all leases that its predecessor granted.
 */
export const primaryAge = `
local function primaryAge(key, run, now)
  local known = redis.call('GET', key)
  local since = known and string.match(known, '^' .. run .. ' (%d+)$')
  if since then return now - since end
  redis.call('SET', key, run .. ' ' .. string.format('%.0f', now))
  return 0
end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
`

/** Waits until each gateway has acknowledged a message, or its lease has expired. */
interface Acknowledgements {
  answered(name: string): void
  /** `present`: milliseconds of lease that each has left. Earlier acknowledgements count. */
  complete(present: ReadonlyMap<string, number>): Promise<void>
  /** The gateways that are still waited for. */
  silent(): readonly string[]
}

export function createAcknowledgements(): Acknowledgements {
  const answers = new Set<string>()
  const waiting = new Map<string, () => void>()

  function answerOf(name: string, ms: number): Promise<void> {
    return new Promise(resolve => {
      const done = () => {
        waiting.delete(name)
        resolve()
      }
      const timer = setTimeout(done, ms).unref() // the connections keep the process alive
      waiting.set(name, () => {
        clearTimeout(timer)
        done()
      })
    })
  }

  return {
    answered(name) {
      answers.add(name)
      waiting.get(name)?.()
    },
    async complete(present) {
      const silent = [...present].filter(([name]) => !answers.has(name))
      await Promise.all(silent.map(([name, ms]) => answerOf(name, ms)))
    },
    silent: () => [...waiting.keys()],
  }
}
