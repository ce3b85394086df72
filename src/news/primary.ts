import type { Redis } from 'ioredis'

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
