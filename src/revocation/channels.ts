import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import type { Redis } from 'ioredis'

/** Changes, to every gateway process. */
export const newsChannel = 'altgate:news'

/** Who has heard which announcement, to those who announce. */
export const acksChannel = 'altgate:acks'

/** What a gateway process is called in Redis: on which host it is, and which one of them. */
export function newGatewayName(): string {
  return `${hostname().replaceAll(/[^\w.-]/g, '-')}/${randomUUID()}`
}

export function hostOf(gateway: string): string {
  return gateway.split('/', 1)[0] ?? ''
}

/** Where a gateway process pings itself. */
export function pingChannel(gateway: string): string {
  return `altgate:ping:${gateway}`
}

/*
 * The keys of the news are on one node of a Cluster, by what stands between the braces, and whoever tells or listens is
 * connected to that node: a message that goes from node to node can be lost without a trace.
 */

/** Sorted set of gateway processes; score: when the lease that each may hold has run out, in Redis's milliseconds. */
export const gatewaysKey = 'altgate:gateways:{news}'

/** The last announcement, for gateways that were not listening: its change may not be committed yet. */
export const announcedKey = 'altgate:announced:{news}'

/** Which server was the primary when news were last sent, and since when in its milliseconds: `<run id> <since>`. */
export const primaryKey = 'altgate:primary:{news}'

/** Milliseconds for which a gateway believes its memory after a sign of life of the feed. */
export const defaultLeaseMs = 1000

/** Which server a connection leads to: an id that each run of a Redis has for itself. */
export async function runIdOf(redis: Redis): Promise<string> {
  const id = /^run_id:(\w+)/m.exec(await redis.info('server'))?.[1]
  if (id === undefined) throw new Error('Redis does not say which run it is')
  return id
}

/**
 * In scripts: for how many milliseconds this run of Redis has been the one that news are sent by, as far as anybody saw.
 * One that was started, emptied, promoted, or given the keys does not know all gateways that may trust their memory by
 * the word of the one before it.
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

/** Waits for those who must have heard something: until each has answered, or its lease has run out. */
interface Acknowledgements {
  answered(name: string): void
  /** `present`: milliseconds of lease that each has left. Answers that came before count. */
  complete(present: ReadonlyMap<string, number>): Promise<void>
  /** Those that are still waited for. */
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
      const timer = setTimeout(done, ms).unref() // the connections keep the process while they stand
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
