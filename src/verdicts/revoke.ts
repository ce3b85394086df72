import type { Slot } from '../gateway/names.ts'
import { goneKey, poolKey } from './keys.ts'
import { revokedSeconds, type Lifetimes } from './kept.ts'
import type { RedisServer } from './redis.ts'

/**
 * Takes every verdict about these slots out of Redis and leaves a tombstone for each: from now on nothing that was
 * found as of an earlier change is written there. Throws `Outage`; some slots may be revoked then, which only
 * costs a check each.
 */
export type Revoke = (slots: readonly Slot[], number: number) => Promise<void>

/** Slots in one script call: Redis answers nobody else while it runs. */
const batch = 500

export function createRevoke(server: RedisServer, lifetimes: Lifetimes): Revoke {
  const seconds = revokedSeconds(lifetimes)

  return async function revoke(slots, number) {
    if (slots.length === 0) return
    await server.visit(async redis => {
      for (let first = 0; first < slots.length; first += batch) {
        const keys = slots.slice(first, first + batch).flatMap(keysOf)
        await redis.eval(revoking, keys.length, ...keys, number, seconds)
      }
    })
  }
}

function keysOf(slot: Slot): string[] {
  return [goneKey(slot), poolKey('good', slot), poolKey('other', slot)]
}

/** A tombstone never goes back to an earlier revision. */
const revoking = `
for i = 1, #KEYS, 3 do
  local gone = tonumber(redis.call('GET', KEYS[i]) or 0)
  redis.call('SET', KEYS[i], math.max(gone, tonumber(ARGV[1])), 'EX', ARGV[2])
  redis.call('DEL', KEYS[i + 1], KEYS[i + 2])
end
`
