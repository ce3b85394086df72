import type { Redis } from 'ioredis'
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

/** Slots that are under way at once: Redis must not have to keep the answers to all of them. */
const batch = 500

export function createRevoke(server: RedisServer, lifetimes: Lifetimes): Revoke {
  const seconds = revokedSeconds(lifetimes)

  /** One script for each slot: those of two slots may be on two nodes. */
  function revokeOne(redis: Redis, slot: Slot, number: number): Promise<unknown> {
    const keys = [goneKey(slot), poolKey('good', slot), poolKey('other', slot)]
    return redis.eval(revoking, keys.length, ...keys, number, seconds)
  }

  return async function revoke(slots, number) {
    if (slots.length === 0) return
    await server.visitEach(slots, goneKey, async (redis, each) => {
      for (let first = 0; first < each.length; first += batch)
        await Promise.all(each.slice(first, first + batch).map(slot => revokeOne(redis, slot, number)))
    })
  }
}

/** A tombstone never goes back to an earlier revision. */
const revoking = `
local gone = tonumber(redis.call('GET', KEYS[1]) or 0)
redis.call('SET', KEYS[1], math.max(gone, tonumber(ARGV[1])), 'EX', ARGV[2])
redis.call('DEL', KEYS[2], KEYS[3])
`
